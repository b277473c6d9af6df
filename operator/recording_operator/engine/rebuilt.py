"""The Recording that continues a lost one: its spec, from the manifest."""

from datetime import datetime, timedelta
from typing import Any, Final

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.names import API_VERSION
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, Identity, Owner, Recording, RecordingSpec
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.keys import EXTENSIONS
from recording_operator.engine.manifest import Manifest, ManifestArtifact, manifest_key
from recording_operator.engine.placement import key_of

_TYPES: Final = ("", *EXTENSIONS)


class NotRebuildableError(ValueError):
    """The manifest is not one of this location. The text says why, for people."""


def rebuilt_recording(manifest: Manifest, location: StorageLocation, *, key: str) -> dict[str, Any]:
    """The object to create, as the API server takes it. `key` is where the manifest was found.

    Raises NotRebuildableError if the location would look for an object or for the manifest at another key.
    """
    recording = _with(manifest, location, ())
    artifacts = [_stored(artifact, recording, location) for artifact in manifest.artifacts]
    artifacts += [
        ArtifactSpec(name=missing.name, kind=missing.kind, optional=missing.optional)
        for missing in manifest.missing
        if missing.reason is not Reason.EXPIRED  # it was stored, and a lifecycle rule has deleted it
    ]
    recording = _with(manifest, location, tuple(artifacts))
    if manifest_key(recording, location) != key:
        raise NotRebuildableError("The manifest is not where the keyTemplate of the location puts it.")
    fields = recording.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return {"apiVersion": API_VERSION, "kind": "Recording", "metadata": fields["metadata"], "spec": fields["spec"]}


def ended_before(manifest: Manifest, now: datetime, *, default_ttl: timedelta) -> bool:
    """Whether the operator would remove the Recording at once: its ttlAfterFinished is over."""
    ttl = default_ttl if manifest.ttl_after_finished is None else manifest.ttl_after_finished
    return bool(ttl) and manifest.completed_at is not None and manifest.completed_at + ttl <= now


def _with(manifest: Manifest, location: StorageLocation, artifacts: tuple[ArtifactSpec, ...]) -> Recording:
    owner = manifest.owner
    return Recording(
        metadata=ObjectMeta(name=manifest.name, namespace=manifest.namespace, labels=manifest.labels),
        spec=RecordingSpec(
            storage_location=location.metadata.name,
            identity=Identity(uid=manifest.uid, created_at=manifest.created_at),
            owner=Owner(org=owner.org, user=owner.user, project=owner.project),
            title=manifest.title,
            artifacts=artifacts,
            deletion_policy=manifest.deletion_policy,
            ttl_after_finished=manifest.ttl_after_finished,
        ),
    )


def _stored(artifact: ManifestArtifact, recording: Recording, location: StorageLocation) -> ArtifactSpec:
    """The artifact, declared with a type that gives the key at which it is stored."""
    for content_type in (artifact.content_type or "", *_TYPES):
        spec = ArtifactSpec(
            name=artifact.name, kind=artifact.kind, optional=artifact.optional, content_type=content_type
        )
        with_it = recording.model_copy(update={"spec": recording.spec.model_copy(update={"artifacts": (spec,)})})
        if key_of(with_it, artifact.name, location) == artifact.key:
            return spec
    raise NotRebuildableError(f"The keyTemplate of the location does not make the key of {artifact.name}.")
