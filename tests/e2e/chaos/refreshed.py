"""The scenario of a Recording whose URL expires in the middle of an upload, and whose provider gives a fresh one."""

from tests.e2e.chaos.stage import Stage
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recordings import a_recording
from tests.support.fake_providers.server import LinkTerms
from tests.support.recording_sources import add_source, from_provider
from tests.support.recordings import MIB, media_url

_PATIENCE_S = 90.0
_BOT = "0f4c9e7e-1f0a-4b7e-9b0a-0d8a1c3f5e77"
_SIZE = 20 * MIB


def refreshed(stage: Stage) -> None:
    """Three parts, and the URL expires in the second. No attempt is spent, whoever is killed."""
    world = stage.world
    with FakeMeetingBaas(world.media) as provider:
        provider.links = LinkTerms(rate="4MB")
        video = provider.add(a_recording(_BOT, kinds=("video",), size_bytes=_SIZE)).files[0]
        add_source(world, provider)
        url = media_url(world.media, video.path, size_bytes=_SIZE, valid_bytes=str(10 * MIB), rate="4MB")

        recording = world.create(from_provider(_BOT, video, url=url), name="refreshed")

        status = recording.wait_phase("Complete", within_s=_PATIENCE_S)
        assert status["attempts"] == 0
        assert 1 <= len(provider.log) <= 1 + len(world.everyone), provider.statuses()
