"""What proves that a stored object has the bytes that were read from the source.

In this order, as far as the store supports it: the store's own CRC64NVME of the whole object; the object's ETag, which
is the MD5 of its bytes or of its parts' MD5s (every part's ETag was compared with the MD5 of what was sent); the object
read once from the store. Nothing is ever believed because a request was answered with success, and nothing is called
wrong before its bytes were read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import Digest, crc64nvme, to_text
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Store
from recording_operator.transfer.limits.bandwidth import Flow

# What a store hands out may be damaged on its way too: an object is called wrong when it was wrong twice.
READS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is known of the bytes that were read from the source. `etag`: what the store calls them, if by MD5."""

    size_bytes: int
    crc64nvme: int
    etag: Callable[[], str | None]


def prove(stored: StoredObject, sent: Sent, *, store: Store, stop: StopSignal, flow: Flow) -> StoredObject | None:
    """The object with what proves it; None if it is not what was sent. Raises TransferError and Stopped.

    A store may show a wrong checksum, ETag or size of right bytes. Only the bytes themselves, read from the store, show
    that an object is wrong.
    """
    proof = _shown(stored, sent, able=store.capabilities)
    if proof is None and _reads_back(stored, sent, store=store, stop=stop, flow=flow):
        proof = Reason.READ_BACK
    if proof is None:
        return None
    return replace(stored, size_bytes=sent.size_bytes, checksum=to_text(sent.crc64nvme), proof=proof)


def _shown(stored: StoredObject, sent: Sent, *, able: Capabilities) -> Reason | None:
    """What the store shows that proves the object, if anything."""
    if stored.size_bytes != sent.size_bytes:
        return None
    if able.proof is Reason.FULL_OBJECT_CRC64NVME and stored.checksum:
        return Reason.FULL_OBJECT_CRC64NVME if stored.checksum == to_text(sent.crc64nvme) else None
    if able.md5_etags and (etag := sent.etag()) is not None:
        return Reason.ETAG_MD5 if stored.etag == etag else None
    return None


def read_back(
    stored: StoredObject,
    *,
    store: Store,
    stop: StopSignal,
    flow: Flow,
    digest: Digest | None = None,
    most_bytes: int | None = None,
) -> tuple[int, int]:
    """Read exactly this version from the store: its CRC64NVME and its size in bytes; `digest` is fed too.

    Reading ends early when there are more than `most_bytes`. What is read counts as bytes that move, against the limits
    of `flow`.

    Raises TransferError and Stopped.
    """
    crc = size_bytes = taken = 0

    def allow(wanted: int) -> int:
        nonlocal taken
        if stop.is_set():
            raise Stopped
        taken = flow.take(wanted, stop)
        return taken

    for data in store.read(stored, allow=allow):
        flow.give_back(taken - len(data))
        taken = 0
        crc = crc64nvme(data, crc)
        size_bytes += len(data)
        if digest is not None:
            digest.update(data)
        if most_bytes is not None and size_bytes > most_bytes:
            break
    flow.give_back(taken)
    return crc, size_bytes


def _reads_back(stored: StoredObject, sent: Sent, *, store: Store, stop: StopSignal, flow: Flow) -> bool:
    wanted = (sent.crc64nvme, sent.size_bytes)
    most = sent.size_bytes
    return any(read_back(stored, store=store, stop=stop, flow=flow, most_bytes=most) == wanted for _ in range(READS))
