"""The scenarios of Recordings whose file a client sends, in parts."""

from typing import Any, Final

from tests.e2e.chaos.stage import Stage
from tests.support.recordings import from_client
from tests.support.sending_client import LARGE, PAGE, client_of

_PATIENCE_S: Final = 60.0


def sent(stage: Stage) -> None:
    """The client sends three parts, and says so."""
    world = stage.world
    recording = world.create(from_client(LARGE), name="sent")
    client_of(world).upload(recording, LARGE)
    recording.wait_phase("Complete", within_s=_PATIENCE_S)


def unwanted(stage: Stage) -> None:
    """The client sends a page instead of a video. After a kill, nobody may know any more why it was removed."""
    world = stage.world
    recording = world.create(from_client(PAGE, stored=False), name="unwanted")
    client = client_of(world)
    client.upload(recording, PAGE)
    status: dict[str, Any] = recording.wait_phase("Failed", within_s=_PATIENCE_S)
    assert status["reason"] in ("UnexpectedContent", "StoreUploadLost")
    assert client.store.head(status["artifacts"][0]["key"]) is None
