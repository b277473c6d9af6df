"""Zoom, LiveKit, Gladia and Fireflies, against fakes that check what the real ones check."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localcluster.mediaserver import MediaServer
from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.providers.api_client import EgressApiClient
from recording_operator.providers.fireflies import Fireflies
from recording_operator.providers.gladia import Gladia
from recording_operator.providers.livekit import LiveKit
from recording_operator.providers.provider import (
    Challenge,
    Delivery,
    DeliveryRejected,
    Media,
    Outcome,
    Provider,
    ProviderError,
    ProviderObject,
)
from recording_operator.providers.zoom import Zoom
from tests.providers.deliveries import ALL_KINDS, NOW, TIME, event
from tests.support.fake_providers import events
from tests.support.fake_providers.fireflies import FakeFireflies
from tests.support.fake_providers.gladia import FakeGladia
from tests.support.fake_providers.recordings import ProviderRecording, a_recording
from tests.support.fake_providers.server import FakeProvider
from tests.support.fake_providers.signing import Scheme, SignedDelivery, forgeries, signed
from tests.support.fake_providers.zoom import FakeZoom
from tests.support.transfers import loopback_policy

PROVIDERS: list[tuple[Provider, type[FakeProvider]]] = [
    (Zoom(), FakeZoom),
    (Gladia(), FakeGladia),
    (Fireflies(), FakeFireflies),
]
SECRET = "a-secret-of-more-than-thirty-two-bytes"  # pragma: allowlist secret
ID = "q1w2E3r4T5y6u7I8o9P0aA=="


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


def fetch(provider: Provider, fake: FakeProvider, recording_id: str, **credentials: str) -> tuple[Media, ...]:
    api = EgressApiClient(
        dialer=Dialer(loopback_policy()),
        endpoint=fake.endpoint,
        credentials={**fake.credentials, **credentials},
        stop=threading.Event(),
    )
    return provider.fetch_media(recording_id, api, ALL_KINDS)


def reason(provider: Provider, fake: FakeProvider, recording_id: str, **credentials: str) -> Reason:
    with pytest.raises(ProviderError) as raised:
        fetch(provider, fake, recording_id, **credentials)
    assert not any(value in raised.value.message for value in fake.credentials.values())
    return raised.value.reason


def downloaded(media: Media) -> bytes:
    assert media.url is not None
    stop = threading.Event()
    with Dialer(loopback_policy()).get(media.url, user_headers=media.headers, own_headers={}, stop=stop) as response:
        assert response.head.status == 200
        return response.read(2**20)


@pytest.mark.parametrize(("provider", "kind"), PROVIDERS)
def test_failures(provider: Provider, kind: type[FakeProvider], server: MediaServer) -> None:
    with kind(server) as fake:
        fake.add(a_recording("rec-1"))
        assert fetch(provider, fake, "rec-1")
        assert reason(provider, fake, "another") is Reason.PROVIDER_HAS_NO_MEDIA
        for name in fake.credentials:
            assert reason(provider, fake, "rec-1", **{name: "wrong"}) is Reason.PROVIDER_DENIED
            assert reason(provider, fake, "rec-1", **{name: ""}) is Reason.PROVIDER_DENIED
        fake.limit(requests=1, retry_after="7")
        assert reason(provider, fake, "rec-1") is Reason.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize("uuid", [ID, "a+b/c==", "/abc==", "ab//c=="])
def test_zoom_finds_every_uuid(uuid: str, server: MediaServer) -> None:
    with FakeZoom(server) as fake:
        recording = fake.add(a_recording(uuid))
        found = fetch(Zoom(), fake, uuid)
        assert [(media.name, media.is_main) for media in found][:2] == [("video", True), ("audio", False)]
        assert len(found) == len(recording.files)


def test_zoom_media_can_be_downloaded_with_the_token_until_it_expires(server: MediaServer) -> None:
    with FakeZoom(server) as fake:
        fake.add(a_recording("rec-1"))
        (video, *_) = fetch(Zoom(), fake, "rec-1")
        assert len(downloaded(video)) > 0
        # The token is that of the recording: it opens nothing but downloads.
        assert video.headers["Authorization"].count(".") == 2
        assert video.expires_at is not None


def test_no_parameter_of_a_gladia_job_is_stored(server: MediaServer) -> None:
    with FakeGladia(server) as fake:
        fake.add(a_recording("rec-1"))
        (transcript,) = fetch(Gladia(), fake, "rec-1")
        assert transcript.content is not None
        assert json.loads(transcript.content)["transcription"]["languages"] == ["en"]
        assert b"example.test" not in transcript.content
        assert b"-of-" not in transcript.content


def test_fireflies_accepts_the_query(server: MediaServer) -> None:
    with FakeFireflies(server) as fake:
        fake.add(a_recording("rec-1"))
        found = {media.name: media for media in fetch(Fireflies(), fake, "rec-1")}
        assert found["audio"].url
        assert found["transcript"].content
        assert len(json.loads(found["transcript"].content)["sentences"]) == 3


def delivered(sent: SignedDelivery) -> Delivery:
    return Delivery(method=sent.method, headers=sent.headers, body=sent.body)


Payloads = Callable[[FakeZoom, ProviderRecording], dict[str, Any]]
SIGNED: list[tuple[Provider, Scheme, Payloads]] = [
    (Zoom(), Scheme.ZOOM, events.zoom_completed),
    (LiveKit(), Scheme.LIVEKIT, lambda _, made: events.livekit_ended(made, event_id="EV_1", location="s3://out")),
    (Fireflies(), Scheme.FIREFLIES, lambda _, made: events.fireflies_transcribed(made)),
    (Fireflies(), Scheme.FIREFLIES, lambda _, made: events.fireflies_v1_transcribed(made)),
]


@pytest.mark.parametrize(("provider", "scheme", "payload"), SIGNED)
def test_genuine_deliveries_are_read_and_forgeries_rejected(
    provider: Provider, scheme: Scheme, payload: Payloads, server: MediaServer
) -> None:
    with FakeZoom(server) as fake:
        recording = fake.add(a_recording(ID))
        sent = signed(scheme, payload(fake, recording), secret=SECRET, at_s=TIME)
    secrets = [b"the-secret-before-the-rotation-of-it", SECRET.encode()]
    provider.verify(delivered(sent), secrets, now=NOW)
    found = event(provider.read(delivered(sent), secrets, ALL_KINDS))
    assert (found.outcome, found.recording_id) == (Outcome.MEDIA, ID)
    assert found.media[0].is_main
    for forged in forgeries(sent).values():
        with pytest.raises(DeliveryRejected):
            provider.verify(delivered(forged), secrets, now=NOW)


def test_livekit_names_the_object() -> None:
    recording = a_recording(ID)
    body = events.livekit_ended(recording, event_id="EV_1", location="https://out.s3.eu-west-2.amazonaws.com")
    read = LiveKit().read(delivered(signed(Scheme.LIVEKIT, body, secret=SECRET, at_s=TIME)), [], ALL_KINDS)
    (media,) = event(read).media
    (video,) = (file for file in recording.files if file.kind == "video")
    assert media.stored == ProviderObject(bucket="out", key=video.path)
    assert media.size_bytes == video.size_bytes


def test_gladia_callbacks() -> None:
    recording = a_recording(ID)
    for payload, outcome in (
        (events.gladia_success(recording), Outcome.MEDIA),
        (events.gladia_error(recording), Outcome.FAILED),
    ):
        sent = signed(Scheme.TOKEN, payload, secret=SECRET, at_s=TIME)
        found = event(Gladia().read(delivered(sent), [], ALL_KINDS))
        assert (found.outcome, found.recording_id) == (outcome, ID)


def test_zoom_challenge() -> None:
    sent = delivered(signed(Scheme.ZOOM, events.zoom_challenge(), secret=SECRET, at_s=TIME))
    Zoom().verify(sent, [SECRET.encode()], now=NOW)
    assert isinstance(Zoom().read(sent, [SECRET.encode()], ALL_KINDS), Challenge)
