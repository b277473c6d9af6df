"""A slow upload, during which a test can affect the operator, and counts of the bytes that were read and moved."""

from typing import Final

from localcluster import OperatorProcess
from tests.support.recordings import MIB, Live, from_media
from tests.support.waiting import eventually
from tests.support.world import World, moved_bytes

SIZE: Final = 128 * MIB
PART: Final = 8 * MIB
WORKERS: Final = 4
PROBES: Final = WORKERS * MIB  # the first bytes that each operator requests, and what is in sockets when one dies
READ_AGAIN: Final = WORKERS * PART + PROBES


def slow_upload(world: World, *, rate: str = "10MB", name: str = "meeting") -> Live:
    """A Recording of 128 MiB; each of the four connections gets `rate` bytes a second."""
    return world.create(from_media(world.media, size_bytes=SIZE, rate=rate), name=name)


def wait_share(operator: OperatorProcess, share: float) -> None:
    """Wait until the operator has moved this share of the bytes."""
    eventually(lambda: moved_bytes(operator) >= share * SIZE, within_s=60, what=f"{share:.0%}", poll_s=0.01)


def read_bytes(world: World) -> int:
    """What was read from the media server so far (of responses that have ended)."""
    return sum(served.sent_bytes for served in world.media.served)
