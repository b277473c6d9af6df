"""Open uploads: their parts are stored from the time of their upload, and nothing is stored twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.usage.counting import OpenPart
from recording_operator.usage.days import UsageDay
from recording_operator.usage.sample import State, UsageSample
from recording_operator.usage.stock import NOTHING
from recording_operator.usage.timeline import usage_days
from tests.usage.counted import DAY, GB, UNHURRIED, Listing, OpenThing, Thing, at, count

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
    has_part_times: bool = True
    number: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(size for _, size in self.parts)

    def is_open(self, now: datetime) -> bool:
        return self.begun_at <= now and all(end is None or end > now for end in (self.complete_at, self.aborted_at))

    def is_complete(self, now: datetime) -> bool:
        return self.complete_at is not None and self.complete_at <= now

    @property
    def thing(self) -> Thing:
        dated = self.begun_at if self.dated_by_begin or self.complete_at is None else self.complete_at
        return Thing(size_bytes=self.size_bytes, dated=dated, number=self.number, etag=f'"sum-{len(self.parts)}"')

    def open_thing(self, now: datetime) -> OpenThing:
        parts = [OpenPart(size, at if self.has_part_times else self.begun_at) for at, size in self.parts if at <= now]
        return OpenThing(parts=tuple(parts), number=self.number)


def refresh(samples: Sequence[UsageSample], now: datetime, *uploads: Upload) -> list[UsageSample]:
    """One more sample."""
    listing = Listing(
        current=[one.thing for one in uploads if one.is_complete(now)],
        uploads=[one.open_thing(now) for one in uploads if one.is_open(now)],
    )
    return [*samples, count(samples[-1] if samples else None, now, listing)]


def days(samples: Sequence[UsageSample]) -> dict[str, UsageDay]:
    return {day.isoformat(): found for day, found in usage_days(samples).days.items()}


def gb_hours(samples: Sequence[UsageSample]) -> int:
    """All that was stored, times how long."""
    byte_s = sum(volume.stock_seconds.size_bytes for day in days(samples).values() for volume in day.volumes.values())
    assert byte_s % (GB * 3600) == 0
    return byte_s // (GB * 3600)


def is_nothing(day: UsageDay) -> bool:
    return all(
        volume.stock_seconds == volume.end == NOTHING and not volume.uploaded_bytes and not volume.writes
        for volume in day.volumes.values()
    )


def nothing_before(samples: Sequence[UsageSample], first: str) -> bool:
    return all(is_nothing(found) for day, found in days(samples).items() if day < first)


def flows(samples: Sequence[UsageSample]) -> tuple[int, int]:
    """Uploaded bytes and write requests."""
    volumes = [volume for day in days(samples).values() for volume in day.volumes.values()]
    return sum(volume.uploaded_bytes for volume in volumes), sum(volume.writes for volume in volumes)


TERABYTE: Final = Upload(
    begun_at=at("2026-11-28T10:00"),
    parts=tuple(
        (at(f"2026-11-28T{time}"), 250 * GB) for time in ("11:00", "11:30", "13:00", "13:30")
    ),
    complete_at=at("2026-11-28T14:00"),
)  # fmt: skip


def test_a_terabyte_that_is_being_uploaded_at_the_first_count() -> None:
    # At 12:00: 250 GB for an hour and 250 GB for half of one.
    samples = refresh([], at("2026-11-28T12:00"), TERABYTE)
    assert nothing_before(samples, "2026-11-28")
    assert gb_hours(samples) == 375
    assert [(row.state, row.size_bytes) for row in samples[0].stored] == [(State.INCOMPLETE, 500 * GB)]
    assert flows(samples) == (0, 0)
    # At 16:00 it is complete: from 500 to 1,000 GB in four hours.
    samples = refresh(samples, at("2026-11-28T16:00"), TERABYTE)
    assert gb_hours(samples) == 375 + 3000
    samples = refresh(samples, at("2026-11-29T16:00"), TERABYTE)
    assert gb_hours(samples) == 3375 + 24_000
    samples = refresh(samples, at("2026-12-01T16:00"), TERABYTE)
    assert nothing_before(samples, "2026-11-28")
    assert flows(samples) == (1000 * GB, 6)


def test_parts_without_a_time_count_from_the_begin_of_the_upload() -> None:
    samples = refresh([], at("2026-11-28T12:00"), replace(TERABYTE, has_part_times=False))
    assert gb_hours(samples) == 2 * 500
    assert nothing_before(samples, "2026-11-28")


def test_an_upload_that_began_after_days_without_a_count_was_not_stored_on_these_days() -> None:
    samples = refresh(refresh([], at("2026-11-02")), at("2026-11-28T12:00"), TERABYTE)
    assert nothing_before(samples, "2026-11-28")
    assert gb_hours(samples) == 375


def test_an_object_uploaded_after_days_without_a_count_was_not_stored_on_these_days() -> None:
    samples = refresh(refresh([], at("2026-11-02")), at("2026-11-29T10:00"), TERABYTE)
    assert nothing_before(samples, "2026-11-28")
    assert gb_hours(samples) == 24_000


def test_parts_that_became_an_object_between_two_counts_are_stored_once() -> None:
    """The store dates the object by its end: the parts stay until then."""
    upload = replace(
        TERABYTE,
        begun_at=at("2026-11-20T10:00"),
        parts=((at("2026-11-20T11:00"), 600 * GB), (at("2026-11-24T05:00"), 400 * GB)),
        complete_at=at("2026-11-24T06:00"),
        dated_by_begin=False,
    )
    samples = refresh(refresh([], at("2026-11-20T12:00"), upload), at("2026-11-28"), upload)
    ends = {
        day: sum(volume.end.size_bytes for volume in found.volumes.values()) for day, found in days(samples).items()
    }
    assert [ends[f"2026-11-{day}"] // GB for day in range(19, 28)] == [0, 600, 600, 600, 600, 1000, 1000, 1000, 1000]
    # 600 GB from the 20th at 11:00 to the 24th at 06:00, then 1,000.
    assert gb_hours(samples) == 600 * 91 + 1000 * 90


def test_an_aborted_upload_was_stored_and_is_not_uploaded() -> None:
    upload = replace(TERABYTE, complete_at=None, aborted_at=at("2026-11-28T16:00"))
    samples = refresh(refresh([], at("2026-11-28T12:00"), upload), at("2026-11-28T16:00"), upload)
    assert gb_hours(samples) == 375 + 1000
    samples = refresh(samples, at("2026-11-30"), upload)
    assert gb_hours(samples) == 375 + 1000
    assert flows(samples) == (0, 0)


UPLOADS = st.lists(
    st.tuples(
        st.integers(0, 27 * 24),
        st.lists(st.integers(0, 30), min_size=1, max_size=4),
        st.integers(1, 900),
        st.integers(1, 80) | st.none(),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
).map(lambda drawn: tuple(_uploads(drawn)))
# All within November: the first count reconstructs its own month.
REFRESHES = st.lists(st.integers(1, 30 * 24 - 1), min_size=1, max_size=6, unique=True).map(
    lambda hours: [MONTH + hour * HOUR for hour in sorted(hours)]
)


def _uploads(drawn: list[tuple[int, list[int], int, int | None, bool, bool]]) -> Iterator[Upload]:
    for number, (begun_h, gaps, size, ends_h, by_begin, timed) in enumerate(drawn):
        begun_at = last = MONTH + begun_h * HOUR + timedelta(minutes=7)
        parts = []
        for gap in gaps:
            last += gap * HOUR
            parts.append((last, size * MB))
        yield Upload(
            begun_at=begun_at,
            parts=tuple(parts),
            complete_at=last + ends_h * HOUR if ends_h is not None else None,
            dated_by_begin=by_begin,
            has_part_times=timed,
            number=number + 1,
        )


@settings(UNHURRIED, max_examples=100)
@given(uploads=UPLOADS, refreshes=REFRESHES)
def test_nothing_is_stored_before_its_first_byte(uploads: tuple[Upload, ...], refreshes: list[datetime]) -> None:
    samples: list[UsageSample] = []
    first = min(upload.begun_at for upload in uploads).date().isoformat()
    for now in refreshes:
        samples = refresh(samples, now, *uploads)
    assert nothing_before(samples, first)
    longest = sum(
        upload.size_bytes * max(int((refreshes[-1] - upload.begun_at).total_seconds()), 0) for upload in uploads
    )
    volumes = [volume for day in days(samples).values() for volume in day.volumes.values()]
    # Parts share one mean second.
    rounding = 2 * sum(one.size_bytes for one in uploads) * len(refreshes)
    assert sum(volume.stock_seconds.size_bytes for volume in volumes) <= longest + rounding


@settings(UNHURRIED, max_examples=100)
@given(uploads=UPLOADS, refreshes=REFRESHES)
def test_samples_that_begin_while_uploads_are_open_come_to_what_those_from_the_start_come_to(
    uploads: tuple[Upload, ...], refreshes: list[datetime]
) -> None:
    late: list[UsageSample] = []
    early = refresh([], MONTH + timedelta(seconds=1), *uploads)
    for now in [*refreshes, at("2026-12-02"), at("2026-12-12")]:
        late, early = refresh(late, now, *uploads), refresh(early, now, *uploads)
    assert flows(late) == flows(early)
    of_late = days(late)
    for day, found in days(early).items():
        if not is_nothing(found):
            assert amounts(of_late[day]) == amounts(found)


def amounts(day: UsageDay) -> dict[object, object]:
    return {
        key: (volume.stock_seconds, volume.end, volume.uploaded_bytes, volume.writes)
        for key, volume in day.volumes.items()
        if (volume.stock_seconds, volume.end, volume.uploaded_bytes, volume.writes) != (NOTHING, NOTHING, 0, 0)
    }


def test_after_completion_all_days_are_those_of_samples_that_never_saw_the_upload_open() -> None:
    seen_open = refresh([], at("2026-11-28T12:00"), TERABYTE)
    fresh: list[UsageSample] = []
    for number in range(35):
        now = at("2026-11-30") + number * DAY
        seen_open, fresh = refresh(seen_open, now, TERABYTE), refresh(fresh, now, TERABYTE)
    of_fresh = days(fresh)
    for day, found in days(seen_open).items():
        if day > "2026-11-29":
            assert amounts(of_fresh[day]) == amounts(found)
    assert flows(seen_open) == flows(fresh) == (1000 * GB, 6)
