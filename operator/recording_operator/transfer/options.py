"""How a transfer works. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How hard to work and how long to be patient within one attempt (the engine's 2/5/10 minutes come after it)."""

    # At most; a transfer begins with `first_workers`, and has more once there is headroom for them.
    workers: int = 4
    first_workers: int = 2
    # Objects of known size up to this are one PutObject.
    single_put_bytes: int = 8 * 2**20
    smallest_part_bytes: int = 8 * 2**20
    largest_part_bytes: int = 64 * 2**20
    tries_without_progress: int = 5
    # Source or store away for longer than this ends the attempt.
    unavailable_s: float = 60.0
    # For this long after it became known, a source without content is retried within seconds.
    publishing_s: float = 30.0
    backoff_base_s: float = 1.0
    backoff_cap_s: float = 20.0
