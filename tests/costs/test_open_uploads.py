"""Open uploads in a report: their parts cost storage from the time of their upload, and no downloads are estimated."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from recording_operator.costs.index import RecordingIndex
from recording_operator.costs.uploads import RecordingTally
from recording_operator.costs.usage import LocationTally, OpenPart, Scope, Usage

from recording_operator.api.storagereport import HistoryEntry, ReportSource, StorageReportStatus
from recording_operator.costs.report import CountResult, refreshed, window_of
from tests.costs.building import DAY, GB, LOCATION, PATIENT, at, terms

HALF_IS_DOWNLOADED: Final = terms(ratio="0.5")
MONTH: Final = at("2026-11-01")
HOUR: Final = timedelta(hours=1)
MB: Final = 10**6


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A multipart upload. `parts` are times and sizes; a store dates the object by the begin or by the end."""

    begun_at: datetime
    parts: tuple[tuple[datetime, int], ...]
    complete_at: datetime | None = None
    aborted_at: datetime | None = None
    dated_by_begin: bool = True
    tells_part_times: bool = True
    number: int = 0

    @property
    def key(self) -> str:
        return f"acme/{uuid.UUID(int=self.number << 64)}/video.mp4"

    @property
    def size_bytes(self) -> int:
        return sum(size for _, size in self.parts)

    def add_to(self, tally: LocationTally, now: datetime) -> None:
        """Count it as a refresh at `now` finds it."""
        if now < self.begun_at or (self.aborted_at is not None and self.aborted_at <= now):
            return
        if self.complete_at is not None and self.complete_at <= now:
            dated = self.begun_at if self.dated_by_begin else self.complete_at
            etag = f'"sum-{len(self.parts)}"'
            tally.add(self.key, size_bytes=self.size_bytes, storage_class=None, last_modified=dated, etag=etag)
            return
        parts = [
            OpenPart(size, came if self.tells_part_times else self.begun_at) for came, size in self.parts if came <= now
        ]
        tally.add_incomplete(self.key, parts=parts, storage_class=None)


def refresh(status: StorageReportStatus, now: datetime, *uploads: Upload) -> StorageReportStatus:
    """A refresh at `now`, written to a status and read from it."""
    window, usage, index = window_of(status, now=now, scope=Scope().mark), Usage(), RecordingIndex(listed_from=now)
    profile = HALF_IS_DOWNLOADED.prices[LOCATION].profile
    tally = LocationTally(
        usage, location=LOCATION, prefix="", key_template="{org}/{uid}/{artifact}{ext}", claims=(), profile=profile,
        index=index, scope=Scope(), window=window,
    )  # fmt: skip
    for upload in uploads:
        upload.add_to(tally, now)
    tally.was_listed()
    counted = CountResult(
        at=now,
        usage=usage,
        recordings=RecordingTally(index=index, scope=Scope(), window=window),
        sources={LOCATION: ReportSource.INVENTORY},
        scope=Scope().mark,
    )
    new = refreshed(status, counted, HALF_IS_DOWNLOADED, budget=None)
    return StorageReportStatus.model_validate_json(new.model_dump_json(by_alias=True, exclude_none=True))


def cost(status: StorageReportStatus) -> Decimal:
    assert status.cost is not None
    return status.cost.month_to_date


def is_nothing(entry: HistoryEntry) -> bool:
    return not (entry.cost or entry.storage_gb or entry.download_gb or entry.upload_gb or entry.api_requests)


def month_gb_hours(status: StorageReportStatus) -> Decimal:
    assert status.ledger is not None
    return sum((meter.byte_seconds for meter in status.ledger.meters), Decimal(0)) / GB / 3600


TERABYTE: Final = Upload(
    begun_at=at("2026-11-28T10:00"),
    parts=tuple(
        (at(f"2026-11-28T{time}"), 250 * GB) for time in ("11:00", "11:30", "13:00", "13:30")
    ),
    complete_at=at("2026-11-28T14:00"),
)  # fmt: skip


def test_a_terabyte_in_flight_at_the_first_refresh_costs_what_it_was_there_for() -> None:
    # At 12:00: 250 GB for an hour and 250 GB for half of one.
    status = refresh(StorageReportStatus(), at("2026-11-28T12:00"), TERABYTE)
    assert all(is_nothing(entry) for entry in status.history if entry.date < "2026-11-28")
    assert month_gb_hours(status) == 375
    assert status.totals is not None
    assert (status.totals.incomplete_upload_bytes, status.totals.bytes) == (500 * GB, 0)
    assert not status.totals.download_gb
    assert cost(status) == Decimal("0.01")  # 375 / 720 x 0.023

    # At 16:00 it is complete: from 500 to 1,000 GB in four hours, and from 0 to 1,000 that can be read.
    status = refresh(status, at("2026-11-28T16:00"), TERABYTE)
    assert month_gb_hours(status) == 375 + 3000
    assert status.totals is not None
    assert status.totals.download_gb == Decimal("1.388889")  # 2,000 / 720 x 0.5
    assert cost(status) == Decimal("0.23")  # 3,375 / 720 x 0.023 + 2,000 / 720 x 0.5 x 0.09

    status = refresh(status, at("2026-11-29T16:00"), TERABYTE)
    assert cost(status) == Decimal("2.50")  # 27,375 / 720 x 0.023 + 26,000 / 720 x 0.5 x 0.09
    assert all(is_nothing(entry) for entry in status.history if entry.date < "2026-11-28")

    status = refresh(status, at("2026-12-01T16:00"), TERABYTE)
    assert status.cost is not None
    # November: 59,375 / 720 x 0.023 + 58,000 / 720 x 0.5 x 0.09; December: 16,000 / 720 x (0.023 + 0.5 x 0.09).
    assert (status.cost.last_month, status.cost.month_to_date) == (Decimal("5.52"), Decimal("1.51"))
    assert sum(entry.upload_gb for entry in status.history) == 1000
    assert sum(entry.api_requests for entry in status.history) == 6


def test_parts_without_a_time_count_from_the_start_of_the_upload() -> None:
    status = refresh(StorageReportStatus(), at("2026-11-28T12:00"), replace(TERABYTE, tells_part_times=False))
    assert month_gb_hours(status) == 2 * 500
    assert all(is_nothing(entry) for entry in status.history if entry.date < "2026-11-28")


def test_an_upload_that_began_after_days_without_a_refresh_costs_nothing_on_these_days() -> None:
    status = refresh(StorageReportStatus(), at("2026-11-02"))
    status = refresh(status, at("2026-11-28T12:00"), TERABYTE)
    assert all(is_nothing(entry) for entry in status.history if entry.date < "2026-11-28")
    assert month_gb_hours(status) == 375


def test_an_object_stored_after_days_without_a_refresh_costs_nothing_on_these_days() -> None:
    status = refresh(StorageReportStatus(), at("2026-11-02"))
    status = refresh(status, at("2026-11-29T10:00"), TERABYTE)
    assert all(is_nothing(entry) for entry in status.history if entry.date < "2026-11-28")
    assert month_gb_hours(status) == 24_000


def test_parts_that_became_an_object_between_two_refreshes_are_counted_once() -> None:
    """The store dates the object by its end: the parts stay until then, and nothing is there twice."""
    upload = replace(
        TERABYTE,
        begun_at=at("2026-11-20T10:00"),
        parts=((at("2026-11-20T11:00"), 600 * GB), (at("2026-11-24T05:00"), 400 * GB)),
        complete_at=at("2026-11-24T06:00"),
        dated_by_begin=False,
    )
    status = refresh(StorageReportStatus(), at("2026-11-20T12:00"), upload)
    status = refresh(status, at("2026-11-28"), upload)
    levels = {entry.date: int(entry.storage_gb) for entry in status.history if entry.date > "2026-11-18"}
    assert [levels[f"2026-11-{day}"] for day in range(19, 28)] == [0, 600, 600, 600, 600, 1000, 1000, 1000, 1000]
    # 600 GB from the 20th at 11:00 to the 24th at 06:00, then 1,000.
    assert month_gb_hours(status) == 600 * 91 + 1000 * 90


def test_an_aborted_upload_costs_what_it_held_and_is_never_downloaded() -> None:
    upload = replace(TERABYTE, complete_at=None, aborted_at=at("2026-11-28T16:00"))
    status = refresh(StorageReportStatus(), at("2026-11-28T12:00"), upload)
    status = refresh(status, at("2026-11-28T16:00"), upload)
    assert month_gb_hours(status) == 375 + 1000
    later = refresh(status, at("2026-11-30"), upload)
    assert month_gb_hours(later) == month_gb_hours(status)
    assert later.totals is not None
    assert later.totals.download_gb == 0


def test_today_and_the_projection_download_nothing_of_open_uploads() -> None:
    status = refresh(StorageReportStatus(), at("2026-11-28T12:00"), TERABYTE)
    assert status.cost is not None
    assert status.cost.today == Decimal("0.3833")  # 500 x 0.023 / 30
    assert status.cost.projected_next_month == Decimal("11.88")  # 500 x 0.023 / 30 x 31


UPLOADS = st.lists(
    st.builds(
        lambda begun_h, gaps, size, ends_h, by_begin, told: (begun_h, gaps, size, ends_h, by_begin, told),
        st.integers(0, 27 * 24),
        st.lists(st.integers(0, 30), min_size=1, max_size=4),
        st.integers(1, 900),
        st.integers(1, 80) | st.none(),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
).map(lambda drawn: tuple(_drawn(drawn)))
REFRESHES = st.lists(st.integers(1, 30 * 24), min_size=1, max_size=6, unique=True).map(
    lambda hours: [MONTH + hour * HOUR for hour in sorted(hours)]
)


def _drawn(drawn: list[tuple[int, list[int], int, int | None, bool, bool]]) -> Iterator[Upload]:
    for number, (begun_h, gaps, size, ends_h, by_begin, told) in enumerate(drawn):
        begun_at = came = MONTH + begun_h * HOUR + timedelta(minutes=7)
        parts = []
        for gap in gaps:
            came += gap * HOUR
            parts.append((came, size * MB))
        complete_at = came + ends_h * HOUR if ends_h is not None else None
        yield Upload(
            begun_at=begun_at, parts=tuple(parts), complete_at=complete_at, dated_by_begin=by_begin,
            tells_part_times=told, number=number + 1,
        )  # fmt: skip


@settings(PATIENT, max_examples=100)
@given(uploads=UPLOADS, refreshes=REFRESHES)
def test_nothing_is_billed_before_the_first_of_its_bytes(
    uploads: tuple[Upload, ...], refreshes: list[datetime]
) -> None:
    status = StorageReportStatus()
    first = min(upload.begun_at for upload in uploads).date().isoformat()
    for now in refreshes:
        status = refresh(status, now, *uploads)
        assert all(is_nothing(entry) for entry in status.history if entry.date < first)
        longest = sum(upload.size_bytes * max((now - upload.begun_at).total_seconds(), 0) for upload in uploads)
        # The product's seconds are whole.
        assert month_gb_hours(status) * GB * 3600 <= Decimal(longest) + 2 * sum(one.size_bytes for one in uploads)


@settings(PATIENT, max_examples=100)
@given(uploads=UPLOADS, refreshes=REFRESHES)
def test_an_account_begun_while_uploads_are_open_equals_one_from_the_start(
    uploads: tuple[Upload, ...], refreshes: list[datetime]
) -> None:
    late = StorageReportStatus()
    early = refresh(StorageReportStatus(), MONTH, *uploads)
    for now in [*refreshes, at("2026-12-02"), at("2026-12-12")]:
        late, early = refresh(late, now, *uploads), refresh(early, now, *uploads)
        assert late.cost is not None
        assert early.cost is not None
        assert (late.cost.today, late.cost.month_to_date) == (early.cost.today, early.cost.month_to_date)
        assert late.totals == early.totals
        days_late = {entry.date: entry for entry in late.history}
        for entry in early.history:
            if not is_nothing(entry):
                assert days_late[entry.date].model_copy(update={"estimated": entry.estimated}) == entry


def test_a_month_after_completion_every_figure_is_that_of_a_report_that_never_saw_the_upload_open() -> None:
    seen_open = refresh(StorageReportStatus(), at("2026-11-28T12:00"), TERABYTE)
    fresh = StorageReportStatus()
    for day in range(35):
        now = at("2026-11-30") + day * DAY
        seen_open, fresh = refresh(seen_open, now, TERABYTE), refresh(fresh, now, TERABYTE)
    assert seen_open.cost is not None
    assert fresh.cost is not None
    assert (cost(seen_open), seen_open.cost.today) == (cost(fresh), fresh.cost.today)
    assert seen_open.totals == fresh.totals
    for status in (seen_open, fresh):
        assert sum(entry.upload_gb for entry in status.history) == 1000
        assert sum(entry.api_requests for entry in status.history) == 6
