"""Projections and the cost of a day, and how far projections were off in years that are known."""

import math
import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import DownloadSource, PlaybackBase, ProjectionMethod
from recording_operator.costs.charges import month_after, valued
from recording_operator.costs.library import find_profile
from recording_operator.costs.money import CENT, rounded
from recording_operator.costs.outlook import LocationOutlook
from recording_operator.costs.trend import Rate, Trend, grown, trend_of
from recording_operator.costs.view import cost_of_month
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import DownloadRow, OwnerKey, State, StockRow, UsageSample
from recording_operator.usage.stock import Stock
from recording_operator.usage.timeline import usage_days
from tests.costs.views import ARCHIVE, DAY, GB, World, arrival, at, cost, exactly, flat, one, row, sample, steady

SEEDS = range(5)
FLAT, TREND = ProjectionMethod.FLAT, ProjectionMethod.WEEKDAY_TREND


def stored_by_day(seed: int) -> list[int]:
    """Bytes stored on each day of 14 months: 480 MB a recording, busy weekdays, 4 % more each month, holidays."""
    draw = random.Random(seed)
    level, levels, day = 500 * GB, [], date(2025, 11, 1)
    for number in range(426):
        pace = 20 * math.exp(number / 30 * 0.04) * (0.1 if day.weekday() >= 5 else 1.0)
        quiet = 0.3 if (day.month, day.day // 8) in ((12, 3), (8, 1), (8, 2)) else 1.0
        level += max(0, round(draw.gauss(pace, pace / 3) * quiet)) * 480_000_000
        levels.append(level)
        day += timedelta(days=1)
    return levels


def projections(world: World) -> tuple[date, Decimal, Decimal]:
    """The month of the last sample, its projected cost, and that of the next, without the rest of a report."""
    samples = world.samples[ARCHIVE]
    month = samples[-1].at.date().replace(day=1)
    following = month_after(month)
    projected = LocationOutlook.of(usage_days(samples), samples[-1]).projected(begin=month, end=month_after(following))
    charges = valued({ARCHIVE: projected}, world.terms())
    return month, cost_of_month(charges, month), cost_of_month(charges, following)


def errors(seed: int) -> tuple[float, float, float, float]:
    """Mean relative error on each 10th of 12 months: of this month and next, ours and naive."""
    begin = at("2025-11-01")
    samples = [
        sample(begin + DAY * number, [row(size_bytes=level)]) for number, level in enumerate(stored_by_day(seed))
    ]
    everything = one(samples, ratio="0.5")
    charges = valued({ARCHIVE: usage_days(samples)}, everything.terms())
    last = samples[-1].at.date().replace(day=1)
    guesses: list[tuple[int, date, float]] = []
    for number, taken in enumerate(samples):
        if taken.at.day == 10 and number > 40:
            month, this, following = projections(one(samples[: number + 1], ratio="0.5"))
            so_far = sum(charge.cost for charge in charges if month <= charge.day < taken.at.date())
            days = (month_after(month) - month).days
            naive = float(so_far) / 9 * days
            after = month_after(month)
            guesses += [(0, month, float(this)), (1, after, float(following)), (2, month, naive), (3, after, naive)]

    def error(kind: int) -> float:
        known = [
            (guess, float(cost_of_month(charges, month))) for of, month, guess in guesses if of == kind and month < last
        ]
        return sum(abs(guess - truth) / truth for guess, truth in known) / len(known)

    return error(0), error(1), error(2), error(3)


def test_back_test_over_twelve_months_of_growth() -> None:
    found = [errors(seed) for seed in SEEDS]
    month, following, naive_month, naive_next = (sum(column) / len(found) for column in zip(*found, strict=True))
    print(  # noqa: T201 - the figures of docs/cost-rules.md
        f"\nthis month {month:.2%} (naive {naive_month:.2%}), next month {following:.2%} (naive {naive_next:.2%})"
    )
    assert month < 0.0055
    assert following < 0.0205
    assert month < naive_month / 2
    assert following < naive_next / 2


def test_a_hundred_gigabytes_cost_so_much_a_day() -> None:
    found = one([sample(at("2026-11-21"), [row(gigabytes=100)])]).report()
    assert cost(found).today == Decimal("0.0767")
    assert [one_row.cost for one_row in found.by_org] == [Decimal("0.076667")]


def test_a_hundred_gigabytes_and_half_of_them_downloaded_on_that_day() -> None:
    counted = [
        DownloadRow(org="acme", day=(at("2026-11-01") + DAY * number).date(), size_bytes=50 * GB)
        for number in range(20)
    ]
    found = one(
        [
            sample(
                at("2026-11-21"),
                [row(gigabytes=100)],
                downloaded=counted,
                download_source=DownloadSource.ACCESS_LOGS,
            )
        ]
    ).report()
    assert cost(found).today == Decimal("4.5767")
    # All of it fifteen times a month: half of it on each day.
    assert cost(one([sample(at("2026-11-21"), [row(gigabytes=100)])], ratio="15").report()).today == Decimal("4.5767")


def test_a_day_of_a_month_of_its_own_length() -> None:
    by = find_profile("aws-s3/us-east-1")
    found = one([sample(at("2026-12-21"), [row(size_bytes=100 * 2**30)])], *by).report()
    assert cost(found).today == Decimal("0.0742"), "2.30 / 31"


def test_without_enough_days_everything_stays_as_it_is() -> None:
    found = cost(one(steady(at("2026-11-01"), 11, [row(gigabytes=100)])).report())
    assert (found.method, found.projected_month, found.projected_next_month) == (FLAT, Decimal("2.30"), Decimal("2.38"))


def test_in_the_middle_of_a_day_the_rest_of_it_counts() -> None:
    samples = [sample(at("2026-11-01"), [row(gigabytes=100)]), sample(at("2026-11-11T18:00:00"), [row(gigabytes=100)])]
    assert cost(one(samples).report()).projected_month == Decimal("2.30")


@pytest.mark.parametrize("profile", ["aws-s3/us-east-1", "wasabi", "cloudflare-r2", "backblaze-b2"])
def test_a_projection_of_what_does_not_change_is_the_bill(profile: str) -> None:
    by = find_profile(profile)
    begin, rows = at("2026-03-01"), [row(gigabytes=70_000)]
    early = cost(one(steady(begin, 11, rows), *by, ratio="0.5").report())
    whole = cost(one(steady(begin, 32, rows), *by, ratio="0.5").report())
    assert whole.last_month is not None
    assert abs(early.projected_month - whole.last_month) <= Decimal("0.01")


def test_the_projection_of_a_month_that_is_over_is_what_it_cost() -> None:
    samples = steady(at("2026-03-01"), 31, [row(gigabytes=700)])
    found = cost(one([*samples, sample(at("2026-03-31T23:59:59"), [row(gigabytes=700)])]).report())
    assert found.projected_month == found.month_to_date == Decimal("16.64")


def test_nothing_stored_costs_nothing() -> None:
    found = cost(one(steady(at("2026-03-01"), 20, [])).report())
    assert (found.today, found.projected_month, found.projected_next_month) == exactly(0, 0, 0)


def test_a_minimum_is_charged_though_nothing_is_stored() -> None:
    found = one(steady(at("2026-03-01"), 20, []), *find_profile("wasabi")).report()
    assert cost(found).projected_month == Decimal("7.99")
    assert [one_row.name for one_row in found.by_org] == ["(other)"]


def test_what_shrinks_never_falls_below_nothing() -> None:
    samples = [sample(at("2026-03-01") + DAY * day, [row(gigabytes=2000 - 100 * day)]) for day in range(20)]
    found = cost(one([*samples, sample(at("2026-03-21"), [row(gigabytes=1)])]).report())
    assert found.method is TREND
    assert found.projected_next_month == 0
    assert found.projected_month >= found.month_to_date


def test_objects_that_move_to_an_archive_are_no_growth() -> None:
    """All of it moved on one day. The archive grew by it, but the owner did not."""
    begin = at("2026-09-07")
    before, after = [row(gigabytes=800)], [row(gigabytes=800, storage_class="GLACIER")]
    samples = [sample(begin + DAY * day, before if day < 30 else after) for day in range(50)]
    by = flat("0.02", classes='[storageClasses.GLACIER]\ntiers = [{ perGBMonth = "0.01" }]')
    found = cost(one(samples, by).report())
    assert found.method is TREND
    assert found.projected_next_month == Decimal("8.00"), "800 GB for 30 days"


def test_objects_that_keep_moving_to_an_archive_fill_it() -> None:
    """Standard has the objects of ten days, the archive all older ones: 10 GB more each day."""
    begin = at("2026-09-01")

    def found(day: int) -> list[StockRow]:
        return [row(gigabytes=100), row(gigabytes=10 * day + 1, storage_class="GLACIER")]

    by = flat("0.03", classes='[storageClasses.GLACIER]\ntiers = [{ perGBMonth = "0.003" }]')
    early = cost(one([sample(begin + DAY * day, found(day)) for day in range(20)], by).report())
    whole = cost(one([sample(begin + DAY * day, found(day)) for day in range(62)], by).report())
    assert whole.last_month is not None
    assert abs(early.projected_next_month - whole.last_month * 30 / 30) < Decimal("0.02")


def test_days_before_the_first_sample_show_no_growth() -> None:
    """Ten gigabytes came each day and went after thirty: 300 stay. Their ages alone look like growth from nothing."""
    now = at("2026-11-28")

    def taken(number: int) -> UsageSample:
        when = now + DAY * number
        days = range(28) if not number else range(1)
        come = [arrival("acme", 10, when - age * DAY - timedelta(hours=1)) for age in days]
        return sample(when, [row(gigabytes=300)], arrived=come)

    samples = [taken(number) for number in range(25)]
    for number in range(1, 25):
        found = cost(one(samples[:number]).report())
        assert found.method is (FLAT if number < 16 else TREND)
        days = Decimal(31)
        month = samples[number - 1].at.month
        assert found.projected_next_month == (300 * Decimal("0.023") * days / 30).quantize(Decimal("0.01")), month


@pytest.mark.parametrize("back", [False, True], ids=["it stays", "it goes again"])
def test_a_location_that_comes_or_goes_is_no_growth(back: bool) -> None:
    begin = at("2026-09-01T12:00")
    first = steady(begin, 60, [row(gigabytes=100)])
    second = steady(begin + 30 * DAY, 15 if back else 30, [row(gigabytes=900)], location="second")
    for number in range(1, 60):
        samples = {ARCHIVE: first[:number]}
        if number > 30 and not (back and number > 45):
            samples["second"] = second[: number - 30]
        found = World(samples=samples).report()
        stored = 1000 if "second" in samples else 100
        assert found.as_of is not None
        days = Decimal((month_after(month_after(found.as_of.date())) - month_after(found.as_of.date())).days)
        expected = (stored * Decimal("0.023") * days / 30).quantize(Decimal("0.01"))
        assert cost(found).projected_next_month == expected, found.as_of
    assert cost(found).method is TREND


@pytest.mark.parametrize("changed", [{"basis": "other"}, {"source": "Recordings"}])
def test_another_way_of_counting_is_no_growth(changed: dict[str, str]) -> None:
    before = steady(at("2026-09-01"), 20, [row(gigabytes=100)])
    after = steady(at("2026-09-21"), 20, [row(gigabytes=900)], **changed)
    found = cost(one([*before, *after]).report())
    assert (found.method, found.projected_next_month) == (TREND, Decimal("20.70"))


def test_growth_is_that_of_the_same_weekday() -> None:
    """Ten gigabytes on each weekday, nothing at weekends."""
    begin, level, samples = at("2026-06-01"), 100, []
    for number in range(30):
        samples.append(sample(begin + DAY * number, [row(gigabytes=level)]))
        level += 10 if (begin + DAY * number).weekday() < 5 else 0
    _, _, following = projections(one(samples, flat("0.03")))
    # 30 June and 23 weekdays of July bring ten gigabytes each, evenly over the day.
    stored, expected = Decimal(samples[-1].stored[0].size_bytes) / GB + 10, Decimal(0)
    for number in range(31):
        grows = 10 if date(2026, 7, 1 + number).weekday() < 5 else 0
        expected += (stored + Decimal(grows) / 2) * Decimal("0.001")
        stored += grows
    assert following == rounded(expected, CENT)


def test_today_shows_no_growth_because_it_is_not_over() -> None:
    begin = at("2026-06-01")
    samples = [sample(begin + DAY * number, [row(gigabytes=100 + 10 * number)]) for number in range(30)]
    noon = sample(begin + DAY * 29.5, [row(gigabytes=391)])
    growth = trend_of(usage_days(samples)).growth
    assert {amount for of_weekday in growth.values() for amount in of_weekday.values()} == {10 * GB}
    assert trend_of(usage_days([*samples, noon])).growth == growth


def test_uploads_and_requests_go_on_as_in_the_last_four_weeks() -> None:
    begin = at("2026-09-01")
    samples = []
    for number in range(20):
        when = begin + DAY * number
        come = [arrival("acme", 10, when - timedelta(hours=2), writes=1_000_000)] if number else []
        samples.append(sample(when, [row(gigabytes=100)], arrived=come))
    by = flat("0", more='[requests]\nwritePerMillion = "1"\nfreeWritesMonth = 0')
    found = cost(one(samples, by).report())
    # Nineteen days so far, and eleven more; the rate is that of the 19 full days.
    assert (found.month_to_date, found.projected_month, found.projected_next_month) == exactly(19, 30, 31)


def test_estimated_downloads_follow_uploads_if_they_are_their_base() -> None:
    begin = at("2026-09-01")
    samples = [sample(begin, [row(gigabytes=100)])]
    for number in range(1, 20):
        when = begin + DAY * number
        samples.append(sample(when, [row(gigabytes=100)], arrived=[arrival("acme", 10, when - timedelta(hours=2))]))
    found = cost(one(samples, flat("0", out="0.09"), ratio="0.5", base=PlaybackBase.UPLOADED).report())
    assert (found.today, found.projected_month) == (Decimal("0.45"), 30 * Decimal("0.45"))


def test_the_rest_of_a_day_of_counted_downloads_has_no_estimate() -> None:
    times = (at("2026-11-01"), at("2026-11-02"), at("2026-11-02T12:00"))
    samples = [sample(when, [row(gigabytes=100)], download_source=DownloadSource.CLOUD_WATCH) for when in times]
    assert cost(one(samples, flat("0", out="1"), ratio="1").report()).projected_month == 0


def test_counted_downloads_grow_with_what_is_stored() -> None:
    begin = at("2026-09-01")

    def taken(number: int, gigabytes: int) -> UsageSample:
        when = begin + DAY * number
        read = [DownloadRow(org="acme", day=(when - DAY).date(), size_bytes=GB)] if number else []
        return sample(when, [row(gigabytes=gigabytes)], downloaded=read, download_source=DownloadSource.ACCESS_LOGS)

    by = find_profile("default")
    same = cost(one([taken(number, 100) for number in range(30)], *by).report())
    more = cost(one([taken(number, 100 + number) for number in range(30)], *by).report())
    read_same = same.projected_next_month - Decimal("2.38")
    assert read_same == Decimal("2.79"), "31 GB at 0.09"
    assert more.projected_next_month - Decimal("2.38") * Decimal("1.45") > read_same * Decimal("1.1")


def test_the_rest_of_a_day_has_its_share_of_what_a_day_brings() -> None:
    begin = at("2026-09-01")
    samples = []
    for number in range(10):
        when = begin + DAY * number
        come = [arrival("acme", 10, when - timedelta(hours=2), writes=1_000_000)] if number else []
        samples.append(sample(when, [row(gigabytes=100)], arrived=come))
    by = flat("0", more='[requests]\nwritePerMillion = "1"\nfreeWritesMonth = 0')
    later = sample(begin + DAY * 9.25, [row(gigabytes=100)])
    assert cost(one([*samples, later], by).report()).projected_month == Decimal("29.75")


KEYS = [
    OwnerKey(org, "team", storage_class, State.CURRENT) for org in ("acme", "globex") for storage_class in ("A", "B")
]
amounts = st.fixed_dictionaries({key: st.integers(0, 10**12) for key in KEYS})
changes = st.dictionaries(st.sampled_from(KEYS), st.integers(-(10**12), 10**12))


@given(levels=amounts, growth=changes)
def test_growth_is_additive_over_owners_and_never_below_nothing(
    levels: dict[OwnerKey, int], growth: dict[OwnerKey, int]
) -> None:
    after = grown(levels, growth, 86_400)
    assert all(level >= 0 for level in after.values())
    for org in ("acme", "globex"):
        mine = grown(
            {key: level for key, level in levels.items() if key.org == org},
            {key: change for key, change in growth.items() if key.org == org},
            86_400,
        )
        assert mine == {key: level for key, level in after.items() if key.org == org}
        whole = sum(level + growth.get(key, 0) for key, level in levels.items() if key.org == org)
        assert abs(sum(mine.values()) - max(whole, 0)) < len(KEYS)


def test_a_made_up_month_is_not_written_into_the_days() -> None:
    samples = [*steady(at("2026-11-01"), 5, [row(gigabytes=100)]), sample(at("2026-11-05T12:00"), [row(gigabytes=100)])]
    usage = usage_days(samples)
    before = {day: dict(entry.volumes) for day, entry in usage.days.items()}
    last = usage.days[date(2026, 11, 5)].volumes[samples[0].stored[0].key].stock_seconds
    LocationOutlook.of(usage, samples[-1]).projected(begin=date(2026, 11, 1), end=date(2027, 1, 1))
    assert {day: dict(entry.volumes) for day, entry in usage.days.items()} == before
    assert usage.days[date(2026, 11, 5)].volumes[samples[0].stored[0].key].stock_seconds == last


def test_the_rest_of_the_first_day_of_a_month_is_projected() -> None:
    noon = [sample(at(when), [row(gigabytes=100)]) for when in ("2026-11-01", "2026-11-01T12:00")]
    assert cost(one(noon, flat("0.3")).report()).projected_month == 30


def test_a_class_that_is_empty_now_grows_as_before() -> None:
    held, archive = (
        OwnerKey("acme", "team", "STANDARD", State.CURRENT),
        OwnerKey("acme", "team", "GLACIER", State.CURRENT),
    )
    outlook = LocationOutlook(
        usage=UsageDays(location=ARCHIVE, days={}, until=at("2026-11-02")),
        stock={held: Stock(1, 10 * GB)},
        trend=Trend(
            growth={day: {archive: GB} for day in range(7)}, uploads=Rate(amounts={}, seconds=0), downloads=None
        ),
    )
    days = outlook.projected(begin=date(2026, 11, 2), end=date(2026, 11, 4)).days
    first, second = (days[date(2026, 11, day)].volumes[archive].stock_seconds for day in (2, 3))
    assert (first.size_bytes, second.size_bytes) == (GB * 86_400 // 2, GB * 86_400 * 3 // 2)


def test_projected_uploads_lose_no_rest() -> None:
    held = OwnerKey("acme", "team", "STANDARD", State.CURRENT)
    outlook = LocationOutlook(
        usage=UsageDays(location=ARCHIVE, days={}, until=at("2026-11-01T06:00")),
        stock={},
        trend=Trend(growth={}, uploads=Rate(amounts={held: (7, 1, 1)}, seconds=3 * 86_400), downloads=None),
    )
    days = outlook.projected(begin=date(2026, 11, 1), end=date(2026, 12, 1)).days.values()
    made_up = [day.volumes[held] for day in days if held in day.volumes]
    assert sum(volume.uploaded_bytes for volume in made_up) == 7 * 119 // 12, "29.75 days at 7 in 3"
    assert sum(volume.writes for volume in made_up) == 9


def test_a_day_of_an_account_is_one_of_the_month_of_its_newest_sample() -> None:
    samples = {
        name: [sample(at(when), [row(gigabytes=100)], location=name)]
        for name, when in ((ARCHIVE, "2026-02-20"), ("other", "2026-03-02"))
    }
    prices = {name: find_profile("aws-s3/us-east-1") for name in samples}
    found = cost(World(samples=samples, prices=prices).report())
    assert found.today == rounded(200 * Decimal(GB) / 2**30 * Decimal("0.023") / 31, Decimal("0.0001"))
