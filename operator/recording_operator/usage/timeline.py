"""Turn the samples of one location into usage by day. Pure: the same samples give the same days."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from recording_operator.api.storagereport import DownloadSource
from recording_operator.usage.collector import collector_paused
from recording_operator.usage.days import EarlyDeletion, UsageDay, UsageDays
from recording_operator.usage.levels import (
    SECONDS_PER_DAY,
    Levels,
    LevelsBetween,
    UploadedStock,
    held_between,
    levels_of,
    sums_of,
    uploads_of,
    with_completed,
)
from recording_operator.usage.sample import OTHER, SHARED, OwnerKey, PastRow, State, UsageSample
from recording_operator.usage.sharing import share_whole
from recording_operator.usage.stock import NOTHING, Stock
from recording_operator.usage.sums import second_of


@collector_paused()
def usage_days(samples: Sequence[UsageSample]) -> UsageDays:
    """The days of a location from its samples in order, at least one, of which none overlap (`months.chain`)."""
    timeline = _Timeline(samples[0])
    for sample in samples[1:]:
        timeline.advance(sample)
    days = dict(sorted(timeline.days.items()))
    return UsageDays(location=samples[0].location, days=days, until=timeline.at, opened=samples[0].at)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationUsage:
    """What is known of a location: its newest sample, and its days from all samples."""

    newest: UsageSample
    days: UsageDays


def usage_of(samples: Sequence[UsageSample]) -> LocationUsage | None:
    """From samples in order; None if there are none."""
    return LocationUsage(newest=samples[-1], days=usage_days(samples)) if len(samples) else None


def month_start(at: datetime) -> datetime:
    """Midnight (UTC) of the first of the month."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def midnight(day: date) -> datetime:
    """The beginning of a day in UTC."""
    return datetime.combine(day, time(0), UTC)


class _Timeline:
    """Adds one sample after the other."""

    def __init__(self, first: UsageSample) -> None:
        self.days: dict[date, UsageDay] = {}
        self._last = first
        self._levels: Levels = levels_of(first)
        self.at = first.at
        if first.past:
            for row in first.past:
                self._add_past(row)
        elif first.taken_over is not None and first.since is not None:
            self._levels, self.at = {}, first.since
            self._mark_break(first.since.date(), first.at.date())
            self.advance(first)
        else:
            self._open(first)
        self._mark_break(first.at.date(), first.at.date())

    def advance(self, sample: UsageSample) -> None:
        """Add the time since the last sample."""
        if sample.at <= self.at:
            self._levels = levels_of(sample)
        else:
            held = levels_of(sample)
            uploads = with_completed(uploads_of(sample, held), self._levels, held)
            if _basis(sample) != _basis(self._last):
                self._mark_break(self.at.date(), sample.at.date())
            self._stretch(sample, LevelsBetween(first=self._levels, last=held, uploads=uploads))
        self._last = sample

    def _open(self, first: UsageSample) -> None:
        """From the beginning of the month: stock without a known date was there from the beginning."""
        uploads = uploads_of(first, self._levels)
        added = sums_of(uploads)
        levels = {key: stock.less(added.get(key, NOTHING)).at_least_zero() for key, stock in self._levels.items()}
        self.at = month_start(first.at)
        if self.at < first.at:
            self._stretch(first, LevelsBetween(first=levels, last=self._levels, uploads=uploads), opening=True)

    def _stretch(self, sample: UsageSample, between: LevelsBetween, *, opening: bool = False) -> None:
        begin, whole_s = self.at, int((sample.at - self.at).total_seconds())
        levels = between.first
        for stop in _stops(begin, sample.at):
            day = self.at.date()
            passed_s = int((stop - begin).total_seconds())
            reached = between.last if stop == sample.at else between.at(day, passed_s, whole_s)
            entry = self.days.setdefault(day, UsageDay(estimated=True))
            without_sample = (opening or begin.date() < day) and day < sample.at.date()
            entry.estimated = entry.estimated and without_sample
            _note_counting(entry, counts=_counts_downloads(sample), is_new=not entry.volumes)
            self._hold(entry, levels, reached, between.uploads.get(day, []), stop, counts=_counts_downloads(sample))
            levels, self.at = reached, stop
        self._levels = between.last
        self._note_flows(sample, begin.date())

    def _hold(
        self,
        entry: UsageDay,
        first: Levels,
        last: Levels,
        uploads: list[UploadedStock],
        stop: datetime,
        *,
        counts: bool,
    ) -> None:
        """Add the stock until `stop`, on the same day."""
        begin_s = second_of(self.at)
        end_s = second_of(stop) or SECONDS_PER_DAY
        for key, stock, seconds in held_between(first, last, uploads, begin_s=begin_s, end_s=end_s):
            volume = entry.volume(key)
            volume.stock_seconds = volume.stock_seconds.plus_times(stock, seconds)
            if counts and not entry.counts_downloads:
                volume.counted_byte_seconds += stock.size_bytes * seconds
        for key, volume in entry.volumes.items():
            volume.end = last.get(key, NOTHING)

    def _note_flows(self, sample: UsageSample, first_day: date) -> None:
        """Uploads, downloads and early deletions since the last sample, on their days (a late one on the first)."""
        last_day = (sample.at - timedelta(microseconds=1)).date()
        counts = _counts_downloads(sample)
        for row in sample.arrived:
            if row.state is State.INCOMPLETE:
                continue
            entry = self.days[min(max(row.day, first_day), last_day)]
            volume = entry.volume(row.key)
            volume.uploaded_bytes += row.size_bytes
            volume.uploaded_objects += row.objects
            volume.writes += row.writes
            if counts and not entry.counts_downloads:
                volume.counted_uploaded_bytes += row.size_bytes
        for download in sample.downloaded:
            entry = self.days[min(max(download.day, first_day), last_day)]
            for key, part in _readers(entry, download.org, download.size_bytes).items():
                entry.volume(key).downloaded_bytes += part
        for deleted in sample.deleted_early:
            entry = self.days.setdefault(sample.at.date(), UsageDay())
            entry.early_deletions.append(EarlyDeletion(key=deleted.key, uploaded=deleted.day, stock=deleted.stock))

    def _add_past(self, row: PastRow) -> None:
        days = (row.end - row.begin).days + 1
        entry = self.days.setdefault(row.begin, UsageDay(estimated=row.estimated, counts_downloads=True, days=days))
        volume = entry.volume(OwnerKey(row.org, row.namespace, row.storage_class, State.CURRENT))
        volume.stock_seconds = volume.stock_seconds.plus(Stock(size_bytes=row.byte_seconds))
        volume.end = volume.end.plus(Stock(size_bytes=row.size_bytes))
        volume.uploaded_bytes += row.uploaded_bytes
        volume.writes += row.writes
        volume.downloaded_bytes += row.downloaded_bytes

    def _mark_break(self, first: date, last: date) -> None:
        for number in range((last - first).days + 1):
            self.days.setdefault(first + timedelta(days=number), UsageDay(estimated=True)).is_break = True


def _counts_downloads(sample: UsageSample) -> bool:
    return sample.download_source is not DownloadSource.PLAYBACK


def _note_counting(entry: UsageDay, *, counts: bool, is_new: bool) -> None:
    """Say whether downloads are counted from now on. If they were counted so far and no longer are, keep what was."""
    if is_new:
        entry.counts_downloads = counts
    elif entry.counts_downloads and not counts:
        entry.counts_downloads = False
        for volume in entry.volumes.values():
            volume.counted_byte_seconds = volume.stock_seconds.size_bytes
            volume.counted_uploaded_bytes = volume.uploaded_bytes


def _readers(entry: UsageDay, org: str, size_bytes: int) -> dict[OwnerKey, int]:
    """Downloads by owner, in proportion to the stored bytes that can be read."""
    weights = {
        key: volume.end.size_bytes
        for key, volume in entry.volumes.items()
        if key.state is State.CURRENT and key.storage_class and org in (SHARED, key.org)
    }
    unknown = OwnerKey(org or OTHER, OTHER, "", State.CURRENT)
    return share_whole(size_bytes, weights or {unknown: 1})


def _basis(sample: UsageSample) -> tuple[str, str, str | None]:
    return sample.basis, sample.source, sample.counted_by


def _stops(begin: datetime, end: datetime) -> Iterator[datetime]:
    """The midnights between `begin` and `end`, and the end."""
    stop = midnight(begin.date() + timedelta(days=1))
    while stop < end:
        yield stop
        stop += timedelta(days=1)
    yield end
