"""Weighted rendezvous hashing: which of several locations gets a Recording. Pure, and the same in every process.

Each location has a score for each uid, -ln(u) / weight, where u is a number between 0 and 1 from a hash of both. The
smallest score wins, so a location wins with the probability weight / sum of weights. A larger weight makes only the
scores of its own location smaller: it takes Recordings from others, and moves none between others. The same holds for a
location that is added; one that is removed gives away only its own.
"""

from collections.abc import Mapping
from hashlib import sha256
from math import log
from typing import Final

_HASH_BYTES: Final = 6
_HASHES: Final = 2 ** (8 * _HASH_BYTES)


def heaviest(uid: str, weights: Mapping[str, int]) -> str | None:
    """The location that gets the Recording with this uid; None if no location has a positive weight."""
    scores = [(_score(uid, name, weight), name) for name, weight in weights.items() if weight > 0]
    return min(scores)[1] if scores else None


def _score(uid: str, name: str, weight: int) -> float:
    digest = sha256(f"{uid}/{name}".encode()).digest()
    # Half a step more, so that u is neither 0 nor 1. A float holds it exactly.
    u = (int.from_bytes(digest[:_HASH_BYTES], "big") + 0.5) / _HASHES
    return -log(u) / weight
