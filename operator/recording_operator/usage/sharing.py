"""Division of whole amounts in proportion to weights, without a remainder."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


Key = TypeVar("Key", bound=_Ordered)


def share_whole(total: int, weights: Mapping[Key, int]) -> dict[Key, int]:
    """Divide `total` by weight into whole parts that add up to it.

    The rest after rounding down goes to the largest remainders, one each; of equal ones the first keys. If all weights
    are 0, the parts are equal. Without weights there are no parts. Weights are not negative.
    """
    if not weights:
        return {}
    whole = sum(weights.values())
    if not whole:
        weights, whole = dict.fromkeys(weights, 1), len(weights)
    sign, total = (-1, -total) if total < 0 else (1, total)
    parts = {key: total * weight // whole for key, weight in weights.items()}
    left = total - sum(parts.values())
    if left:
        by_remainder = sorted(parts, key=lambda key: (-(total * weights[key] % whole), key))
        for key in by_remainder[:left]:
            parts[key] += 1
    return {key: sign * part for key, part in parts.items()} if sign < 0 else parts
