"""Counts with a clock that jumps: no upload is lost or counted twice, and counting goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from recording_operator.usage.days import UsageDays
from recording_operator.usage.months import chain
from recording_operator.usage.sample import UsageSample
from recording_operator.usage.timeline import usage_days
from tests.usage.counted import GB, UNHURRIED, Listing, Thing, at, count

START = at("2026-09-10")
HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A day in which objects are uploaded, and the clock is wrong at some counts."""

    uploads: tuple[int, ...] = ()
    """Seconds of the day at which an object is uploaded."""
    ahead: tuple[int, ...] = ()
    """Hours by which the clock is ahead (negative: behind) at each wrong count."""
    ends: int = 24
    """The hour of the count with the right clock at which the episode ends."""


@dataclass(kw_only=True)
class Bucket:
    """Objects, the samples that were kept, and the real time."""

    now: datetime = START
    things: list[Thing] = field(default_factory=list)
    kept: list[UsageSample] = field(default_factory=list)

    def until(self, when: datetime, uploads: Sequence[datetime]) -> None:
        """Let time pass."""
        for dated in uploads:
            if self.now < dated <= when:
                number = len(self.things) + 1
                self.things.append(Thing(size_bytes=number * GB, dated=dated, number=number))
        self.now = when

    def count(self, *, ahead: timedelta = timedelta(0)) -> UsageSample:
        """Count with a clock that may be wrong."""
        clock = self.now + ahead
        seen = chain(self.kept, until=clock)
        made = count(seen[-1] if seen else None, clock, Listing(current=list(self.things)))
        self.kept.append(made)
        return made

    def usage(self) -> UsageDays:
        """What a report shows now."""
        return usage_days(chain(self.kept, until=self.now))

    def size_bytes(self) -> int:
        """What was really uploaded."""
        return sum(thing.size_bytes for thing in self.things)


def uploaded(usage: UsageDays) -> int:
    """Uploaded bytes of all days."""
    return sum(volume.uploaded_bytes for entry in usage.days.values() for volume in entry.volumes.values())


def byte_seconds(usage: UsageDays) -> int:
    """Stored bytes over time of all days."""
    return sum(v.stock_seconds.size_bytes for entry in usage.days.values() for v in entry.volumes.values())


hours_wrong = st.integers(1, 24 * 40) | st.integers(-24 * 12, -1) | st.integers(1, 60)
episodes = st.builds(
    Episode,
    uploads=st.lists(st.integers(1, 86_400), max_size=3).map(lambda found: tuple(sorted(found))),
    # Several counts in a row tell more than one of the right clock, unless their time comes days later.
    ahead=st.lists(hours_wrong, max_size=1).map(tuple) | st.lists(st.integers(100, 900), max_size=3).map(tuple),
    ends=st.integers(6, 24),
)


@given(st.lists(episodes, min_size=1, max_size=10))
@example([Episode(uploads=(3600,), ahead=(24 * 20 - 2,)), *[Episode(uploads=(7200,))] * 20])
@example([Episode(ahead=(30,), ends=23), Episode(uploads=(72_000,)), Episode()])
@settings(UNHURRIED, max_examples=100)
def test_nothing_is_lost_or_counted_twice(days: list[Episode]) -> None:
    bucket = Bucket()
    bucket.count()
    wrong: set[datetime] = set()
    for day in days:
        # A clock that is behind may replace the last sample by an older one, until the next count.
        known = 0 if min(day.ahead, default=0) < 0 else bucket.size_bytes()
        begin = bucket.now
        uploads = [begin + timedelta(seconds=second) for second in day.uploads]
        for number, ahead in enumerate(day.ahead, start=1):
            bucket.until(begin + HOUR * number, uploads)
            wrong.add(bucket.count(ahead=HOUR * ahead).at)
            assert known <= uploaded(bucket.usage()) <= bucket.size_bytes(), "with a wrong sample just taken"
        # A minute later, so that no wrong sample is of the same second.
        bucket.until(begin + HOUR * day.ends + timedelta(minutes=1), uploads)
        assert known <= uploaded(bucket.usage()) <= bucket.size_bytes(), "before the next count"
        right = bucket.count()
        usage = bucket.usage()
        assert chain(bucket.kept, until=bucket.now)[-1] == right, "counting goes on"
        assert uploaded(usage) == bucket.size_bytes()
    used = {sample.at for sample in chain(bucket.kept, until=bucket.now)}
    lived = sum(int((bucket.now - thing.dated).total_seconds()) * thing.size_bytes for thing in bucket.things)
    # A wrong sample that counts moves what was uploaded meanwhile by at most the time to the next one.
    off_s = 86_400 if used & wrong else 1
    assert abs(byte_seconds(usage) - lived) <= off_s * bucket.size_bytes()
