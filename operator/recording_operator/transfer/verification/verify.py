"""Verify: whether a stored object has the bytes that were read from the source, or the checksum in the spec.

The first of these that the store supports is used: the store's own CRC64NVME of the whole object; the object's ETag,
which is the MD5 of its bytes or of its parts' MD5s (every part's ETag was compared with the MD5 of the sent bytes);
reading the object once from the store. A successful response is never enough, and an object is considered wrong only
after its bytes were read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import Digest, ExpectedChecksum, crc64nvme, to_text
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.context import TransferContext

# Bytes may be damaged while they are read back, so an object counts as wrong only after two reads.
_READS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDigest:
    """Size and checksums of the bytes that were read from the source. `etag`: the ETag if the store uses MD5s.

    `crc64nvme` is None if nothing was read, because the store itself copies the object. Then only the ETag counts.
    `by_client`: nothing was read, because a client has sent the parts. Where the ETag and the store's own checksum do
    not suffice, the object is read, and that is its checksum.
    """

    size_bytes: int
    crc64nvme: int | None
    etag: Callable[[], str | None]
    by_client: bool = False


def verify(stored: StoredObject, digest: SourceDigest, context: TransferContext) -> StoredObject | None:
    """The object with the method that verified it; None if its bytes differ. Raises TransferError and Stopped.

    A store may return a wrong checksum, ETag or size although the bytes are right. Only the bytes, read from the store,
    show that an object is wrong.
    """
    verified_by = how_verified(stored, digest, supported=context.store.capabilities)
    if verified_by is None and digest.by_client and digest.crc64nvme is None:
        return _learned(stored, digest, context)
    if verified_by is None and _reads_back(stored, digest, context):
        verified_by = Reason.READ_BACK
    if verified_by is None:
        return None
    checksum = stored.checksum if digest.crc64nvme is None else to_text(digest.crc64nvme)
    return replace(stored, size_bytes=digest.size_bytes, checksum=checksum, verified_by=verified_by)


def verify_checksum(stored: StoredObject, expected: ExpectedChecksum, context: TransferContext) -> StoredObject | None:
    """The object with the method that verified it; None if its checksum differs. Raises TransferError and Stopped."""
    if expected.combines and stored.verified_by is not None and stored.checksum == f"crc64nvme:{expected.hex}":
        return stored
    if not context.store.capabilities.reads_back:
        raise TransferError(
            Reason.INTEGRITY_UNVERIFIABLE,
            "An object of this artifact is already in the store, in an archive class, and cannot be read to "
            f"compare its {expected.algorithm}. Restore the object and compare it by hand, or remove source.checksum, "
            "or give it as crc64nvme.",
        )
    for _ in range(_READS):
        digest = None if expected.combines else expected.digest()
        crc, size_bytes = _read_back(stored, context, digest=digest)
        right = expected.matches_crc64nvme(crc) if digest is None else digest.hexdigest() == expected.hex
        if right and size_bytes == stored.size_bytes:
            shown = stored.verified_by is not None and stored.checksum == to_text(crc)
            return stored if shown else replace(stored, checksum=to_text(crc), verified_by=Reason.READ_BACK)
        if stored.checksum == to_text(crc):
            break  # the bytes read equal those in the store
    return None


def how_verified(stored: StoredObject, digest: SourceDigest, *, supported: Capabilities) -> Reason | None:
    """How the response to HEAD verifies the object; None if it does not."""
    if stored.size_bytes != digest.size_bytes:
        return None
    if digest.crc64nvme is None:
        return Reason.ETAG_MD5 if stored.checksum and stored.etag == digest.etag() else None
    if supported.verified_by is Reason.FULL_OBJECT_CRC64NVME and stored.checksum:
        return Reason.FULL_OBJECT_CRC64NVME if stored.checksum == to_text(digest.crc64nvme) else None
    if supported.md5_etags and (etag := digest.etag()) is not None:
        return Reason.ETAG_MD5 if stored.etag == etag else None
    return None


def _learned(stored: StoredObject, digest: SourceDigest, context: TransferContext) -> StoredObject | None:
    """The object with the checksum of its bytes, which are read from the store; None if it is not as it should be."""
    for _ in range(_READS):
        crc, size_bytes = _read_back(stored, context, most_bytes=digest.size_bytes)
        if size_bytes == digest.size_bytes == stored.size_bytes and stored.checksum in ("", to_text(crc)):
            return replace(stored, checksum=to_text(crc), verified_by=Reason.READ_BACK)
    return None


def _reads_back(stored: StoredObject, digest: SourceDigest, context: TransferContext) -> bool:
    wanted = (digest.crc64nvme, digest.size_bytes)
    return digest.crc64nvme is not None and any(
        _read_back(stored, context, most_bytes=digest.size_bytes) == wanted for _ in range(_READS)
    )


def _read_back(
    stored: StoredObject, context: TransferContext, *, digest: Digest | None = None, most_bytes: int | None = None
) -> tuple[int, int]:
    """Read exactly this version from the store. Returns its CRC64NVME and size in bytes, and updates `digest`.

    Reading ends early after more than `most_bytes`. The bytes count against the bandwidth limits.
    """
    flow, crc, size_bytes, taken = context.flow, 0, 0, 0

    def allow(wanted: int) -> int:
        nonlocal taken
        if context.stop.is_set():
            raise Stopped
        taken = flow.take(wanted, context.stop)
        return taken

    for data in context.store.read(stored, allow=allow):
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
