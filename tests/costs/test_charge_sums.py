"""Whatever was used, charges add up: days to the bill of the month, owners and locations to their account."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.costs.billing import month_bill
from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.library import find_profile, shipped
from recording_operator.costs.lines import DOWNLOADS, Line, usage_lines
from recording_operator.costs.money import MICRO
from recording_operator.costs.profile import Profile
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import SHARED, State
from tests.costs.building import charges_of, cost, terms
from tests.usage.sampling import (
    DAY,
    GIB,
    LOCATION,
    PATIENT,
    arrival,
    at,
    days_of,
    key_of,
    sample,
    steady,
)

DAY_S = 86_400
FIRST = date(2026, 11, 1)
MONTHS = ["2026-02-01", "2028-02-01", "2026-03-01", "2026-04-01", "2026-10-01", "2026-12-01"]


orgs = st.sampled_from(["a", "b", "c", "d"])
amounts = st.dictionaries(orgs, st.integers(0, 10**15), min_size=1)
later = st.dictionaries(orgs, st.integers(0, 10**15))
profiles = st.sampled_from(sorted(shipped()))


def month_end(begin: str) -> datetime:
    return (at(begin) + timedelta(days=32)).replace(day=1)


def bill_of(usage: Mapping[str, UsageDays], profile: Profile, month: date, elapsed_s: int, ratio: Decimal) -> Decimal:
    """The month's bill of the sum of everything, computed without days."""
    used: dict[Line, int] = {}
    for found in usage.values():
        for day, entry in found.days.items():
            if day.replace(day=1) == month:
                for key, volume in entry.volumes.items():
                    for line, amount in usage_lines(profile, key, volume):
                        used[line] = used.get(line, 0) + amount
    days = 30 if profile.day_basis == "fixed30" else (month.replace(day=28) + timedelta(days=4)).replace(day=1) - month
    month_s = days * DAY_S if isinstance(days, int) else days.days * DAY_S
    read = sum(
        volume.stock_seconds.size_bytes
        for found in usage.values()
        for day, entry in found.days.items()
        for key, volume in entry.volumes.items()
        if day.replace(day=1) == month and key.state is State.CURRENT
    )
    used[DOWNLOADS] = int(read * ratio / month_s)
    return sum(month_bill(profile, used, month=month, elapsed_seconds=elapsed_s).values(), Decimal(0))


@settings(PATIENT, max_examples=60)
@given(before=amounts, after=later, days=st.integers(1, 40), profile=profiles)
def test_the_charges_of_a_month_are_its_bill(
    before: dict[str, int], after: dict[str, int], days: int, profile: str
) -> None:
    usage = days_of(sample(at("2026-01-01"), before), sample(at("2026-01-01") + DAY * days, after))
    by = terms(profile, ratio="0.5")
    charges = charges_of(usage, by)
    (prices,) = find_profile(profile)
    elapsed_s = min(days, 31) * DAY_S
    bill = bill_of({LOCATION: usage}, prices, date(2026, 1, 1), elapsed_s, Decimal("0.5"))
    # A line is rounded to the millionth; estimated downloads are rounded to bytes.
    assert abs(cost(charges, month="2026-01") - bill) <= Decimal("0.00002")


@settings(PATIENT, max_examples=60)
@given(before=amounts, after=later, days=st.integers(1, 40), profile=profiles)
def test_organisations_add_up_to_one_of_them_all(
    before: dict[str, int], after: dict[str, int], days: int, profile: str
) -> None:
    by, end = terms(profile, ratio="0.5"), at("2026-01-01") + DAY * days
    apart = charges_of(days_of(sample(at("2026-01-01"), before), sample(end, after)), by)
    all_before, all_after = {"all": sum(before.values())}, {"all": sum(after.values())}
    together = charges_of(days_of(sample(at("2026-01-01"), all_before), sample(end, all_after)), by)
    for day in {charge.day for charge in together}:
        assert abs(cost(apart, month=f"{day}") - cost(together, month=f"{day}")) <= Decimal("0.00001")


@settings(PATIENT, max_examples=40)
@given(first=amounts, second=amounts, days=st.integers(1, 40), profile=profiles)
def test_locations_of_an_account_add_up_to_one_with_everything(
    first: dict[str, int], second: dict[str, int], days: int, profile: str
) -> None:
    by, end = terms(profile, ratio="0.5", locations=("one", "two")), f"{at('2026-01-01') + DAY * days:%Y-%m-%d}"
    apart = charges_of({"one": steady("2026-01-01", end, first), "two": steady("2026-01-01", end, second)}, by)
    both = {org: first.get(org, 0) + second.get(org, 0) for org in first.keys() | second.keys()}
    together = charges_of({"one": steady("2026-01-01", end, both)}, by)
    assert abs(cost(apart) - cost(together)) <= Decimal("0.00001")
    for org in both:
        # Parts of a day's charge are rounded to the millionth, and downloads to bytes.
        assert abs(cost(apart, org=org) - cost(together, org=org)) <= MICRO * 8 * days


@settings(PATIENT, max_examples=40)
@given(held=amounts, days=st.integers(1, 40), profile=profiles)
def test_a_day_is_shared_in_proportion_to_use(held: dict[str, int], days: int, profile: str) -> None:
    charges = charges_of(steady("2026-01-01", f"{at('2026-01-01') + DAY * days:%Y-%m-%d}", held), terms(profile))
    whole = sum(held.values())
    for day in {charge.day for charge in charges} if whole else set():
        for org, size in held.items():
            exact = cost(charges, month=f"{day}", kind=ChargeKind.STORAGE) * size / whole
            assert abs(cost(charges, month=f"{day}", kind=ChargeKind.STORAGE, org=org) - exact) < MICRO


@settings(PATIENT, max_examples=40)
@given(before=amounts, after=later, days=st.integers(1, 60), profile=profiles, data=st.data())
def test_the_order_of_what_was_counted_does_not_matter(
    before: dict[str, int], after: dict[str, int], days: int, profile: str, data: st.DataObject
) -> None:
    by, end = terms(profile, ratio="0.37"), at("2026-01-01") + DAY * days
    shuffled = [dict(data.draw(st.permutations(list(of.items())))) for of in (before, after)]
    found = [
        charges_of(days_of(sample(at("2026-01-01"), first), sample(end, last)), by)
        for first, last in ((before, after), (shuffled[0], shuffled[1]))
    ]
    assert sorted(found[0]) == sorted(found[1])


@pytest.mark.parametrize("profile", sorted(shipped()))
@settings(PATIENT, max_examples=15)
@given(
    held=st.dictionaries(orgs, st.tuples(st.integers(0, 10**13), st.integers(0, 10**13)), min_size=1),
    reads=st.integers(0, 10**13),
    writes=st.integers(0, 10**7),
)
def test_more_never_costs_less(profile: str, held: dict[str, tuple[int, int]], reads: int, writes: int) -> None:
    # Downloads are left out where storing more makes them free.
    free_by_storage = any(one.egress and one.egress.free_times_storage for one in find_profile(profile))

    def charged(sizes: Mapping[str, int], read: int, sent: int) -> Decimal:
        came = [arrival(key_of(org), at("2026-03-05"), 1, writes=sent) for org in sizes]
        first = sample(at("2026-03-01"), sizes)
        last = sample(
            at("2026-03-20"), {org: size + 1 for org, size in sizes.items()}, arrived=came,
            downloaded={date(2026, 3, 5): {SHARED: 0 if free_by_storage else read}},
        )  # fmt: skip
        return cost(charges_of(days_of(first, last), terms(profile)))

    less = {org: min(sizes) for org, sizes in held.items()}
    more = {org: max(sizes) for org, sizes in held.items()}
    base = charged(less, reads // 2, writes // 2)
    tolerance = MICRO * 10
    assert 0 <= base <= charged(more, reads // 2, writes // 2) + tolerance
    assert base <= charged(less, reads, writes // 2) + tolerance
    assert base <= charged(less, reads // 2, writes) + tolerance


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("profile", sorted(shipped()))
def test_a_month_costs_the_same_however_often_it_is_counted(month: str, profile: str) -> None:
    by = terms(profile, ratio="0.5")
    held = {"acme": 60_000 * GIB, "globex": 7 * GIB, "initech": 1}
    once = days_of(sample(at(month), held), sample(month_end(month), held))
    times, when = [at(month)], at(month)
    while when < month_end(month):
        when = min(when + timedelta(hours=7, minutes=13), month_end(month))
        times.append(when)
    often = days_of(*(sample(when, held) for when in times))
    assert charges_of(once, by) == charges_of(often, by)


def test_an_account_is_charged_alike_whoever_looks() -> None:
    """Charges of an organisation are taken from those of all: there is no bill of its own to compute."""
    usage = steady("2026-03-01", "2026-04-01", {"acme": 60_000 * GIB, "globex": 7 * GIB})
    charges = charges_of(usage, terms("aws-s3/us-east-1"))
    total = 51_200 * Decimal("0.023") + 8_807 * Decimal("0.022")
    assert cost(charges) == total
    assert cost(charges, org="globex") == pytest.approx(total * 7 / 60_007, abs=MICRO * 31)
