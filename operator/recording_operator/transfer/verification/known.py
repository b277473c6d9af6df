"""Verify an object that a manifest describes, by HEAD alone."""

from dataclasses import dataclass, replace

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.verification.find import is_ours, key_conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObject:
    """An object as it was when it was stored and verified."""

    size_bytes: int
    etag: str | None
    checksum: str | None
    content_type: str | None
    verified_by: Reason
    proved_checksum: str | None


def verify_known(known: KnownObject, context: TransferContext) -> StoredObject:
    """The object at the key, if it still has these bytes. Raises TransferError, Stopped.

    Its version may be another one, because a bucket that was restored has other versions. The bytes are the same if the
    checksum is, or the ETag where the store has no checksum.
    """
    seen = context.budget().retry(lambda: context.store.head(context.obj.key))
    if seen is None:
        message = "The manifest names the object, and the store does not have it any more."
        raise TransferError(Reason.OBJECT_NOT_FOUND, message)
    if not is_ours(context.obj, seen):
        raise key_conflict()
    stored = seen.stored
    if stored.checksum and known.checksum:
        same = stored.checksum == known.checksum
    else:
        same = bool(stored.etag) and stored.etag == known.etag
    if not same or stored.size_bytes != known.size_bytes:
        raise key_conflict("The object at the key differs from the one that the manifest describes")
    return replace(
        stored,
        checksum=stored.checksum or known.checksum or "",
        content_type=known.content_type or stored.content_type,
        verified_by=known.verified_by,
        proved_checksum=known.proved_checksum,
    )
