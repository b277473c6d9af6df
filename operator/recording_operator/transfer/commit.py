"""The end of a transfer: join the parts, then prove by HEAD what stands in the store.

An answer to Complete or Put proves nothing. Stores have been seen to answer 200 with no object, 200 with the old one,
and to lose the answer to a Complete that took effect. HEAD shows size, checksum and whose it is; that decides.
"""

from collections.abc import Callable

from recording_operator.api.reasons import Reason
from recording_operator.transfer import checksums
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.job import ObjectSpec, StopSignal, StoredObject, TransferOptions
from recording_operator.transfer.patience import Patience, patiently
from recording_operator.transfer.session import UploadSession
from recording_operator.transfer.stores.store import SeenObject, Store


def commit_upload(session: UploadSession, *, size_bytes: int, crc64nvme: int) -> StoredObject:
    """Join the session's parts and return the object as HEAD shows it.

    Raises TransferError: TargetKeyConflict, TargetUploadLost (no object, and the upload is gone), TargetIntegrity or
    what the store failed of.
    """
    upload_id = session.create()
    parts = [part for _, part in sorted(session.stored.items())]
    return _settle(
        lambda: session.store.complete(session.obj, upload_id, parts, size_bytes=size_bytes, crc64nvme=crc64nvme),
        store=session.store,
        obj=session.obj,
        size_bytes=size_bytes,
        crc64nvme=crc64nvme,
        patience=Patience(session.options, session.stop),
    )


def commit_small(
    body: bytes, obj: ObjectSpec, *, store: Store, stop: StopSignal, options: TransferOptions
) -> StoredObject:
    """Store `body` in one request and return the object as HEAD shows it. Raises TransferError as `commit_upload`."""
    crc = checksums.crc64nvme(body)
    return _settle(
        lambda: store.put(obj, body, crc64nvme=crc),
        store=store,
        obj=obj,
        size_bytes=len(body),
        crc64nvme=crc,
        patience=Patience(options, stop),
    )


def is_of(obj: ObjectSpec, seen: SeenObject) -> bool:
    """Whether the object carries the marks of this artifact of this Recording."""
    return seen.recording_uid == obj.recording_uid and seen.artifact == obj.artifact


def key_conflict() -> TransferError:
    """Another's object is where ours should be."""
    return TransferError(
        Reason.TARGET_KEY_CONFLICT,
        "Another object, not of this Recording, is at the key. Nothing was overwritten; remove it by hand.",
    )


def _settle(
    write: Callable[[], None],
    *,
    store: Store,
    obj: ObjectSpec,
    size_bytes: int,
    crc64nvme: int,
    patience: Patience,
) -> StoredObject:
    while True:
        failure = _failure_of(write)
        seen = patiently(lambda: store.head(obj.key), patience.again())
        if seen is not None:
            return _judge(seen, failure, store=store, obj=obj, size_bytes=size_bytes, crc64nvme=crc64nvme)
        if failure is None:
            failure = _unavailable("The store confirmed the object but does not show it.")
        elif failure.reason is Reason.TARGET_KEY_CONFLICT:
            failure = _unavailable("The store refused the object because of another that it does not show.")
        patience.pause(failure)


def _failure_of(write: Callable[[], None]) -> TransferError | None:
    try:
        write()
    except TransferError as error:
        return error
    return None


def _judge(
    seen: SeenObject,
    failure: TransferError | None,
    *,
    store: Store,
    obj: ObjectSpec,
    size_bytes: int,
    crc64nvme: int,
) -> StoredObject:
    if not is_of(obj, seen):
        raise key_conflict()
    if seen.stored.size_bytes == size_bytes and seen.stored.checksum == checksums.to_text(crc64nvme):
        return seen.stored
    if failure is not None:
        # Ours by its marks, but not what we sent, and our own write was refused: a second operator was here first.
        raise _unavailable("The artifact was stored by another process meanwhile; it is looked at again.")
    remove_wrong(seen.stored, store=store, obj=obj)
    raise TransferError(Reason.TARGET_INTEGRITY, "The store's object is not what it was sent; it was removed.")


def remove_wrong(stored: StoredObject, *, store: Store, obj: ObjectSpec) -> None:
    """Delete exactly this version. Raises TransferError(ChecksumMismatch) where that fails: it must not be believed."""
    try:
        store.delete(stored.key, version_id=stored.version_id, recording_uid=obj.recording_uid)
    except TransferError:
        raise TransferError(
            Reason.CHECKSUM_MISMATCH,
            "The store's object has wrong bytes and could not be removed. Delete it by hand, then change retryToken.",
        ) from None


def _unavailable(message: str) -> TransferError:
    return TransferError(Reason.TARGET_UNAVAILABLE, message)
