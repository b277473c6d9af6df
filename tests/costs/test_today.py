"""The cost of a day and its shares: a limited number of rows, and no loss by rounding."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.costs.arrivals import OTHER, Amount
from recording_operator.costs.today import day_cost, rows
from recording_operator.costs.usage import Holding
from tests.costs.building import GB, LOCATION, PATIENT, terms

DAY = date(2026, 11, 21)
sizes = st.dictionaries(st.integers(0, 500), st.integers(0, 10**15), min_size=1, max_size=150)


def held(by_org: Mapping[int, int]) -> dict[Holding, Amount]:
    return {
        Holding(LOCATION, "STANDARD", f"org-{org:03}", f"team-{org % 7}"): Amount(1, size, size)
        for org, size in by_org.items()
    }


def test_a_hundred_gigabytes_and_half_of_them_read_that_day() -> None:
    cost = day_cost(held({1: 100 * GB}), terms(), uploaded_bytes_a_day=Decimal(0), day=DAY)
    assert cost.total == Decimal("0.0767")
    # All of it fifteen times a month: half of it on each day.
    cost = day_cost(held({1: 100 * GB}), terms(ratio="15"), uploaded_bytes_a_day=Decimal(0), day=DAY)
    assert cost.total == Decimal("4.5767")


def test_the_largest_by_name_and_one_row_for_the_rest() -> None:
    many = held({org: org * GB for org in range(150)})
    cost = day_cost(many, terms(), uploaded_bytes_a_day=Decimal(0), day=DAY)
    counts = {f"org-{org:03}": 2 for org in range(150)}
    found = rows(many, cost, by=lambda holding: holding.org, recordings=counts, most=100)
    assert [found[0].name, found[99].name, found[100].name, len(found)] == ["org-149", "org-050", OTHER, 101]
    assert (found[100].recordings, found[100].objects, found[100].bytes) == (100, 50, sum(range(50)) * GB)
    assert sum(row.cost for row in found) == cost.total


@PATIENT
@given(by_org=sizes, most=st.integers(1, 40))
def test_rows_sum_to_the_total_however_they_are_cut(by_org: dict[int, int], most: int) -> None:
    of = held(by_org)
    cost = day_cost(of, terms("aws-s3/us-east-1", ratio="0.5"), uploaded_bytes_a_day=Decimal(0), day=DAY)
    for found in (
        rows(of, cost, by=lambda holding: holding.org, recordings={}, most=most),
        rows(of, cost, by=lambda holding: holding.namespace, recordings={}, most=most),
        rows(of, cost, by=lambda holding: holding.storage_class, recordings={}, most=most),
    ):
        assert len(found) <= most + 1
        assert sum(row.cost for row in found) == cost.total
        assert sum(row.bytes for row in found) == sum(by_org.values())
