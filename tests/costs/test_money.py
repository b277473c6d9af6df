"""Money is rounded as on bills, and sums of many digits stay exact."""

from decimal import Decimal, localcontext

import pytest

from recording_operator.costs.money import CENT, MICRO, exact, micros_of, of_micros, plain, rounded


@pytest.mark.parametrize(
    ("amount", "cents"), [("0.004999", "0.00"), ("0.005", "0.01"), ("0.015", "0.02"), ("-0.005", "-0.01")]
)
def test_half_a_cent_is_rounded_up(amount: str, cents: str) -> None:
    assert plain(rounded(Decimal(amount), CENT)) == cents


def test_the_smallest_amounts_are_written_without_an_exponent() -> None:
    assert plain(rounded(Decimal("0.0000004"), MICRO)) == "0.000000"


@pytest.mark.parametrize(("amount", "micros"), [("1.2345675", 1_234_568), ("0.0000004", 0), ("-0.0000005", -1)])
def test_amounts_are_whole_millionths(amount: str, micros: int) -> None:
    assert micros_of(Decimal(amount)) == micros
    assert of_micros(micros) == rounded(Decimal(amount), MICRO)


def test_fifty_digits_are_exact() -> None:
    with localcontext(exact()):
        assert Decimal(10**30) + MICRO - Decimal(10**30) == MICRO
    assert rounded(Decimal(10**30) / 2, CENT) == 5 * 10**29
