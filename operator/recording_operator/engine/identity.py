"""The identity of a Recording in the store. Of one that was rebuilt, it is that of the lost Recording.

Everything that is derived from a uid or a creation time for the store (keys, metadata, manifests, the owner in reports)
asks these functions. Everything about the Kubernetes object uses `metadata.uid`.
"""

from dataclasses import dataclass
from datetime import datetime

from recording_operator.api.recording import ArtifactSpec, Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerRecording:
    """The Recording that `spec.identity` names. It is not believed before the manifest at `manifest_key` says the same.

    Namespace and name are those of the Recording that claims the identity, so a manifest admits only one.
    """

    uid: str
    namespace: str
    name: str
    org: str
    user: str | None
    project: str | None
    created: datetime
    location: str
    """The StorageLocation that has the manifest. During a move, it is the one where the objects are."""
    location_uid: str
    manifest_key: str


def recording_uid(recording: Recording) -> str:
    """The uid in the keys and in the metadata of the Recording's objects."""
    identity = recording.spec.identity
    return recording.metadata.uid if identity is None else identity.uid


def stores_nothing(recording: Recording) -> bool:
    """Whether all its artifacts were stored by the lost Recording, so that nothing is transferred."""
    return recording.spec.identity is not None and not any(has_content(spec) for spec in recording.spec.artifacts)


def has_content(artifact: ArtifactSpec) -> bool:
    """Whether the spec says where the content is. Otherwise the lost Recording has stored it."""
    return any(one is not None for one in (artifact.source, artifact.inline, artifact.content_secret_ref))


def created_at(recording: Recording) -> datetime:
    """The creation time in the keys. Raises ValueError for an object that no API server stored."""
    identity = recording.spec.identity
    created = recording.metadata.creation_timestamp if identity is None else identity.created_at
    if created is None:
        raise ValueError("a stored object has a creationTimestamp")
    return created
