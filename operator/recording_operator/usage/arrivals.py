"""Turns a count into a UsageSample: what is stored, and what happened since the previous sample. Pure.

Each upload is counted once, even if it was in progress at the time of a sample. A store gives the time of an object in
whole seconds, and S3 gives for a multipart upload the time at which it began. An object can therefore be older than the
previous sample and still not be in it. So that it is not missed, each sample also records the uploads of the day before
it. The next sample counts that day again: the difference was uploaded late.

Objects that were deleted before the minimum duration of their class are found by comparing the young objects of each
class and day with those of the previous sample.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from recording_operator.api.storagereport import DownloadSource, ReportSource
from recording_operator.usage.counting import LocationTally
from recording_operator.usage.levels import SECONDS_PER_DAY
from recording_operator.usage.sample import (
    OTHER,
    ArrivalRow,
    Carry,
    DownloadRow,
    EarlyDeletionRow,
    OwnerKey,
    RecordingDownloadRow,
    RecordingRow,
    State,
    StockRow,
    StoredRecordingsRow,
    UsageSample,
)
from recording_operator.usage.sharing import share_whole
from recording_operator.usage.stock import NOTHING, Stock
from recording_operator.usage.sums import RecentSums, UploadSum, amounts
from recording_operator.usage.window import compares_uploads

MOST_RECENT: Final = 512
"""Rows of recent uploads in a sample. The other owners share one."""
MOST_YOUNG: Final = 2048
"""Rows of young objects in a sample. The other owners share one for each class and day."""
_ANY_CLASS: Final = ""


class Uploads(NamedTuple):
    """Uploaded bytes and write requests of an owner."""

    size_bytes: int = 0
    writes: int = 0


class _YoungDay(NamedTuple):
    """Objects of one class that were uploaded on one day."""

    storage_class: str
    day: date


_Recent = dict[tuple[str, str], Uploads]
_Young = dict[_YoungDay, dict[tuple[str, str], Stock]]


def sample_from(
    tally: LocationTally,
    *,
    location: str,
    previous: UsageSample | None,
    basis: str,
    recordings: Iterable[RecordingRow] = (),
    source: ReportSource = ReportSource.INVENTORY,
    download_source: DownloadSource = DownloadSource.PLAYBACK,
    counted_by: str | None = None,
    profile: str = "",
    notes: Iterable[str] = (),
) -> UsageSample:
    """The sample of a count. `tally` counted with `window_after(previous, …)`, and its `now` is the sample's time.

    A location whose objects another one counts has a tally to which no objects were added. The first sample of a
    location that counts the objects of another from now on has the sample of that one as `previous`.
    """
    tally.orphans.end()
    at = tally.window.now
    last_day = (at - timedelta(microseconds=1)).date()
    young = _young_of(tally)
    before = _young_before(previous, tally, basis) if counted_by is None else {}
    return UsageSample(
        location=location,
        at=at,
        since=previous.at if previous is not None else None,
        source=source,
        download_source=download_source,
        basis=basis,
        counted_by=counted_by,
        taken_over=previous.location if previous is not None and previous.location != location else None,
        profile=profile,
        stored=tuple(
            StockRow.model_validate({**_owner(key), **amounts(held.stock)}) for key, held in sorted(tally.sums.items())
        ),
        arrived=(*_arrival_rows(tally.uploads(), last_day), *_late(tally, previous, basis)),
        ahead=_arrival_rows(tally.ahead(), date.max),
        downloaded=tuple(
            DownloadRow(org=org, day=day, size_bytes=size_bytes)
            for day, by_org in sorted(tally.downloads.items())
            for org, size_bytes in sorted(by_org.items())
        ),
        deleted_early=tuple(_deleted_early(before, young)) if tally.is_listed else (),
        recordings=tuple(recordings),
        stored_recordings=tuple(
            StoredRecordingsRow(org=org, namespace=namespace, recordings=number)
            for (org, namespace), number in sorted(tally.recordings.items())
        ),
        orphaned_bytes=tally.orphans.size_bytes,
        orphaned_objects=tally.orphans.objects,
        foreign_bytes=tally.foreign_bytes,
        unsized_uploads=tally.unsized_uploads,
        notes=tuple(notes),
        carry=Carry(
            recent=_recent_rows(tally.recent, at.date()),
            # Where nothing could be listed, nothing is known to be gone: the next listing is compared.
            young=tuple(_young_rows(_bounded(young if tally.is_listed else before))),
            downloads=_recent_downloads(tally, previous) if counted_by is None else (),
        ),
    )


def _recent_downloads(tally: LocationTally, previous: UsageSample | None) -> tuple[RecordingDownloadRow, ...]:
    before = previous.carry.downloads if previous is not None else ()
    return tally.recent_downloads.after(before, at=tally.window.now)


# Uploads


class _Arrived(NamedTuple):
    """Uploads of one owner on one day. `moment` is the sum of bytes times the second of the day."""

    stock: Stock = NOTHING
    writes: int = 0
    moment: int = 0


def _arrival_rows(uploads: Iterable[tuple[OwnerKey, date, UploadSum]], last_day: date) -> tuple[ArrivalRow, ...]:
    """Uploads by day and owner. Those later than `last_day` belong to its end, like its charges."""
    found: dict[tuple[date, OwnerKey], _Arrived] = {}
    for key, day, upload in uploads:
        before = found.get(place := (min(day, last_day), key), _Arrived())
        moment = upload.moment if day <= last_day else upload.size_bytes * SECONDS_PER_DAY
        found[place] = _Arrived(before.stock.plus(upload.stock), before.writes + upload.writes, before.moment + moment)
    return tuple(
        ArrivalRow.model_validate(
            {
                **_owner(key),
                **amounts(uploads.stock),
                "day": day,
                "writes": uploads.writes,
                "second": uploads.moment // uploads.stock.size_bytes if uploads.stock.size_bytes else 0,
            }
        )
        for (day, key), uploads in sorted(found.items())
    )


def _late(tally: LocationTally, previous: UsageSample | None, basis: str) -> tuple[ArrivalRow, ...]:
    """Uploads from before the previous sample that it did not contain. Their storage class is not known."""
    if previous is None or not compares_uploads(previous, basis=basis):
        return ()
    noted = {(row.org, row.namespace): Uploads(row.size_bytes, row.writes) for row in previous.carry.recent}
    return _upload_rows(late(_bounded_recent(tally.recounted), noted), previous.at.date())


def late(recounted: _Recent, noted: _Recent) -> _Recent:
    """What there is now of the period that the previous sample recorded, minus what there was then.

    Never negative: objects deleted meanwhile hide as many late uploads. Computed for the location as a whole, because
    an owner may be in (other) or unknown in one of the samples only; then shared between the owners by growth.
    """
    owners = recounted.keys() | noted.keys()
    nothing = Uploads()
    sizes = _growth({key: recounted.get(key, nothing)[0] - noted.get(key, nothing)[0] for key in sorted(owners)})
    writes = _growth({key: recounted.get(key, nothing)[1] - noted.get(key, nothing)[1] for key in sorted(owners)})
    return {key: Uploads(sizes.get(key, 0), writes.get(key, 0)) for key in sizes.keys() | writes.keys()}


def _growth(grown: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """The total growth, shared between the owners that grew."""
    total = sum(grown.values())
    if total <= 0:
        return {}
    parts = share_whole(total, {key: amount for key, amount in grown.items() if amount > 0})
    return {key: part for key, part in parts.items() if part}


def _recent_rows(recent: RecentSums, day: date) -> tuple[ArrivalRow, ...]:
    """At least one row, so that no uploads can be distinguished from unknown uploads."""
    return _upload_rows({(OTHER, OTHER): Uploads()} | _bounded_recent(recent), day)


def _upload_rows(uploads: _Recent, day: date) -> tuple[ArrivalRow, ...]:
    """Uploads of any class, by owner."""
    return tuple(
        ArrivalRow(
            org=org,
            namespace=namespace,
            storage_class=_ANY_CLASS,
            day=day,
            size_bytes=found.size_bytes,
            writes=found.writes,
        )
        for (org, namespace), found in sorted(uploads.items())
    )


def _bounded_recent(recent: RecentSums) -> _Recent:
    """The largest owners by name; the others share one entry."""
    largest = sorted(recent.by_owner.items(), key=lambda item: (-item[1].size_bytes, item[0]))
    kept = {owner: Uploads(uploads.size_bytes, uploads.writes) for owner, uploads in largest[:MOST_RECENT]}
    for _, uploads in largest[MOST_RECENT:]:
        rest = kept.get((OTHER, OTHER), Uploads())
        kept[OTHER, OTHER] = Uploads(rest.size_bytes + uploads.size_bytes, rest.writes + uploads.writes)
    return kept


# Minimum durations


def _young_of(tally: LocationTally) -> _Young:
    """Young objects, current and noncurrent: a version that is not the current one any more is not deleted."""
    found: _Young = {}
    for key, day, young in tally.young():
        owners = found.setdefault(_YoungDay(key.storage_class, day), {})
        owner = key[:2]
        owners[owner] = owners.get(owner, NOTHING).plus(young.stock)
    return found


def _young_before(previous: UsageSample | None, tally: LocationTally, basis: str) -> _Young:
    """The young objects of the previous sample whose minimum duration is not over now.

    There are none if it counted other keys: objects that are not counted have not been deleted.
    """
    found: _Young = {}
    if previous is None or previous.basis != basis or previous.counted_by is not None:
        return found
    today = tally.window.now.date()
    for row in previous.carry.young:
        if (today - row.day).days < tally.min_days(row.storage_class):
            found.setdefault(_YoungDay(row.storage_class, row.day), {})[row.org, row.namespace] = row.stock
    return found


def _deleted_early(before: _Young, now: _Young) -> Iterable[EarlyDeletionRow]:
    """Young objects that are gone, by owner.

    Compared for all owners together, because the owner of an object may be known in one of the samples only; then
    shared between the owners that have less.
    """
    for of, then in sorted(before.items()):
        left = now.get(of, {})
        owners = sorted(then.keys() | left.keys())
        lost = {owner: then.get(owner, NOTHING).less(left.get(owner, NOTHING)) for owner in owners}
        shares = [_growth({owner: stock[place] for owner, stock in lost.items()}) for place in range(len(NOTHING))]
        for owner in owners:
            stock = Stock._make([parts.get(owner, 0) for parts in shares])
            if stock.objects or stock.size_bytes:
                yield _young_row(of, owner, stock)


def _bounded(young: _Young) -> _Young:
    """The largest rows by owner; the others share one for each class and day."""
    rows = [(stock.size_bytes, of, owner) for of, owners in young.items() for owner, stock in owners.items()]
    if len(rows) <= MOST_YOUNG:
        return young
    kept: _Young = {}
    for place, (_, of, owner) in enumerate(sorted(rows, key=lambda row: (-row[0], row[1:]))):
        name = owner if place < MOST_YOUNG else (OTHER, OTHER)
        owners = kept.setdefault(of, {})
        owners[name] = owners.get(name, NOTHING).plus(young[of][owner])
    return kept


def _young_rows(young: _Young) -> Iterable[EarlyDeletionRow]:
    for of, owners in sorted(young.items()):
        for owner, stock in sorted(owners.items()):
            yield _young_row(of, owner, stock)


def _young_row(of: _YoungDay, owner: tuple[str, str], stock: Stock) -> EarlyDeletionRow:
    key = OwnerKey(*owner, of.storage_class, State.CURRENT)
    return EarlyDeletionRow.model_validate({**_owner(key), **amounts(stock), "day": of.day})


def _owner(key: OwnerKey) -> dict[str, str]:
    return {"org": key.org, "namespace": key.namespace, "class": key.storage_class, "state": key.state}
