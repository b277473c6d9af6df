"""Rounding and division of money, so that parts always add up to their total."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final, TypeVar

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")
MILL: Final = Decimal("0.0001")
"""A hundredth of a cent, because a day of a small bucket costs less than a cent."""
MICRO: Final = Decimal("0.000001")
_PRECISION: Final = 50

Key = TypeVar("Key")


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


def share(total: Decimal, weights: Mapping[Key, Decimal | int], *, quantum: Decimal) -> dict[Key, Decimal]:
    """Divide `total` (rounded to the quantum) by weight into multiples of the quantum that add up to it exactly.

    The rest after rounding down goes to the largest remainders. If all weights are 0, the parts are equal. Without
    weights there are no parts.
    """
    if not weights:
        return {}
    with localcontext(exact()):
        whole = total.quantize(quantum, rounding=ROUND_HALF_UP)
        sum_of_weights = sum((Decimal(weight) for weight in weights.values()), ZERO)
        if not sum_of_weights:
            return share(total, dict.fromkeys(weights, 1), quantum=quantum)
        exactly = {key: whole * Decimal(weight) / sum_of_weights for key, weight in weights.items()}
        parts = {key: amount.quantize(quantum, rounding=ROUND_DOWN) for key, amount in exactly.items()}
        left = int((whole - sum(parts.values(), ZERO)) / quantum)
        step = quantum.copy_sign(left)
        by_remainder = sorted(parts, key=lambda key: abs(exactly[key] - parts[key]), reverse=True)
        for key in by_remainder[: abs(left)]:
            parts[key] += step
        return parts
