"""A provider in the simulated world: URLs that expire in the middle of an upload, outages, denials, crashes."""

from datetime import timedelta
from random import Random

import pytest

from recording_operator.api.reasons import Reason, Verdict
from recording_operator.api.recording import ArtifactStatus, Phase, Recording
from tests.engine.builders import a_recording, an_artifact
from tests.engine.simulation.sources import Fate
from tests.engine.simulation.world import World

HOUR_S = 3600.0
URL = "https://media.example.com/original"
SEEDS = range(12)


class Scene:
    """One Recording, whose URL works for some of five parts, or that has none."""

    def __init__(self, seed: int, *, has_url: bool = True) -> None:
        self.steps: list[str] = []
        self.world = World(Random(seed), frozenset({"providers"}), self.steps)
        self.world.fates[URL] = Fate(parts=5, part_s=2.0, verdict=Verdict.EXPIRED, chance=1.0, fails_at=2)
        provider = self.world.provider.keep("bot-1", "video", fate=Fate(parts=5, part_s=2.0))
        artifact = an_artifact(url=URL if has_url else None, provider=provider)
        self.uid = self.world.api.create(a_recording(artifact, location="archive", ttl=timedelta(0))).metadata.uid
        self.world.set_holds([])
        self.world.start_operator()

    @property
    def recording(self) -> Recording:
        """As the API server has it."""
        return self.world.api.recordings[self.uid]

    @property
    def state(self) -> ArtifactStatus:
        """Of its artifact."""
        return self.recording.status.artifacts[0]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.world.schedule.run(until_s=self.world.schedule.elapsed_s + seconds)

    def crash(self) -> None:
        """Another operator takes over."""
        assert self.world.leader is not None
        self.world.bury(self.world.leader)
        self.world.start_operator()

    def uploads(self) -> set[str]:
        """Ids of the uploads that statuses have named."""
        return self.world.named_uploads.get((self.uid, "video"), set())

    def check_stored(self) -> None:
        """It was stored with one upload, and no attempt was spent."""
        assert self.state.phase is Phase.COMPLETE, self.steps[-20:]
        assert (self.state.attempts, len(self.uploads())) == (0, 1)
        assert not self.world.store.uploads


@pytest.fixture(params=SEEDS)
def scene(request: pytest.FixtureRequest) -> Scene:
    """With another order of events for each seed."""
    return Scene(request.param)


def test_a_url_that_expires_in_the_middle_of_an_upload(scene: Scene) -> None:
    scene.run(HOUR_S)
    scene.check_stored()
    assert scene.world.provider.requests == 1


def test_the_provider_is_down_for_hours_when_the_url_expires(scene: Scene) -> None:
    scene.world.provider.is_down = True
    scene.run(5 * HOUR_S)
    assert (scene.state.reason, scene.state.attempts) == (Reason.PROVIDER_UNAVAILABLE, 0)
    assert scene.world.provider.requests < 5 * 12 + 10, "more than every five minutes"
    assert scene.world.leader is not None
    assert not scene.world.leader.engine.state.slots.running
    scene.world.provider.is_down = False
    scene.run(HOUR_S)
    scene.check_stored()


def test_the_provider_denies_access_until_the_secret_is_replaced(scene: Scene) -> None:
    scene.world.provider.denied_secret = 0
    scene.run(HOUR_S / 2)
    assert (scene.state.reason, scene.state.attempts) == (Reason.PROVIDER_DENIED, 0)
    assert scene.world.provider.requests == 1, "a denied key was sent again"
    scene.world.provider.recover()
    scene.run(120)
    scene.check_stored()


def test_the_operator_is_replaced_between_the_expiry_and_the_fresh_url(scene: Scene) -> None:
    scene.world.provider.is_down = True
    scene.run(HOUR_S)
    scene.crash()
    scene.world.provider.is_down = False
    scene.run(HOUR_S)
    scene.check_stored()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_operator_is_replaced_at_any_moment_of_a_refresh(seed: int) -> None:
    for instant_s in (7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0, 22.0, 26.0, 31.0):
        scene = Scene(seed)
        scene.run(instant_s)
        scene.crash()
        scene.run(2 * HOUR_S)
        assert scene.state.phase is Phase.COMPLETE, scene.steps[-20:]
        assert scene.state.attempts == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_fresh_urls_that_have_expired_too_are_replaced_until_one_works(seed: int) -> None:
    scene = Scene(seed, has_url=False)
    scene.world.provider.dud_urls = 2
    grace = scene.world.locations["archive"].spec.retry.refresh_grace
    scene.run(HOUR_S)
    if grace:
        scene.check_stored()
    else:
        assert scene.state.reason == Reason.SOURCE_EXPIRED


def test_a_provider_that_only_gives_expired_urls_ends_the_upload(scene: Scene) -> None:
    scene.world.provider.dud_urls = 10**6
    scene.run(3 * HOUR_S)
    assert (scene.state.phase, scene.state.reason) == (Phase.FAILED, Reason.SOURCE_EXPIRED)
    assert scene.world.provider.requests <= 61
    assert not scene.world.store.uploads
