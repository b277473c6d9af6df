"""Divides the sums of a month by storage class between days and organisations whose cost is known."""

from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

_ROUNDS: Final = 20
_NOTHING: Final = Decimal(0)
Row = TypeVar("Row", bound=Hashable)


def divided(
    costs: Mapping[Row, Decimal],
    *,
    shares: Mapping[tuple[Row, str], Decimal],
    sums: Mapping[str, int],
    rates: Mapping[str, Decimal],
) -> dict[str, dict[Row, int]]:
    """Weights with which the sum of each class is divided, so that rows cost what they did at these rates.

    `shares` are where they begin: the part of each row's cost in each class. Rows and classes are scaled in turn, which
    comes as near as there is a result.
    """
    found = {name: {row: cost * shares.get((row, name), _NOTHING) for row, cost in costs.items()} for name in sums}
    for name, weights in found.items():
        if not any(weights.values()):
            found[name] = dict(costs)
    for _ in range(_ROUNDS):
        for row, cost in costs.items():
            have = sum((rates[name] * found[name][row] for name in sums), _NOTHING)
            if have:
                for name in sums:
                    found[name][row] *= cost / have
        for name, amount in sums.items():
            have = sum(found[name].values(), _NOTHING)
            if have:
                found[name] = {row: weight * amount / have for row, weight in found[name].items()}
    return {name: {row: int(weight) for row, weight in weights.items()} for name, weights in found.items()}
