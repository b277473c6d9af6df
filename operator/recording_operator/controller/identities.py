"""Confirms in the store that a Recording is the one that its `spec.identity` names, before anything is done there.

Anyone who may create a Recording may write any identity. It is confirmed each time, because a status could be forged.
"""

from recording_operator.api.reasons import Reason
from recording_operator.controller.manifests import ManifestKey, NoManifestError, read_manifest
from recording_operator.engine.facts import FormerTimes
from recording_operator.engine.former import contradiction
from recording_operator.engine.identity import FormerRecording
from recording_operator.engine.manifest import Manifest
from recording_operator.errors import TransferError
from recording_operator.stores.location_store import LocationStore
from recording_operator.transfer.verification.known import KnownObject


class IdentityRejectedError(TransferError):
    """The store does not confirm the identity."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.IDENTITY_REJECTED, message)


def confirm(store: LocationStore, former: FormerRecording) -> Manifest:
    """The manifest of the lost Recording. Raises IdentityRejectedError, StoreError."""
    try:
        manifest = read_manifest(store, ManifestKey(former.manifest_key, former.uid))
    except NoManifestError as error:
        raise IdentityRejectedError(f"spec.identity is not confirmed. {error}") from None
    other = contradiction(former, manifest)
    if other is not None:
        message = f"spec.identity is not confirmed. Its manifest is that of a Recording with another {other}."
        raise IdentityRejectedError(message)
    return manifest


def known_object(manifest: Manifest, artifact: str) -> KnownObject:
    """What the manifest says about an artifact. Raises TransferError if it was not stored."""
    for stored in manifest.artifacts:
        if stored.name == artifact:
            return KnownObject(
                size_bytes=stored.size,
                etag=stored.etag,
                checksum=stored.checksum,
                content_type=stored.content_type,
                verified_by=stored.integrity or Reason.NOT_PROVED,
                proved_checksum=stored.proved_checksum,
            )
    reason = next((missing.reason for missing in manifest.missing if missing.name == artifact), None)
    if reason is None:
        raise TransferError(Reason.OBJECT_NOT_FOUND, "The manifest does not name this artifact. Give it a source.")
    message = "The lost Recording had not stored this artifact. Add a source to transfer it now."
    # A cancelled artifact starts again as soon as spec.cancel is false, which it is after a rebuild.
    raise TransferError(Reason.OBJECT_NOT_FOUND if reason is Reason.CANCELLED else reason, message, is_final=True)


def former_times(manifest: Manifest) -> FormerTimes:
    """When the lost Recording began and ended."""
    return FormerTimes(started_at=manifest.started_at, completed_at=manifest.completed_at)
