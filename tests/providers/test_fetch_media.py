"""MeetingBaaS and Recall are asked for URLs, against fakes that check what the real APIs check."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from localcluster.mediaserver import MediaServer
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.egress.dialer import Dialer
from recording_operator.providers.api_client import EgressApiClient
from recording_operator.providers.meetingbaas import MeetingBaas
from recording_operator.providers.provider import Media, Outcome, Provider, ProviderError, ReadOptions
from recording_operator.providers.recall import Recall
from tests.support.deliveries import delivery
from tests.support.fake_providers.events import (
    meetingbaas_completed,
    meetingbaas_completed_as_in_guide,
    meetingbaas_failed,
    meetingbaas_v1_complete,
    recall_event,
)
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recall import FakeRecall
from tests.support.fake_providers.recordings import a_recording
from tests.support.fake_providers.server import FakeProvider
from tests.support.transfers import loopback_policy

OPTIONS = ReadOptions(kinds=frozenset({ArtifactKind.VIDEO, ArtifactKind.AUDIO, ArtifactKind.TRANSCRIPT}))
PROVIDERS: list[tuple[Provider, type[FakeProvider]]] = [(MeetingBaas(), FakeMeetingBaas), (Recall(), FakeRecall)]


@pytest.fixture
def media() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


def fetch(provider: Provider, fake: FakeProvider, recording_id: str, **credentials: str) -> tuple[Media, ...]:
    return provider.fetch_media(recording_id, api_of(fake, **credentials), OPTIONS)


def api_of(fake: FakeProvider, **credentials: str) -> EgressApiClient:
    return EgressApiClient(
        dialer=Dialer(loopback_policy()),
        endpoint=fake.endpoint,
        credentials=credentials or fake.credentials,
        stop=threading.Event(),
    )


@pytest.mark.parametrize(("provider", "kind"), PROVIDERS)
def test_fresh_urls(provider: Provider, kind: type[FakeProvider], media: MediaServer) -> None:
    with kind(media) as fake:
        recording = fake.add(a_recording("rec-1"))
        found = fetch(provider, fake, "rec-1")
        assert [(one.name, one.is_main) for one in found] == [("video", True), ("audio", False), ("transcript", False)]
        paths = [str(one.url).partition("?")[0] for one in found]
        assert all(path.endswith(file.path) for path, file in zip(paths, recording.files, strict=True))
        fake.add(recording.without("video"))
        assert [(one.name, one.is_main) for one in fetch(provider, fake, "rec-1")] == [
            ("audio", True),
            ("transcript", False),
        ]


def test_the_audio_of_recall_is_requested_only_if_it_is_wanted(media: MediaServer) -> None:
    with FakeRecall(media) as fake:
        fake.add(a_recording("rec-1", kinds=("audio",)))
        assert [(one.name, one.is_main) for one in fetch(Recall(), fake, "rec-1")] == [("audio", True)]
        assert [logged.request.path for logged in fake.log] == ["/api/v1/recording/rec-1/", "/api/v1/audio_mixed/"]
        api = api_of(fake)
        with pytest.raises(ProviderError):
            Recall().fetch_media("rec-1", api, ReadOptions(kinds=frozenset({ArtifactKind.VIDEO})))
        assert len(fake.log) == 3


@pytest.mark.parametrize(("provider", "kind"), PROVIDERS)
def test_failures(provider: Provider, kind: type[FakeProvider], media: MediaServer) -> None:
    def reason(recording_id: str, **credentials: str) -> Reason:
        with pytest.raises(ProviderError) as caught:
            fetch(provider, fake, recording_id, **credentials)
        return caught.value.reason

    with kind(media) as fake:
        fake.add(a_recording("rec-1"))
        fake.add(a_recording("empty", kinds=()))
        assert reason("another") is Reason.PROVIDER_HAS_NO_MEDIA
        assert reason("empty") is Reason.PROVIDER_HAS_NO_MEDIA
        assert reason("..") is Reason.PROVIDER_HAS_NO_MEDIA
        assert reason("rec-1", apiKey="wrong") is Reason.PROVIDER_DENIED
        assert reason("rec-1", API_KEY="misspelt") is Reason.PROVIDER_DENIED
        fake.limit(requests=1, retry_after="7")
        assert reason("rec-1") is Reason.PROVIDER_UNAVAILABLE


def test_the_events_of_the_fakes_are_read(media: MediaServer) -> None:
    with FakeMeetingBaas(media) as fake:
        recording = fake.add(a_recording("bot-1"))
        for payload in (
            meetingbaas_completed(fake, recording),
            meetingbaas_completed_as_in_guide(fake, recording),
            meetingbaas_v1_complete(fake, recording),
        ):
            event = MeetingBaas().read(delivery(payload), [], OPTIONS)
            assert (event.recording_id, event.payload["extra"]) == ("bot-1", recording.metadata)
            assert [one.name for one in event.media] == ["video", "audio", "transcript"]
        assert MeetingBaas().read(delivery(meetingbaas_failed(recording)), [], OPTIONS).outcome is Outcome.FAILED
        event = Recall().read(delivery(recall_event(recording, "transcript.done")), [], OPTIONS)
        assert (event.recording_id, [one.name for one in event.media]) == ("bot-1", ["transcript"])


@pytest.mark.parametrize("reason", [Reason.PROVIDER_HAS_NO_MEDIA, Reason.PROVIDER_UNAVAILABLE])
def test_without_the_list_of_audio_the_video_is_there(
    reason: Reason, media: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_json(api: EgressApiClient, path: str, **more: Any) -> Any:
        if "audio_mixed" in path:
            raise ProviderError(reason, "No audio.")
        return original(api, path, **more)

    original = EgressApiClient.get_json
    monkeypatch.setattr(EgressApiClient, "get_json", get_json)
    with FakeRecall(media) as fake:
        fake.add(a_recording("rec-1", kinds=("video",)))
        if reason is Reason.PROVIDER_HAS_NO_MEDIA:
            assert [one.name for one in fetch(Recall(), fake, "rec-1")] == ["video"]
        else:
            with pytest.raises(ProviderError, match="No audio"):
                fetch(Recall(), fake, "rec-1")


@pytest.mark.parametrize("response", [[], {"data": []}, {"data": {"video": 7}}, {"data": {"video": "ftp://a"}}])
def test_a_response_of_another_form(response: object) -> None:
    class Api:
        endpoint = "https://api.example.test"
        credentials = {"apiKey": "k"}  # noqa: RUF012 - the protocol's attribute

        def get_json(self, *_: object, **__: object) -> object:
            return response

        post_json = get_json

    for provider, _ in PROVIDERS:
        with pytest.raises(ProviderError) as caught:
            provider.fetch_media("rec-1", Api(), OPTIONS)
        assert caught.value.reason is Reason.PROVIDER_HAS_NO_MEDIA
