"""The end of a transfer: join the parts, then prove what stands in the store.

An answer to Complete or Put proves nothing. Stores have been seen to answer 200 with no object, 200 with the old one,
and to lose the answer to a Complete that took effect. HEAD shows size and whose it is, `integrity.prove` the rest.

A store without conditional writes is asked by HEAD just before the write, and again afterwards. That leaves a moment in
which an object of somebody else could be overwritten; the uid in every key and the lease keep that to strangers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from recording_operator import checksums
from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stopping import StopSignal
from recording_operator.stores.etags import etag_of_body, etag_of_parts
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import ObjectHead, Store, WriteReceipt
from recording_operator.transfer.integrity import Sent, prove
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.upload.session import UploadSession

_ANOTHERS: Final = "An object that is not of this Recording is at the key"
_LEFT: Final = "It was left as it is: remove it by hand if nobody needs it, or use another key."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A stored object that was proved to be what was sent. `written`: this attempt wrote it, by the store's response.

    Otherwise another process stored the same bytes, or the response to our own write was lost.
    """

    stored: StoredObject
    written: bool


class StoredMeanwhile(TransferError):  # noqa: N818 - a kind of answer
    """An object of this artifact is at the key, is not what was just sent, and is not known to be of this attempt."""

    def __init__(self) -> None:
        super().__init__(
            Reason.STORE_UNAVAILABLE,
            "The artifact was stored by another process meanwhile; it is looked at again.",
        )


def commit_upload(session: UploadSession, *, size_bytes: int, crc64nvme: int, flow: Flow) -> Settled:
    """Join the session's parts and return the object as HEAD shows it, proved.

    Raises TransferError: StoreKeyConflict, StoreUploadLost (no object, and the upload is gone), StoreIntegrity,
    StoredMeanwhile or what the store failed of; and Stopped.
    """
    upload_id = session.create()
    parts = [part for _, part in sorted(session.stored.items())]
    return _settle(
        lambda: session.store.complete(session.obj, upload_id, parts, size_bytes=size_bytes, crc64nvme=crc64nvme),
        store=session.store,
        obj=session.obj,
        sent=Sent(size_bytes=size_bytes, crc64nvme=crc64nvme, etag=lambda: etag_of_parts(parts)),
        options=session.options,
        stop=session.stop,
        flow=flow,
    )


def commit_small(
    body: bytes, obj: ObjectSpec, *, store: Store, stop: StopSignal, options: TransferOptions, flow: Flow
) -> Settled:
    """Store `body` in one request and return the object, proved. Raises as `commit_upload`."""
    crc = checksums.crc64nvme(body)
    return _settle(
        lambda: store.put(obj, body, crc64nvme=crc),
        store=store,
        obj=obj,
        sent=Sent(size_bytes=len(body), crc64nvme=crc, etag=lambda: etag_of_body(body)),
        options=options,
        stop=stop,
        flow=flow,
    )


def is_of(obj: ObjectSpec, seen: ObjectHead) -> bool:
    """Whether the object carries the marks of this artifact of this Recording."""
    return seen.recording_uid == obj.recording_uid and seen.artifact == obj.artifact


def key_conflict(seen: str = _ANOTHERS) -> TransferError:
    """What is at the key is not what should be there, and this attempt has not written it. `seen` says what it is."""
    return TransferError(Reason.STORE_KEY_CONFLICT, f"{seen}. {_LEFT}")


def _settle(
    write: Callable[[], WriteReceipt],
    *,
    store: Store,
    obj: ObjectSpec,
    sent: Sent,
    options: TransferOptions,
    stop: StopSignal,
    flow: Flow,
) -> Settled:
    budget = RetryBudget(options, stop)

    def judged(written: WriteReceipt | None) -> Settled | None:
        seen = budget.renewed().retry(lambda: store.head(obj.key))
        if seen is None:
            return None
        if not is_of(obj, seen):
            raise key_conflict()
        ours = written is not None and written.is_at_key(seen.stored)
        proved = budget.renewed().retry(lambda: prove(seen.stored, sent, store=store, stop=stop, flow=flow))
        if proved is not None:
            return Settled(stored=proved, written=ours)
        if not ours:
            raise StoredMeanwhile
        remove_wrong(seen.stored, store=store, obj=obj)
        raise wrong_in_store()

    while True:
        if not store.capabilities.may_write_unseen and (found := judged(None)) is not None:
            return found
        written, failure = _tried(write)
        if (found := judged(written)) is not None:
            return found
        if failure is None:
            failure = _unavailable("The store confirmed the object but does not show it.")
        elif failure.reason is Reason.STORE_KEY_CONFLICT:
            failure = _unavailable("The store refused the object because of another that it does not show.")
        budget.spend(failure)


def _tried(write: Callable[[], WriteReceipt]) -> tuple[WriteReceipt | None, TransferError | None]:
    try:
        return write(), None
    except TransferError as error:
        return None, error


def wrong_in_store() -> TransferError:
    """What the store keeps is not what it was sent."""
    return TransferError(Reason.STORE_INTEGRITY, "The store's object is not what it was sent; it was removed.")


def remove_wrong(stored: StoredObject, *, store: Store, obj: ObjectSpec) -> None:
    """Delete exactly this version, which this attempt wrote.

    Raises TransferError(ChecksumMismatch) where that fails: it must not be believed.
    """
    try:
        store.delete(stored.key, version_id=stored.version_id, recording_uid=obj.recording_uid)
    except TransferError:
        raise TransferError(
            Reason.CHECKSUM_MISMATCH,
            "The store's object has wrong bytes and could not be removed. Delete it by hand, then change retryToken.",
        ) from None


def _unavailable(message: str) -> TransferError:
    return TransferError(Reason.STORE_UNAVAILABLE, message)
