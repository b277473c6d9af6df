"""The scenario of a Recording whose end and deletion are announced to an application."""

from tests.e2e.chaos.stage import Stage
from tests.support.recordings import MIB, from_media
from tests.support.sinks import a_sink
from tests.support.sinks_in_cluster import add_sink
from tests.support.waiting import eventually

_PATIENCE_S = 60.0


def announced(stage: Stage) -> None:
    """The event is delivered at least once, always with the same id."""
    world = stage.world
    with a_sink() as app:
        add_sink(world, app, events=["Completed", "Failed", "Deleted"])
        recording = world.create(from_media(world.media, size_bytes=MIB), name="announced", deletionPolicy="Delete")
        recording.wait(lambda status: status.get("settled") is True, what="settled", within_s=_PATIENCE_S)
        assert {one["id"] for one in app.accepted} == {f"{recording.uid}/completed/1"}

        recording.delete()
        world.removed.add(recording.uid)

        eventually(lambda: not recording.exists(), within_s=_PATIENCE_S, what="gone")
        assert {one["id"] for one in app.of_type("recording.deleted")} == {f"{recording.uid}/deleted/1"}
        assert app.forged == 0
