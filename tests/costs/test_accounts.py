"""The account of a report when its scope, prices or clock change between two refreshes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import ProjectionMethod, ReportSource, StorageReportStatus
from recording_operator.costs.arrivals import Amount, UploadDay
from recording_operator.costs.index import RecordingIndex
from recording_operator.costs.library import find_profile, overridden
from recording_operator.costs.profile import PriceError, parse_profile
from recording_operator.costs.report import AHEAD, CountResult, CurrencyError, refreshed, window_of
from recording_operator.costs.sample import CostTerms, LocationPrices
from recording_operator.costs.uploads import RecordingTally
from recording_operator.costs.usage import Holding, Scope, Usage
from tests.costs.building import DAY, GB, LOCATION, at, terms

BEGIN = at("2026-11-01")
IN_YEN = """
name = "tokyo"
source = "ours"
asOf = 2026-10-01
currency = "JPY"
gbBytes = 1000000000
dayBasis = "calendar"
[storageClasses.STANDARD]
tiers = [{ perGBMonth = "3.75" }]
"""
ALL, ONE_ORG = Scope(), Scope(orgs=frozenset({"acme"}))


def refresh(
    status: StorageReportStatus,
    now: datetime,
    gb_by_org: Mapping[str, int],
    by: CostTerms | None = None,
    *,
    scope: Scope = ALL,
    came: datetime = BEGIN - 90 * DAY,
) -> StorageReportStatus:
    """A refresh that finds these gigabytes, all `came` at one time."""
    window, usage = window_of(status, now=now, scope=scope.mark), Usage()
    usage.arrivals.locations.add(LOCATION)
    for org, gigabytes in gb_by_org.items():
        usage.amount(Holding(LOCATION, "STANDARD", org, "team")).add(gigabytes * GB, gigabytes * GB)
        of = UploadDay(LOCATION, "STANDARD", org, came.date())
        usage.arrivals.add(of, Amount(1, gigabytes * GB, gigabytes * GB), came, window)
    tally = RecordingTally(index=RecordingIndex(listed_from=now), scope=scope, window=window)
    counted = CountResult(
        at=now, usage=usage, recordings=tally, sources={LOCATION: ReportSource.INVENTORY}, scope=scope.mark
    )
    return refreshed(status, counted, by or terms(), budget=None)


def daily(status: StorageReportStatus, first: datetime, days: int, gb_by_org: Mapping[str, int]) -> StorageReportStatus:
    for number in range(days):
        status = refresh(status, first + number * DAY, gb_by_org)
    return status


def cost(status: StorageReportStatus) -> Decimal:
    assert status.cost is not None
    return status.cost.month_to_date


def test_a_month_costs_what_its_days_cost_also_when_it_is_over() -> None:
    status = daily(StorageReportStatus(), BEGIN, 30, {"acme": 1000})
    status = refresh(status, at("2026-12-01"), {"acme": 1000})
    assert status.cost is not None
    assert (status.cost.month_to_date, status.cost.last_month) == (Decimal("0.00"), Decimal("23.00"))
    status = refresh(status, at("2026-12-31"), {"acme": 1000})
    assert status.cost is not None
    assert status.cost.last_month == Decimal("23.00")


def test_the_month_before_the_first_refresh_is_not_known() -> None:
    status = refresh(StorageReportStatus(), at("2026-11-10"), {"acme": 1000})
    assert status.cost is not None
    assert status.cost.last_month is None


@pytest.mark.parametrize(("before", "after"), [(ALL, ONE_ORG), (ONE_ORG, ALL)], ids=["narrowed", "widened"])
def test_another_scope_begins_a_new_account_of_the_month(before: Scope, after: Scope) -> None:
    found = {ALL: {"acme": 100, "globex": 900}, ONE_ORG: {"acme": 100}}
    status = StorageReportStatus()
    for number in range(20):
        status = refresh(status, BEGIN + number * DAY, found[before], scope=before)
    edited = refresh(status, BEGIN + 20 * DAY, found[after], scope=after)
    fresh = refresh(StorageReportStatus(), BEGIN + 20 * DAY, found[after], scope=after)
    assert cost(edited) == cost(fresh) != cost(status)
    assert edited.cost == fresh.cost
    again = refresh(edited, BEGIN + 21 * DAY, found[after], scope=after)
    assert again.cost is not None
    # What is steady in each scope is no growth.
    assert again.cost.projected_month == rounded_month(found[after])


def rounded_month(gb_by_org: Mapping[str, int], days: Decimal = Decimal(30)) -> Decimal:
    return (sum(gb_by_org.values()) * Decimal("0.023") * days / 30).quantize(Decimal("0.01"))


def test_earlier_months_stay_in_the_history_of_another_scope() -> None:
    status = daily(StorageReportStatus(), at("2026-10-01"), 40, {"acme": 100, "globex": 900})
    edited = refresh(status, at("2026-11-10T12:00"), {"acme": 100}, scope=ONE_ORG)
    october = [entry.cost for entry in edited.history if entry.date < "2026-11"]
    assert october == [entry.cost for entry in status.history if entry.date < "2026-11"]
    assert {org.name for entry in edited.history if entry.date >= "2026-11" for org in entry.orgs} == {"acme"}


def test_amounts_in_another_currency_are_not_summed() -> None:
    yen = parse_profile(IN_YEN, where="test")
    in_yen = CostTerms(
        prices={LOCATION: LocationPrices(group="tokyo", profile=yen)},
        playback_ratio=Decimal(0),
        playback_base=terms().playback_base,
    )
    status = refresh(StorageReportStatus(), at("2026-11-10"), {"acme": 1000}, in_yen)
    with pytest.raises(
        CurrencyError, match=r"history is in JPY, the prices are now in USD. Create a new StorageReport"
    ):
        refresh(status, at("2026-11-11"), {"acme": 1000})
    nothing_yet = refresh(StorageReportStatus(), at("2026-11-10"), {}, in_yen)
    assert cost(refresh(nothing_yet, at("2026-11-11"), {"acme": 1})) >= 0


def test_a_clock_that_was_ahead_does_not_stop_the_account() -> None:
    status = daily(StorageReportStatus(), BEGIN, 15, {"acme": 1000})
    ahead = refresh(status, at("2026-12-25"), {"acme": 1000})
    back = refresh(ahead, at("2026-11-16"), {"acme": 1000})
    assert cost(back) == (Decimal(23) / 30 * 15).quantize(Decimal("0.01"))
    assert max(entry.date for entry in back.history) == "2026-11-15"


def test_a_clock_that_is_a_little_off_leaves_the_account() -> None:
    status = daily(StorageReportStatus(), BEGIN, 15, {"acme": 1000})
    assert status.ledger is not None
    earlier = status.ledger.sampled_at - AHEAD / 2
    assert cost(refresh(status, earlier, {"acme": 1000})) == cost(status)


def test_days_before_the_first_refresh_tell_no_growth() -> None:
    """10 GB are stored each day and deleted after 30 days: 300 GB stay. By age alone it looks like growth from zero."""
    now = at("2026-11-28")

    def found(status: StorageReportStatus, now: datetime) -> StorageReportStatus:
        window, usage = window_of(status, now=now, scope=ALL.mark), Usage()
        usage.arrivals.locations.add(LOCATION)
        usage.amount(Holding(LOCATION, "STANDARD", "acme", "team")).add(300 * GB, 300 * GB)
        for age in range(30):
            came = now - age * DAY - timedelta(hours=1)
            of = UploadDay(LOCATION, "STANDARD", "acme", came.date())
            usage.arrivals.add(of, Amount(1, 10 * GB, 10 * GB), came, window)
        tally = RecordingTally(index=RecordingIndex(listed_from=now), scope=ALL, window=window)
        counted = CountResult(
            at=now, usage=usage, recordings=tally, sources={LOCATION: ReportSource.INVENTORY}, scope=ALL.mark
        )
        return refreshed(status, counted, terms(), budget=None)

    status = found(StorageReportStatus(), now)
    for number in range(1, 25):
        assert status.cost is not None
        if number < 14:
            assert status.cost.method is ProjectionMethod.FLAT
        assert status.cost.projected_next_month == Decimal("7.13"), "300 GB for 31 days"
        status = found(status, now + number * DAY)


@pytest.mark.parametrize("back", [False, True], ids=["it stays", "it goes again"])
def test_an_added_or_removed_location_does_not_count_as_growth(back: bool) -> None:
    def found(status: StorageReportStatus, now: datetime, sizes: Mapping[str, int]) -> StorageReportStatus:
        window, usage = window_of(status, now=now, scope=ALL.mark), Usage()
        for name, gigabytes in sizes.items():
            usage.arrivals.locations.add(name)
            usage.amount(Holding(name, "STANDARD", "acme", "team")).add(gigabytes * GB, gigabytes * GB)
        tally = RecordingTally(index=RecordingIndex(listed_from=now), scope=ALL, window=window)
        sources = dict.fromkeys(sizes, ReportSource.INVENTORY)
        counted = CountResult(at=now, usage=usage, recordings=tally, sources=sources, scope=ALL.mark)
        both = CostTerms(
            prices=dict.fromkeys((LOCATION, "second"), terms().prices[LOCATION]),
            playback_ratio=Decimal(0),
            playback_base=terms().playback_base,
        )
        return refreshed(status, counted, both, budget=None)

    status, begin = StorageReportStatus(), at("2026-09-01T12:00")
    for number in range(60):
        more = {"second": 900} if number >= 30 and not (back and number >= 45) else {}
        status = found(status, begin + number * DAY, {LOCATION: 100, **more})
        text = status.model_dump_json(by_alias=True, exclude_none=True)
        status = StorageReportStatus.model_validate_json(text)
        assert status.cost is not None
        stored = 100 + sum(more.values())
        days = Decimal(31 if status.as_of and status.as_of.month in (9, 11) else 30)
        assert status.cost.projected_next_month == rounded_month({"all": stored}, days), status.as_of
    assert status.cost is not None
    assert status.cost.method is ProjectionMethod.WEEKDAY_TREND


def test_one_rate_for_all_classes_is_for_all_of_them() -> None:
    flat = overridden(find_profile("default"), per_gb_month=Decimal("0.02"), per_gb_out=None)
    price = flat.price_of("STANDARD_IA")
    assert price is not None
    assert [tier.rate for tier in price.tiers] == [Decimal("0.02")]
    assert find_profile("default").price_of("STANDARD_IA") is None


def test_a_currency_of_small_units_has_higher_prices() -> None:
    assert parse_profile(IN_YEN, where="test").storage_classes["STANDARD"].tiers[0].rate == Decimal("3.75")
    with pytest.raises(PriceError, match="more than 1 per GB"):
        parse_profile(IN_YEN.replace("JPY", "EUR"), where="test")
    with pytest.raises(PriceError, match="more than 1000 per GB"):
        parse_profile(IN_YEN.replace("3.75", "3750"), where="test")
