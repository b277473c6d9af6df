"""Which samples count, become a month file, or are deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.api.storagereport import ReportSource
from recording_operator.usage.codec import Period, UsageFile, decode, decode_month, encode, encode_month
from recording_operator.usage.months import chain, due_bundles, expired
from recording_operator.usage.sample import ArrivalRow, Carry, DownloadRow, StockRow, UsageSample
from recording_operator.usage.timeline import usage_days

START = datetime(2026, 9, 10, tzinfo=UTC)
LATER = START + timedelta(days=1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A sample, as far as the chain is concerned."""

    since: datetime | None
    at: datetime
    name: str = ""


def between(begin: int | None, end: int, name: str = "") -> Interval:
    """From one hour to another; None is the first sample."""
    since = None if begin is None else START + timedelta(hours=begin)
    return Interval(since=since, at=START + timedelta(hours=end), name=name)


def chained(*samples: Interval) -> list[Interval]:
    """The chain of a later time."""
    return chain(samples, until=LATER)


def daily(first: int, last: int) -> list[Interval]:
    """From day to day."""
    return [between(24 * day, 24 * (day + 1)) for day in range(first, last)]


def test_samples_are_put_in_order() -> None:
    first, second, third = between(None, 0), between(0, 24), between(24, 48)
    assert chained(third, first, second) == [first, second, third]
    assert chained() == []
    assert chained(second) == [second]


def test_later_samples_do_not_count_yet() -> None:
    first, second = between(None, 0), between(0, 24)
    assert chain([first, second], until=second.at) == [first, second]
    assert chain([first, second], until=second.at - timedelta(seconds=1)) == [first]


def test_of_two_leaders_the_chain_that_goes_on_counts() -> None:
    first, stray, second, third = between(None, 0), between(0, 23), between(0, 24), between(24, 48)
    assert chained(first, stray, second, third) == [first, second, third]
    assert chained(first, stray, second) == [first, stray], "the next count continues the earlier one"


def test_a_sample_of_a_clock_that_was_ahead_does_not_replace_those_taken_since() -> None:
    first, ahead = between(None, 0), between(0, 24 * 30)
    rest = daily(0, 29)
    assert chained(first, ahead) == [first, ahead]
    assert chained(first, ahead, rest[0]) == [first, rest[0]]
    assert chained(first, ahead, *rest) == [first, *rest]
    # Those that continue it do not count either, and not so many taken within an hour.
    after = [between(24 * 30, 24 * 30 + 1), *(between(24 * 30 + hour, 24 * 30 + hour + 1) for hour in range(1, 20))]
    assert chained(first, ahead, *after, *rest) == [first, *rest]
    minutes = [
        Interval(since=ahead.at + timedelta(minutes=number), at=ahead.at + timedelta(minutes=number + 1))
        for number in range(100)
    ]
    assert chained(first, ahead, *minutes, *rest) == [first, *rest]


def test_a_clock_that_was_behind_replaces_nothing() -> None:
    known = [between(None, 0), *daily(0, 10)]
    behind = [between(24, 30), between(30, 37)]
    assert chained(*known, *behind) == known


def test_a_sample_that_could_not_be_read_for_a_while_replaces_nothing() -> None:
    first, unread, since = between(None, 0), between(0, 24), [between(0, 48), *daily(2, 9)]
    assert chained(first, unread, *since) == [first, *since]


def test_a_missing_sample_leaves_a_gap() -> None:
    assert chained(between(None, 0), between(24, 48)) == [between(None, 0), between(24, 48)]


def test_a_count_that_did_not_find_the_others_replaces_none() -> None:
    """It describes the month from its beginning again."""
    known = [between(None, 0), between(0, 24), between(24, 48)]
    again = between(None, 49)
    assert chained(*known, again) == known
    assert chained(*known, again, between(49, 72)) == [*known, between(49, 72)]


def test_a_first_sample_of_a_later_month_goes_on() -> None:
    later = between(None, 24 * 30)
    assert chained(between(None, 0), later) == [between(None, 0), later]


def test_of_equal_samples_the_first_is_taken() -> None:
    assert chained(between(0, 24, "a"), between(0, 24, "b")) == [between(0, 24, "a")]
    assert chained(between(0, 24, "b"), between(0, 24, "a")) == [between(0, 24, "b")]
    assert chained(between(None, 24, "a"), between(None, 24, "b")) == [between(None, 24, "a")]


def test_a_sample_that_ends_before_it_begins_is_left_out() -> None:
    assert chained(between(24, 24), between(24, 23)) == []


spans = st.lists(
    st.tuples(st.none() | st.integers(0, 60), st.integers(1, 60)).map(lambda pair: between(*pair)), max_size=12
)


def overlaps(one: Interval, other: Interval) -> bool:
    """Whether both cover the same time. `one` is the earlier."""
    return other.since is not None and other.since < one.at


@given(spans)
def test_no_two_overlap_and_each_follows_the_one_that_it_continues(found: list[Interval]) -> None:
    chosen = chained(*found)
    assert chosen == sorted(chosen, key=lambda one: one.at)
    assert all(not overlaps(*pair) for pair in pairwise(chosen))
    assert chained(*chosen) == chosen
    ends = {one.at for one in found if one.since is not None and one.since < one.at}
    for before, one in pairwise([None, *chosen]):
        assert one is not None
        if one.since in ends:
            assert before is not None
            assert before.at == one.since
    assert bool(chosen) == any(one.since is None or one.since < one.at for one in found)


def files(*names: str) -> list[UsageFile]:
    """Files by `year-month`, `year-month-day` or `year-month-dayThour`."""
    made = []
    for name in names:
        period = Period.SAMPLE if "T" in name else Period.DAY if name.count("-") > 1 else Period.MONTH
        text = {Period.SAMPLE: name, Period.DAY: f"{name}T00", Period.MONTH: f"{name}-01T00"}[period]
        made.append(UsageFile(name=name, period=period, begin=datetime.fromisoformat(f"{text}:00+00:00")))
    return made


NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def due(*names: str) -> dict[str, list[str]]:
    """The names of the parts by the bundle's."""
    formats = {Period.MONTH: "%Y-%m", Period.DAY: "%Y-%m-%d"}
    bundles = due_bundles(files(*names), NOW)
    return {f"{one.begin:{formats[one.period]}}": [part.name for part in one.parts] for one in bundles}


def test_a_past_month_is_due_once_a_later_sample_exists() -> None:
    assert due() == {}
    assert due("2026-10-30T00", "2026-10-31T00") == {}
    assert due("2026-10-30T00", "2026-11-01T00") == {"2026-10": ["2026-10-30T00"]}
    assert due("2026-10-30T00", "2026-11") == {"2026-10": ["2026-10-30T00"]}
    assert due("2026-09-30T00", "2026-10-30T00", "2026-11-01T00") == {
        "2026-09": ["2026-09-30T00"],
        "2026-10": ["2026-10-30T00"],
    }
    assert due("2026-10-30T00", "2026-12-01T00") == {"2026-10": ["2026-10-30T00"]}
    assert due("2026-11-30T00", "2026-12-01T00") == {}


def test_a_past_day_is_due_if_it_has_several_samples() -> None:
    assert due("2026-11-01T00", "2026-11-01T12") == {}
    assert due("2026-11-01T00", "2026-11-02T00", "2026-11-02T01") == {}
    assert due("2026-11-01T00", "2026-11-01T12", "2026-11-02T00") == {"2026-11-01": ["2026-11-01T00", "2026-11-01T12"]}


def test_a_month_is_due_before_its_days() -> None:
    names = ("2026-10-30T00", "2026-10-30T12", "2026-10-31", "2026-11-01T00")
    assert list(due(*names).items()) == [("2026-10", list(names[:3])), ("2026-10-30", list(names[:2]))]


def test_a_bundle_is_due_until_its_parts_are_deleted() -> None:
    assert due("2026-10", "2026-10-30T00", "2026-11-01T00") == {"2026-10": ["2026-10-30T00"]}
    assert due("2026-10", "2026-11-01T00") == {}
    assert due("2026-11-01", "2026-11-01T00", "2026-11-02T00") == {"2026-11-01": ["2026-11-01T00"]}
    assert due("2026-11-01", "2026-11-02T00") == {}


def test_months_expire_as_a_whole() -> None:
    found = files("2025-10", "2025-11", "2025-11-30", "2026-11-01T00")
    assert expired(found, NOW, 12) == files("2025-10")
    assert expired(found, NOW, 11) == files("2025-10", "2025-11", "2025-11-30")
    assert expired(found, NOW, 0) == files("2025-10", "2025-11", "2025-11-30")
    assert expired(found, NOW, 100_000) == []


# Compaction


def sample(at: datetime, since: datetime | None, sizes: dict[str, int]) -> UsageSample:
    """A sample whose owners store as many bytes."""
    stored = [
        StockRow(org=org, namespace="n", storage_class="STANDARD", objects=1, size_bytes=size, small_objects=(0, 0, 1))
        for org, size in sizes.items()
    ]
    day = (at - timedelta(seconds=1)).date()
    arrived = tuple(
        ArrivalRow(org=org, namespace="n", storage_class="STANDARD", day=day, objects=1, size_bytes=size // 2, writes=1)
        for org, size in sizes.items()
    )
    return UsageSample(
        location="archive",
        at=at,
        since=since,
        source=ReportSource.INVENTORY,
        stored=tuple(stored),
        arrived=arrived,
        downloaded=(DownloadRow(day=day, size_bytes=len(sizes)),),
        carry=Carry(recent=arrived),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[UsageSample]:
    """Samples of up to five months, of which some overlap, as they are read: with their rows in order."""
    made: list[UsageSample] = []
    at: datetime | None = None
    sizes = st.dictionaries(st.sampled_from(["acme", "Zoë", "(unknown)"]), st.integers(0, 10**12))
    for _ in range(draw(st.integers(1, 12))):
        following = (at or START) + timedelta(hours=draw(st.integers(1, 300)), seconds=draw(st.integers(0, 3599)))
        since = None if at is None or draw(st.integers(0, 9)) == 0 else at
        made.append(decode(encode(sample(following, since, draw(sizes)))))
        at = at if at is not None and draw(st.integers(0, 5)) == 0 else following
    return made


def compacted(samples: Sequence[UsageSample]) -> list[UsageSample]:
    """What is read after all months but the last have become files."""
    months: dict[date, list[UsageSample]] = {}
    for one in samples:
        months.setdefault(one.at.date().replace(day=1), []).append(one)
    *past, last = months.values()
    read = [one for month in past for one in decode_month(encode_month(month))]
    return [*read, *(decode(encode(one)) for one in last)]


@settings(max_examples=50, deadline=None)
@given(histories())
def test_compaction_loses_nothing(samples: list[UsageSample]) -> None:
    before = usage_days(chain(samples, until=LATER))
    assert usage_days(chain(compacted(samples), until=LATER)) == before
    crashed = [*samples, *compacted(samples)]  # no sample was deleted yet
    assert usage_days(chain(crashed, until=LATER)) == before
    assert encode(chain(crashed, until=LATER)[-1]) == encode(chain(samples, until=LATER)[-1])  # with its carry


@settings(max_examples=50, deadline=None)
@given(histories())
def test_days_are_the_same_whatever_the_order_of_reading(samples: list[UsageSample]) -> None:
    assert usage_days(chain(samples[::-1], until=LATER)) == usage_days(chain(samples, until=LATER))
