"""Rounding of money. usage/sharing.py divides it."""

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")
MILL: Final = Decimal("0.0001")
"""A hundredth of a cent, because a day of a small bucket costs less than a cent."""
MICRO: Final = Decimal("0.000001")
_PRECISION: Final = 50


def exact() -> Context:
    """A context for sums over months of byte-seconds: 50 digits, because the default of 28 would round."""
    return Context(prec=_PRECISION, rounding=ROUND_HALF_UP)


def rounded(amount: Decimal, quantum: Decimal) -> Decimal:
    """The amount rounded to the quantum, half up, as on bills."""
    with localcontext(exact()):
        return amount.quantize(quantum, rounding=ROUND_HALF_UP)


def plain(amount: Decimal) -> str:
    """Format the amount without an exponent."""
    return format(amount, "f")


def micros_of(amount: Decimal) -> int:
    """The amount in millionths, rounded half up."""
    return int(rounded(amount, MICRO).scaleb(6))


def of_micros(micros: int) -> Decimal:
    """The amount of so many millionths."""
    return micros * MICRO
