"""The scenario of a Recording that is copied from an object which the store holds already."""

from tests.e2e.chaos.stage import Stage
from tests.support.recordings import MIB, from_object, media_body

_PATIENCE_S = 60.0
_KEY = "egress/room-7.mp4"


def copied_before(stage: Stage) -> None:
    """An egress service has written the object, and the location opens it."""
    world = stage.world
    world.edit_location(imports=[{"prefix": "egress/"}])
    world.put_source(_KEY, media_body("video.mp4", 2 * MIB), ContentType="video/mp4", ChecksumAlgorithm="CRC64NVME")


def copied(stage: Stage) -> None:
    """The store copies it."""
    world = stage.world
    artifact = from_object(world.location, _KEY, media_body("video.mp4", 2 * MIB))
    world.create(artifact, name="copied").wait_phase("Complete", within_s=_PATIENCE_S)
