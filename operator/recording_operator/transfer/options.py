"""Options of a transfer. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """Number of workers, part sizes, and retries within one attempt. The delays between attempts are the engine's."""

    # The maximum. A transfer begins with `first_workers`, and adds more if they would make it faster.
    workers: int = 4
    first_workers: int = 2
    # Objects of known size up to this are stored with one PutObject.
    single_put_bytes: int = 8 * 2**20
    smallest_part_bytes: int = 8 * 2**20
    largest_part_bytes: int = 64 * 2**20
    # Inside one store, larger objects are copied in parts, of at least this size.
    single_copy_bytes: int = 64 * 2**20
    largest_copied_part_bytes: int = 512 * 2**20
    tries_without_progress: int = 5
    # If the source or store is unavailable for longer than this, the attempt ends.
    unavailable_s: float = 60.0
    # A source without content is retried every few seconds for this long after it became known.
    publishing_s: float = 30.0
    backoff_base_s: float = 1.0
    backoff_cap_s: float = 20.0
