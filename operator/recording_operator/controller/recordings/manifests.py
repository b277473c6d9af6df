"""The action that writes the manifest of a Recording."""

from collections.abc import Callable, Iterable
from typing import Final

from recording_operator import checksums
from recording_operator.api.names import MANIFEST_FILE
from recording_operator.api.reasons import Reason
from recording_operator.controller.executors.executor import StoreSource
from recording_operator.controller.identities import confirm
from recording_operator.engine.actions import WriteManifest
from recording_operator.engine.facts import Fact, ManifestFailed, ManifestWritten
from recording_operator.engine.manifest import CONTENT_TYPE
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.documents import DocumentOwner
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.store import ObjectHead

_WRITES: Final = 3
"""Another operator may write it at the same time."""


class ManifestWriter:
    """Writes manifests by conditional writes. Raises TransferError and LocationError."""

    def __init__(self, stores: StoreSource, *, on_failure: Callable[[Reason], None] = lambda _: None) -> None:
        """`on_failure` is called with the reason of each write that fails."""
        self._stores = stores
        self._on_failure = on_failure

    def write(self, action: WriteManifest) -> Iterable[Fact]:
        """Create the manifest, or replace the one of this Recording. That of anything else is never replaced."""
        try:
            return self._write(action)
        except (TransferError, LocationError) as error:
            self._on_failure(error.reason)
            raise

    def _write(self, action: WriteManifest) -> Iterable[Fact]:
        store = self._stores.store_named(action.location.metadata.name, uid=action.location.metadata.uid)
        if (former := action.former) is not None:
            confirm(self._stores.store_named(former.location, uid=former.location_uid), former)
        owner = DocumentOwner(recording_uid=action.owner_uid, name=MANIFEST_FILE, org=action.org)
        # Of a new Recording there is none, so nothing is read before it is created.
        if not (action.is_first and store.create_document(action.key, action.data, CONTENT_TYPE, owner)):
            _write_over(store, action, owner)
        return [ManifestWritten(uid=action.ref.uid, uri=action.uri, revision=action.revision)]


def manifest_failed(action: WriteManifest, error: Exception | None) -> ManifestFailed:
    """The fact that the manifest could not be written; without an error, nothing was tried."""
    uid = action.ref.uid
    match error:
        case None:
            return ManifestFailed(uid=uid)
        case TransferError():
            return ManifestFailed(
                uid=uid, reason=error.reason, message=error.message, retry_after_s=error.retry_after_s
            )
        case LocationError():
            return ManifestFailed(uid=uid, reason=error.reason, message=error.message)
        case _:
            message = f"An unexpected error in the operator ({type(error).__name__})."
            return ManifestFailed(uid=uid, reason=Reason.INTERNAL_ERROR, message=message)


def _write_over(store: LocationStore, action: WriteManifest, owner: DocumentOwner) -> None:
    for _ in range(_WRITES):
        head = store.head(action.key)
        if head is None:
            if store.create_document(action.key, action.data, CONTENT_TYPE, owner):
                return
            continue
        if (head.recording_uid, head.artifact) != (owner.recording_uid, owner.name):
            message = f"The object at {action.key} is not the manifest of this Recording. Remove it by hand."
            raise StoreError(Reason.STORE_KEY_CONFLICT, message)
        if _is_same(head, action.data) or store.replace_document(
            action.key, action.data, CONTENT_TYPE, owner, if_match=head.stored.etag
        ):
            return
    raise StoreError(Reason.STORE_UNAVAILABLE, "The manifest is changed by another operator at the same time.")


def _is_same(head: ObjectHead, data: bytes) -> bool:
    """Whether the store has these bytes already. Not every store returns a checksum."""
    same = checksums.to_text(checksums.crc64nvme(data))
    return head.stored.size_bytes == len(data) and head.stored.checksum == same
