"""Moves in the simulated world: a Recording returns to a location that has kept what was moved away."""

from datetime import timedelta
from random import Random

import pytest

from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation_moves import MovedFrom
from tests.engine.builders import a_location, a_recording, an_artifact
from tests.engine.simulation.ending import Ending
from tests.engine.simulation.sources import Fate
from tests.engine.simulation.store import StoredThing
from tests.engine.simulation.world import World

HOUR_S = 3600.0
URL = "https://media.example.com/original"


class Scene:
    """A Recording at `archive`, which keeps what is moved away."""

    def __init__(self, seed: int) -> None:
        self.world = World(Random(seed), frozenset(), None)
        for name in ("archive", "egress"):
            self.world.locations[name] = a_location(name, manifest=True, moved=MovedFrom.KEEP)
            self.world.moves_from[name] = MovedFrom.KEEP
        self.world.fates[URL] = Fate(parts=1, part_s=1.0)
        created = self.world.api.create(a_recording(an_artifact(url=URL), location="archive", ttl=timedelta(0)))
        self.uid = created.metadata.uid
        self.world.start_operator()
        self.run()

    @property
    def recording(self) -> Recording:
        """As the API server has it."""
        return self.world.api.recordings[self.uid]

    def run(self) -> None:
        """Let an hour pass."""
        self.world.schedule.run(until_s=self.world.schedule.elapsed_s + HOUR_S)

    def move(self, to: str) -> None:
        """Move it, and wait."""
        self.world.api.edit(self.uid, storage_location=to)
        self.run()
        assert (self.recording.location, self.recording.status.move) == (to, None)

    def expire(self) -> None:
        """Its objects expire where it is."""
        self.world.expiries.due.add((self.uid, "video"))
        assert self.world.leader is not None
        self.world.expiries.look(self.world.leader)
        self.run()
        assert self.recording.status.artifacts[0].has_expired

    def manifests(self) -> list[StoredThing]:
        """In the store."""
        return [thing for thing in self.world.store.objects.values() if thing.data]

    def check(self) -> None:
        """What must hold at the end of a simulation."""
        Ending(self.world, frozenset({"expiry", "moves"})).check()


@pytest.fixture(params=range(6))
def scene(request: pytest.FixtureRequest) -> Scene:
    """With other delays for each seed."""
    return Scene(request.param)


def test_one_that_expired_elsewhere_returns_to_the_manifest_that_was_kept(scene: Scene) -> None:
    kept = scene.manifests()
    scene.move("egress")
    scene.expire()
    scene.move("archive")

    assert scene.manifests() == kept
    assert scene.recording.status.manifest_uri is None
    scene.check()


def test_a_manifest_that_was_written_after_the_expiry_is_none_that_was_kept(scene: Scene) -> None:
    scene.move("egress")
    scene.expire()
    scene.move("archive")
    [kept] = scene.manifests()
    assert scene.world.store.write_document(
        kept.at, uid=scene.uid, name=kept.artifact, data=kept.data, if_match=kept.version_id
    )

    with pytest.raises(AssertionError, match="the manifest of expired objects is left"):
        scene.check()


def test_one_that_expired_after_it_returned_has_no_manifest(scene: Scene) -> None:
    scene.move("egress")
    scene.move("archive")
    scene.expire()

    assert all("archive" not in thing.at.bucket for thing in scene.manifests())
    scene.check()
