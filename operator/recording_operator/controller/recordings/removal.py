"""Actions that remove open uploads, and objects of deleted Recordings."""

import logging
from collections.abc import Iterable
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.executors.executor import StoreSource
from recording_operator.controller.identities import IdentityRejectedError, confirm
from recording_operator.engine.actions import AbortUpload, ArtifactToClean, CleanUp, KeptObjects
from recording_operator.engine.facts import AbortEnded, CleanupEnded, Fact
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.store import Store
from recording_operator.transfer.upload.open_uploads import abort_uploads
from recording_operator.transfer.verification.places import is_same_place

_MOST_VERSIONS: Final = 1000
_logger = logging.getLogger(__name__)


class Removal:
    """One method for each action. They raise TransferError and LocationError."""

    def __init__(self, stores: StoreSource) -> None:
        self._stores = stores

    def abort(self, action: AbortUpload) -> Iterable[Fact]:
        """Abort every open upload at the key."""
        store = self._store(action.location)
        if self._is_owner(action):
            abort_uploads(action.key, store=store, upload_id=action.upload_id)
        return [AbortEnded(uid=action.uid, artifact=action.artifact, ok=True)]

    def clean_up(self, action: CleanUp) -> Iterable[Fact]:
        """Abort a deleted Recording's uploads, and delete its objects if that is requested."""
        store = self._store(action.location)
        if action.kept is not None and self._is_where_kept_objects_are(action, action.kept, store):
            return [CleanupEnded(uid=action.ref.uid, ok=True)]
        if not self._is_owner(action):
            return [CleanupEnded(uid=action.ref.uid, ok=True)]
        protected: TransferError | None = None
        for artifact in action.artifacts:
            abort_uploads(artifact.key, store=store, upload_id=artifact.upload_id)
            try:
                if artifact.delete_object:
                    _delete(action, artifact, store)
            except TransferError as error:
                if error.reason is not Reason.RETENTION_IN_FORCE:
                    raise
                protected = error  # the other objects may not be protected
        if protected is not None:
            raise protected
        if action.manifest_key is not None:
            _delete_manifest(action, action.manifest_key, store)
        return [CleanupEnded(uid=action.ref.uid, ok=True)]

    def _is_where_kept_objects_are(self, action: CleanUp, kept: KeptObjects, store: Store) -> bool:
        shared = next((artifact for artifact in action.artifacts if artifact.key in kept.keys), None)
        if shared is None:
            return False
        probe = ObjectSpec(
            key=shared.key, content_type="", kind="Other", recording_uid=action.owner_uid, artifact=shared.name
        )
        return is_same_place(store, self._store(kept.location), probe)

    def _is_owner(self, action: AbortUpload | CleanUp) -> bool:
        """Whether the objects are those of this Recording. If it was rebuilt, a store has to confirm it."""
        former = action.former
        if former is None:
            return True
        try:
            confirm(self._stores.store_named(former.location, uid=former.location_uid), former)
        except IdentityRejectedError as error:
            extra = {"namespace": former.namespace, "recording": former.name}
            _logger.warning("Nothing was removed from the store: %s", error.message, extra=extra)
            return False
        return True

    def _store(self, location: StorageLocation) -> LocationStore:
        return self._stores.store_named(location.metadata.name, uid=location.metadata.uid)


def abort_failed(action: AbortUpload, _error: Exception | None) -> AbortEnded:
    """The fact that `abort` failed."""
    return AbortEnded(uid=action.uid, artifact=action.artifact, ok=False)


def clean_up_failed(action: CleanUp, error: Exception | None) -> CleanupEnded:
    """The fact that `clean_up` failed."""
    if isinstance(error, TransferError | LocationError):
        return CleanupEnded(uid=action.ref.uid, ok=False, reason=error.reason, detail=error.message)
    return CleanupEnded(uid=action.ref.uid, ok=False)


def _delete_manifest(action: CleanUp, key: str, store: Store) -> None:
    """Delete it with all its versions: without the last one, a bucket with versions shows the one before."""
    for _ in range(_MOST_VERSIONS):
        if not store.delete(key, version_id=None, recording_uid=action.owner_uid):
            return


def _delete(action: CleanUp, artifact: ArtifactToClean, store: Store) -> None:
    # If the status contains no version, delete the current one.
    if store.delete(artifact.key, version_id=artifact.version_id, recording_uid=action.owner_uid):
        ref = action.ref
        extra = {"namespace": ref.namespace, "recording": ref.name, "uid": ref.uid, "artifact": artifact.name}
        _logger.info("Removed the stored object", extra=extra)
