"""Whatever is sent to a provider, the result is a value or one of the errors of the protocol."""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.providers.fireflies import Fireflies
from recording_operator.providers.gladia import Gladia
from recording_operator.providers.livekit import LiveKit
from recording_operator.providers.provider import (
    Challenge,
    Delivery,
    DeliveryRejected,
    Event,
    MalformedDelivery,
    Media,
    Outcome,
    Provider,
    ProviderError,
)
from recording_operator.providers.zoom import Zoom
from tests.providers.deliveries import ALL_KINDS, NOW, ScriptedApi

PROVIDERS = (Zoom(), LiveKit(), Gladia(), Fireflies())
SECRETS = (b"a-secret-of-some-length", b"another-secret")  # pragma: allowlist secret
CREDENTIALS = dict.fromkeys(("apiKey", "accountId", "clientId", "clientSecret"), "x")
EVENTS = (
    "recording.completed",
    "recording.transcript_completed",
    "endpoint.url_validation",
    "egress_ended",
    "transcription.success",
    "transcription.error",
    "meeting.transcribed",
    "meeting.summarized",
)
FIELDS = (
    "event",
    "eventType",
    "event_ts",
    "payload",
    "object",
    "uuid",
    "topic",
    "recording_files",
    "id",
    "file_type",
    "recording_type",
    "recording_start",
    "download_url",
    "download_token",
    "status",
    "plainToken",
    "egressInfo",
    "egress_id",
    "egressId",
    "roomName",
    "fileResults",
    "file",
    "filename",
    "location",
    "size",
    "createdAt",
    "error",
    "trackComposite",
    "meeting_id",
    "meetingId",
    "timestamp",
    "transcription",
    "code",
    "message",
    "data",
    "transcript",
    "audio_url",
    "sentences",
    "summary",
    "access_token",
    "download_access_token",
    "errors",
    "extensions",
    "result",
)
HEADERS = ("x-zm-signature", "x-zm-request-timestamp", "x-hub-signature", "authorization")

texts = st.text(max_size=20) | st.sampled_from(["https://x.test/a", "s3://b/k", "completed", "EGRESS_FAILED", "\ud800"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=15,
)
payloads = st.fixed_dictionaries(
    {"event": st.sampled_from(EVENTS) | texts},
    optional=dict.fromkeys(("payload", "egressInfo", "meeting_id", "id", "error", "event_ts", "timestamp"), values),
)
bodies = st.binary(max_size=60) | payloads.map(lambda payload: json.dumps(payload).encode())
header_values = st.text(max_size=60) | st.integers(0, 10**13).map(str)
deliveries = st.builds(
    Delivery,
    method=st.just("POST"),
    headers=st.dictionaries(st.sampled_from(HEADERS), header_values),
    body=bodies,
)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: type(provider).__name__)
@settings(max_examples=300, deadline=None)
@given(request=deliveries)
def test_verify_and_read(provider: Provider, request: Delivery) -> None:
    try:
        provider.verify(request, SECRETS, now=NOW)
        assert isinstance(provider, Gladia), "nothing was signed"
    except DeliveryRejected:
        pass
    try:
        found = provider.read(request, SECRETS, ALL_KINDS)
    except MalformedDelivery:
        return
    assert not isinstance(found, Challenge), "the request was not signed"
    check_event(found)


def check_event(found: Event) -> None:
    if found.outcome is not Outcome.IGNORED:
        assert 1 <= len(found.recording_id) <= 512
    assert (found.outcome is Outcome.MEDIA) == bool(found.media)
    assert len({media.name for media in found.media}) == len(found.media)
    assert sum(media.is_main for media in found.media) <= 1
    assert len(found.failure) <= 256
    for media in found.media:
        assert sum(value is not None for value in (media.url, media.content, media.stored)) <= 1
    # All texts can be encoded, so that they can be written to the API server.
    json.dumps(found.payload, ensure_ascii=False).encode()
    repr((found.recording_id, found.title, found.failure)).encode()


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: type(provider).__name__)
@settings(max_examples=300, deadline=None)
@given(responses=st.lists(values, min_size=2, max_size=2), recording_id=st.text(min_size=1, max_size=40))
def test_fetch_media(provider: Provider, responses: list[Any], recording_id: str) -> None:
    api = ScriptedApi(
        responses=[{"access_token": "token"}, *responses] if isinstance(provider, Zoom) else responses,
        credentials=CREDENTIALS,
    )
    found: Iterable[Media] = ()
    with suppress(ProviderError):
        found = provider.fetch_media(recording_id, api, ALL_KINDS)
    assert all(media.url or media.content for media in found)
