"""Recordings of the simulation that are lost, and created again from the manifests in the store."""

from typing import TYPE_CHECKING

from recording_operator.api.recording import Recording
from recording_operator.engine.manifest import decode, manifest_key
from recording_operator.engine.rebuilt import rebuilt_recording
from recording_operator.engine.settled import is_settled
from tests.engine.simulation.store import Address, bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.world import World


def can_be_rebuilt(world: "World", recording: Recording) -> bool:
    """Whether it has ended and its manifest is in the store."""
    at = _manifest_at(world, recording)
    has_objects = any(one.is_stored for one in recording.status.artifacts)
    stays = recording.metadata.deletion_timestamp is None and recording.status.move is None
    return stays and has_objects and is_settled(recording) and at is not None and at in world.store.objects


def rebuild(world: "World", recording: Recording) -> None:
    """Lose a Recording, and create it again."""
    at = _manifest_at(world, recording)
    assert at is not None
    world.trace("world", f"{recording.metadata.name} is lost and rebuilt")
    manifest, location = decode(world.store.objects[at].data), world.locations[recording.location or ""]
    again = Recording.model_validate(rebuilt_recording(manifest, location, key=at.key))
    world.api.lose(recording.metadata.uid)
    world.api.create(again)


def _manifest_at(world: "World", recording: Recording) -> Address | None:
    location = world.locations.get(recording.location or "")
    if location is None:
        return None
    return Address(bucket_of(recording.location), manifest_key(recording, location))
