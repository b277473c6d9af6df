"""Decides whether an artifact may read the object that it names (`source.object`).

The location that holds the object must admit the Recording's namespace, be ready, and open the key to that namespace by
its `spec.imports`. This is decided before each start, and nothing is read from the store before. Messages contain only
what the Recording itself names, so that they reveal nothing about other namespaces.
"""

from datetime import datetime

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, Phase
from recording_operator.api.source_object import SourceObject
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.actions import Action, ObjectToCopy
from recording_operator.engine.imports import opens, source_object
from recording_operator.engine.locations import Locations
from recording_operator.engine.next_step import Obstacle
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording


def find_source(
    state: EngineState, tracked: TrackedRecording, artifact: ArtifactSpec, now: datetime
) -> tuple[Obstacle | None, list[Action]]:
    """What keeps the artifact from its source object, and the actions that find out more."""
    source = source_object(artifact)
    if source is None or tracked.artifacts[artifact.name].status.phase is Phase.COMPLETE:
        return None, []
    namespace, name = tracked.ref.namespace, source.storage_location
    obstacle, questions = state.locations.obstacle(namespace, name, now)
    if obstacle is None:
        obstacle = _closed(state.locations.get(name), source, namespace=namespace)
    elif obstacle.reason is Reason.LOCATION_NOT_ALLOWED:
        state.timers.set(tracked.uid, state.locations.recheck_at(namespace, now))
    return obstacle, questions


def source_copy(locations: Locations, artifact: ArtifactSpec) -> ObjectToCopy | None:
    """The object that an artifact which may start is copied from; None if its source is something else."""
    source = artifact.source
    if source is None or source.object is None:
        return None
    location = locations.get(source.object.storage_location)
    if location is None:
        raise ValueError("the location of an object that may be read is known")
    return ObjectToCopy(
        location=location,
        key=source.object.key,
        version_id=None,
        size_bytes=source.size,
        checksum=source.checksum,
        is_own=False,
    )


def _closed(location: StorageLocation | None, source: SourceObject, *, namespace: str) -> Obstacle | None:
    if location is not None and opens(location, source.key, namespace=namespace):
        return None
    message = (
        f"StorageLocation {source.storage_location} does not open the key in source.object to namespace {namespace}. "
        "Ask its owner to add a prefix to spec.imports, or correct the key."
    )
    return Obstacle(reason=Reason.IMPORT_NOT_ALLOWED, message=message)
