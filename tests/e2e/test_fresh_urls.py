"""URLs that a provider gives: for a source without a URL, and when a URL expires in the middle of an upload."""

from collections import Counter
from collections.abc import Iterator

import pytest

from localcluster import MediaServer
from localcluster.install import secrets_binding
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recordings import a_recording
from tests.support.fake_providers.server import Outage
from tests.support.recording_sources import add_source, from_provider, put_api_secret
from tests.support.recordings import MIB, artifact_of, from_media, media_url
from tests.support.world import World

pytestmark = pytest.mark.cluster

BOT = "9b2d1a54-6c0e-4f7a-8d51-0e6f2a7c3b10"
SIZE = 40 * MIB
PART = 8 * MIB
PROBE = 2**16


@pytest.fixture
def provider(media: MediaServer) -> Iterator[FakeMeetingBaas]:
    """MeetingBaaS with one bot, whose video has five parts."""
    with FakeMeetingBaas(media) as fake:
        fake.add(a_recording(BOT, size_bytes=SIZE))
        yield fake


def test_a_recording_that_names_only_its_provider_completes(world: World, provider: FakeMeetingBaas) -> None:
    add_source(world, provider)
    video, audio, _ = provider.recordings[BOT].files

    live = world.create(from_provider(BOT, video), from_provider(BOT, audio, media="audio"))

    status = live.wait_phase("Complete")
    assert (status["reason"], status["attempts"]) == ("Stored", 0)
    assert provider.statuses() == [200], "one request answers for all files"


def test_the_provider_replaces_a_url_whose_secret_is_gone(world: World, provider: FakeMeetingBaas) -> None:
    add_source(world, provider)
    artifact = from_provider(BOT, provider.recordings[BOT].files[0])
    source = {**artifact.spec["source"], "urlSecretRef": {"name": "gone", "key": "url"}}
    live = world.create(type(artifact)(spec={**artifact.spec, "source": source}, expected=artifact.expected))

    assert live.wait_phase("Complete")["attempts"] == 0


def test_a_url_that_expires_in_the_middle_is_replaced_and_the_upload_resumes_at_the_same_part(
    world: World, provider: FakeMeetingBaas, media: MediaServer
) -> None:
    add_source(world, provider)
    video = provider.recordings[BOT].files[0]
    url = media_url(media, video.path, size_bytes=SIZE, valid_bytes=str(20 * MIB))

    live = world.create(from_provider(BOT, video, url=url))

    status = live.wait_phase("Complete")
    assert (status["reason"], status["attempts"]) == ("Stored", 0)
    assert provider.statuses() == [200]
    uploads = {upload for one in live.versions() if (upload := artifact_of(one["status"], "video").get("uploadId"))}
    assert len(uploads) == 1, "the upload was not resumed"
    sent = Counter(request.status for request in media.served)
    assert sent[403] >= 1, "the URL did not expire"
    read = sum(request.sent_bytes for request in media.served if request.status in (200, 206))
    workers = 4  # each may have had a part that broke off
    assert SIZE <= read <= SIZE + workers * PART + 2 * PROBE, f"{read - SIZE} bytes were read twice"


def test_while_the_provider_is_away_no_attempt_is_spent(world: World, provider: FakeMeetingBaas) -> None:
    add_source(world, provider)
    provider.outage = Outage.UNAVAILABLE

    live = world.create(from_provider(BOT, provider.recordings[BOT].files[1], media="audio"))

    status = live.wait_phase("Pending", reason="ProviderUnavailable")
    assert (status["attempts"], status.get("claim")) == (0, None)
    provider.outage = None
    assert live.wait_phase("Complete", within_s=100)["attempts"] == 0
    assert provider.statuses() == [503, 200]


def test_a_denied_request_waits_for_the_secret(world: World, provider: FakeMeetingBaas) -> None:
    add_source(world, provider)
    put_api_secret(world, {"apiKey": "another-key"})  # pragma: allowlist secret

    live = world.create(from_provider(BOT, provider.recordings[BOT].files[1], media="audio"))

    status = live.wait_phase("Pending", reason="ProviderDenied")
    assert status["attempts"] == 0
    put_api_secret(world, dict(provider.credentials))
    assert live.wait_phase("Complete", within_s=60)["attempts"] == 0
    assert provider.statuses() == [401, 200]


def test_a_missing_recording_source_is_waited_for(world: World, provider: FakeMeetingBaas) -> None:
    live = world.create(from_provider(BOT, provider.recordings[BOT].files[1], media="audio"))

    assert live.wait_phase("Pending", reason="ProviderSourceMissing")["attempts"] == 0
    add_source(world, provider)
    assert live.wait_phase("Complete", within_s=60)["attempts"] == 0


def test_no_recording_fails_with_the_words_of_the_provider(world: World) -> None:
    named = {"recordingSource": "calls", "id": BOT, "media": "video", "failure": "BOT_NOT_ACCEPTED: not admitted"}
    artifact = from_provider(BOT, a_recording(BOT).files[0])
    failed = type(artifact)(spec={**artifact.spec, "source": {"provider": named}}, expected=None)

    status = world.create(failed).wait_phase("Failed")

    assert (status["reason"], status["attempts"]) == ("ProviderFailed", 0)
    assert "BOT_NOT_ACCEPTED" in status["message"]


def test_a_file_that_comes_after_a_reported_failure_is_stored(world: World) -> None:
    """As the receiver writes it: the URL instead of the failure, facts of the file, and another retryToken."""
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    named = {"recordingSource": "calls", "id": BOT, "media": "video", "failure": "BOT_NOT_ACCEPTED: not admitted"}
    artifact = from_media(world.media)
    spec = {key: value for key, value in artifact.spec.items() if key != "contentType"}
    live = world.create(type(artifact)(spec={**spec, "source": {"provider": named}}, expected=artifact.expected))
    live.wait_phase("Failed", reason="ProviderFailed")

    world.put_secret("link", {"video": artifact.spec["source"]["url"]})
    source = {"urlSecretRef": {"name": "link", "key": "video"}, "size": MIB}
    live.edit(artifacts=[{**spec, "contentType": "video/mp4", "source": source}], retryToken="delivery-1")

    assert live.wait_phase("Complete")["attempts"] == 0
