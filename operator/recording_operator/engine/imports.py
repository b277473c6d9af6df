"""Objects that a store already holds, as sources of artifacts (`source.object`): which of them are open to whom."""

from collections.abc import Iterator

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.recording import ArtifactSpec, Recording
from recording_operator.api.source_object import SourceObject
from recording_operator.api.storagelocation import StorageLocation


def source_object(artifact: ArtifactSpec) -> SourceObject | None:
    """The object that the artifact is copied from; None if its source is something else."""
    return artifact.source.object if artifact.source is not None else None


def source_locations(recording: Recording) -> Iterator[str]:
    """Names of the locations whose objects the Recording is copied from, with repetitions."""
    for artifact in recording.spec.artifacts:
        source = source_object(artifact)
        if source is not None:
            yield source.storage_location


def opens(location: StorageLocation, key: str, *, namespace: str) -> bool:
    """Whether the location's imports open the key to the namespace. The operator's own objects are never open."""
    reserved = RESERVED_FOLDER in key
    return not reserved and any(entry.opens(key, namespace=namespace) for entry in location.spec.imports)
