"""Accept: write an object, then verify it.

The response to Complete or Put is not reliable. Some stores respond with 200 although there is no object or still the
old one, and the response to a successful Complete may be lost. HEAD returns size and owner, `verify` checks the rest.

In a store without conditional writes, the key is checked by HEAD just before the write, and again afterwards. An object
that another client writes between the two could be overwritten. Because of the uid in every key and the Lease, this can
only be a client that is not the operator.
"""

from collections.abc import Callable
from dataclasses import dataclass

from recording_operator import checksums
from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.etags import etag_of_body
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import Store, WriteReceipt
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.verification.expectations import MISMATCH, Expectations
from recording_operator.transfer.verification.find import is_ours, key_conflict
from recording_operator.transfer.verification.verify import SourceDigest, verify, verify_checksum


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedObject:
    """A stored object that was verified. `written`: this attempt wrote it, according to the store.

    Otherwise another process stored the same bytes, or the response to our own write was lost.
    """

    stored: StoredObject
    written: bool


class StoredByAnotherProcess(TransferError):  # noqa: N818 - a result, not a fault
    """The object at the key belongs to this artifact, but may be from another attempt, with other bytes."""

    def __init__(self) -> None:
        super().__init__(
            Reason.STORE_UNAVAILABLE,
            "Another process has stored the artifact. The object is checked again.",
        )


def accept_body(body: bytes, context: TransferContext) -> AcceptedObject:
    """Store `body` in one request, and return the verified object. Raises the same errors as `accept`."""
    crc = checksums.crc64nvme(body)
    digest = SourceDigest(size_bytes=len(body), crc64nvme=crc, etag=lambda: etag_of_body(body))
    return accept(lambda: context.store.put(context.obj, body, crc64nvme=crc), digest, context)


def accept(write: Callable[[], WriteReceipt], digest: SourceDigest, context: TransferContext) -> AcceptedObject:
    """Call `write`, and return the object as HEAD returns it, after verifying it.

    Raises TransferError (StoreKeyConflict, StoreUploadLost if there is neither object nor upload, StoreIntegrity,
    StoredByAnotherProcess, or the error of the store) and Stopped.
    """
    budget = context.budget()
    while True:
        if (
            not context.store.capabilities.protects_existing_objects
            and (found := _at_key(None, digest, context)) is not None
        ):
            return found
        written, failure = _tried(write)
        if (found := _at_key(written, digest, context)) is not None:
            return found
        if failure is None:
            failure = _unavailable("The store confirmed the object but does not return it.")
        elif failure.reason is Reason.STORE_KEY_CONFLICT:
            failure = _unavailable("The store rejected the object because of another one that it does not return.")
        budget.spend(failure)


def accept_checksum(accepted: AcceptedObject, expected: Expectations, context: TransferContext) -> StoredObject:
    """Verify that the object that was just stored has the spec's checksum.

    If it does not and this attempt wrote it, exactly this version is removed. Raises TransferError (ChecksumMismatch)
    and Stopped.
    """
    if expected.checksum is None:
        return accepted.stored
    verified = verify_checksum(accepted.stored, expected.checksum, context)
    if verified is not None:
        return verified
    if not accepted.written:
        raise key_conflict(f"{MISMATCH}, and an object with the same bytes is at the key")
    _remove_wrong(accepted.stored, store=context.store, obj=context.obj)
    raise TransferError(Reason.CHECKSUM_MISMATCH, f"{MISMATCH}; the object was removed.")


def _at_key(written: WriteReceipt | None, digest: SourceDigest, context: TransferContext) -> AcceptedObject | None:
    """The verified object at the key; None if there is none. Removes an object that this attempt wrote wrongly."""
    seen = context.budget().retry(lambda: context.store.head(context.obj.key))
    if seen is None:
        return None
    if not is_ours(context.obj, seen):
        raise key_conflict()
    by_this_attempt = written is not None and written.is_at_key(seen.stored)
    verified = context.budget().retry(lambda: verify(seen.stored, digest, context))
    if verified is not None:
        return AcceptedObject(stored=verified, written=by_this_attempt)
    if not by_this_attempt:
        raise StoredByAnotherProcess
    _remove_wrong(seen.stored, store=context.store, obj=context.obj)
    raise TransferError(
        Reason.STORE_INTEGRITY, "The bytes of the object in the store differ from those sent. It was removed."
    )


def _tried(write: Callable[[], WriteReceipt]) -> tuple[WriteReceipt | None, TransferError | None]:
    try:
        return write(), None
    except TransferError as error:
        return None, error


def _remove_wrong(stored: StoredObject, *, store: Store, obj: ObjectSpec) -> None:
    """Delete exactly this version, which this attempt wrote.

    Raises TransferError(ChecksumMismatch) if that fails, because a later attempt must not accept the object.
    """
    try:
        store.delete(stored.key, version_id=stored.version_id, recording_uid=obj.recording_uid)
    except TransferError:
        raise TransferError(
            Reason.CHECKSUM_MISMATCH,
            "The object in the store has wrong bytes and cannot be removed. Delete it by hand, then change "
            "spec.retryToken.",
        ) from None


def _unavailable(message: str) -> TransferError:
    return TransferError(Reason.STORE_UNAVAILABLE, message)
