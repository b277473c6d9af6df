"""Projections, and their errors for a known year."""

import math
import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import ProjectionMethod
from recording_operator.costs.ledger import Ledger, advance, month_start
from recording_operator.costs.projection import project
from recording_operator.costs.sample import Cell, CostTerms, Sample, StoredBytes
from tests.costs.building import DAY, GB, LOCATION, at, kept, ledger, sample, terms

SEEDS = range(5)


def grown(seed: int) -> list[int]:
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


def errors(seed: int, terms_: CostTerms) -> tuple[float, float, float, float]:
    """Mean relative error on each 10th of 12 months: of this month and next, ours and naive."""
    levels, begin = grown(seed), at("2025-11-01")
    book = Ledger(at=begin, cells={})
    costs: dict[str, Decimal] = {}
    guesses: dict[str, list[tuple[str, float]]] = {}
    for number, level in enumerate(levels):
        cells = {Cell(LOCATION, "STANDARD", "acme"): StoredBytes(level, level)}
        if number:
            advance(book, Sample(at=begin + DAY * number, cells=cells), terms_)
        else:
            book.cells = dict(cells)
        month = f"{book.at:%Y-%m}"
        if book.at.day == 1 and number:
            ended = f"{book.at - DAY:%Y-%m}"
            costs[ended] = sum(
                (
                    part.cost
                    for day, entry in book.days.items()
                    if f"{day:%Y-%m}" == ended
                    for part in entry.orgs.values()
                ),
                Decimal(0),
            )
        if book.at.day == 10 and number > 40:
            found, so_far = project(book, terms_), float(book.month_cost())
            elapsed = (book.at - month_start(book.at)).days
            following = month_start(book.at) + timedelta(days=32)
            days = (month_start(following) - month_start(book.at)).days
            naive = so_far / elapsed * days
            guesses.setdefault("month", []).append((month, float(found.month)))
            guesses.setdefault("naive month", []).append((month, naive))
            guesses.setdefault("next", []).append((f"{following:%Y-%m}", float(found.next_month)))
            guesses.setdefault("naive next", []).append((f"{following:%Y-%m}", naive))

    def error(name: str) -> float:
        known = [(guess, float(costs[month])) for month, guess in guesses[name] if month in costs]
        return sum(abs(guess - truth) / truth for guess, truth in known) / len(known)

    return error("month"), error("next"), error("naive month"), error("naive next")


def test_back_test_over_twelve_months_of_growth() -> None:
    found = [errors(seed, terms(ratio="0.5")) for seed in SEEDS]
    month, following, naive_month, naive_next = (sum(column) / len(found) for column in zip(*found, strict=True))
    print(  # noqa: T201 - the figures of docs/costs.md
        f"\nthis month {month:.2%} (naive {naive_month:.2%}), next month {following:.2%} (naive {naive_next:.2%})"
    )
    assert month < naive_month / 2
    assert following < naive_next / 2
    assert month < 0.10
    assert following < 0.10


def test_without_enough_days_everything_stays_as_it_is() -> None:
    book = kept("2026-11-01", "2026-11-11", {"acme": 100 * GB}, terms())
    found = project(book, terms())
    assert found.method is ProjectionMethod.FLAT
    assert round(found.month, 2) == Decimal("2.30")
    assert round(found.next_month, 4) == Decimal("2.3767")


def test_in_the_middle_of_a_day_the_rest_of_it_counts() -> None:
    book = kept("2026-11-01", "2026-11-11T18:00:00", {"acme": 100 * GB}, terms())
    assert round(project(book, terms()).month, 4) == Decimal("2.3000")


@pytest.mark.parametrize("profile", ["aws-s3/us-east-1", "wasabi", "cloudflare-r2"])
def test_a_projection_of_what_does_not_change_is_the_bill(profile: str) -> None:
    by = terms(profile, ratio="0.5")
    book = kept("2026-03-01", "2026-03-11", {"acme": 70_000 * GB}, by)
    whole = kept("2026-03-01", "2026-03-31T23:59:59", {"acme": 70_000 * GB}, by)
    assert abs(project(book, by).month - whole.month_cost()) < Decimal("0.02") + whole.month_cost() / 100_000


def test_nothing_stored_costs_nothing() -> None:
    book = ledger(at("2026-03-01"), {})
    advance(book, sample(at("2026-03-20"), {}), terms())
    assert project(book, terms()).month == 0
    assert project(book, terms()).next_month == 0


def test_a_projection_never_falls_below_zero() -> None:
    book = ledger(at("2026-03-01"), {"acme": 2000 * GB})
    for day in range(1, 21):
        advance(book, sample(at("2026-03-01") + DAY * day, {"acme": (2000 - 100 * day) * GB}), terms())
    found = project(book, terms())
    assert found.method is ProjectionMethod.WEEKDAY_TREND
    assert found.next_month == 0
    assert found.month >= book.month_cost()
