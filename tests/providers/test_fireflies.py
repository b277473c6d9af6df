"""Fireflies: signatures, events of both versions, and the GraphQL API."""

import hmac
import json
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.fireflies import Fireflies
from recording_operator.providers.provider import (
    Delivery,
    DeliveryRejected,
    Event,
    MalformedDelivery,
    Outcome,
    ProviderError,
    Rejection,
)
from tests.providers.deliveries import ALL_KINDS, NOW, TIME, ScriptedApi, delivery, event, options

SECRET = b"fireflies-secret"  # pragma: allowlist secret
VECTOR_BODY = b'{"event":"meeting.transcribed","timestamp":1767225600000,"meeting_id":"01TESTMEETING"}'
VECTOR = "sha256=47fe490dd982a49777cf616bc444200b24d59c46e127172c7c0fda41fe7e59fa"  # pragma: allowlist secret
MEETING = "01TESTMEETING"
VERSION_1 = {"meetingId": MEETING, "eventType": "Transcription completed", "clientReferenceId": "acme-weekly-sync"}
SENTENCES = [{"index": 0, "speaker_name": "Zoë", "text": "Good morning", "start_time": 0.5, "end_time": 2.1}]
TRANSCRIPT = {
    "id": MEETING,
    "title": "Weekly sync",
    "date": 1767225600000,
    "duration": 30.5,
    "organizer_email": None,
    "audio_url": "https://cdn.example.test/a.mp3?X-Amz-Expires=216000",
    "video_url": None,
    "sentences": SENTENCES,
    "summary": {"overview": "All is well."},
}


def rejection(request: Delivery, *secrets: bytes) -> Rejection | None:
    try:
        Fireflies().verify(request, secrets or (SECRET,), now=NOW)
    except DeliveryRejected as error:
        return error.rejection
    return None


def read(body: Any, *kinds: ArtifactKind) -> Event:
    return event(Fireflies().read(delivery(body), [], options(*kinds) if kinds else ALL_KINDS))


def test_the_published_vector_is_accepted() -> None:
    request = delivery(VECTOR_BODY, x_hub_signature=VECTOR)
    assert rejection(request) is None
    assert rejection(request, b"other", SECRET) is None
    assert rejection(request, b"other") is Rejection.WRONG_SIGNATURE
    assert rejection(request, b"") is Rejection.NOT_CONFIGURED


@pytest.mark.parametrize(
    ("body", "signature", "expected"),
    [
        (VECTOR_BODY, "", Rejection.NO_SIGNATURE),
        (VECTOR_BODY, "garbage", Rejection.WRONG_SIGNATURE),
        (VECTOR_BODY, "sha256=", Rejection.WRONG_SIGNATURE),
        (VECTOR_BODY, VECTOR.removeprefix("sha256="), Rejection.WRONG_SIGNATURE),
        (VECTOR_BODY, VECTOR.replace("sha256", "sha1"), Rejection.WRONG_SIGNATURE),
        (VECTOR_BODY + b" ", VECTOR, Rejection.WRONG_SIGNATURE),
        (b"\xff\xfe", VECTOR, Rejection.WRONG_SIGNATURE),
    ],
)
def test_other_signatures_are_rejected(body: bytes, signature: str, expected: Rejection) -> None:
    assert rejection(delivery(body, x_hub_signature=signature)) is expected


def test_the_signature_may_be_written_in_upper_case() -> None:
    digest = hmac.new(SECRET, VECTOR_BODY, "sha256").hexdigest().upper()
    assert rejection(delivery(VECTOR_BODY, x_hub_signature=f"sha256={digest}")) is None


def test_a_transcribed_meeting() -> None:
    found = read(VECTOR_BODY)
    assert (found.kind, found.outcome, found.recording_id) == ("meeting.transcribed", Outcome.MEDIA, MEETING)
    assert found.occurred_at == NOW
    assert [(m.name, m.kind, m.is_main) for m in found.media] == [
        ("audio", ArtifactKind.AUDIO, True),
        ("video", ArtifactKind.VIDEO, False),
        ("transcript", ArtifactKind.TRANSCRIPT, False),
    ]
    assert {(media.url, media.content) for media in found.media} == {(None, None)}


def test_version_1_is_the_same_recording() -> None:
    found = read(VERSION_1)
    assert (found.kind, found.recording_id, found.delivery_id) == ("meeting.transcribed", MEETING, None)
    assert found.media == read(VECTOR_BODY).media
    assert found.payload["clientReferenceId"] == "acme-weekly-sync"


def test_the_summary_has_its_own_event() -> None:
    body = {"event": "meeting.summarized", "timestamp": TIME * 1000, "meeting_id": MEETING}
    found = read(body)
    assert [(media.name, media.is_main) for media in found.media] == [("summary", False)]
    assert found.recording_id == MEETING
    assert found.delivery_id != read(VECTOR_BODY).delivery_id
    assert read(body, ArtifactKind.AUDIO).outcome is Outcome.IGNORED


@pytest.mark.parametrize(
    ("kinds", "main"),
    [((ArtifactKind.VIDEO, ArtifactKind.TRANSCRIPT), "video"), ((ArtifactKind.TRANSCRIPT,), "transcript")],
)
def test_the_first_wanted_kind_is_required(kinds: tuple[ArtifactKind, ...], main: str) -> None:
    assert [media.name for media in read(VECTOR_BODY, *kinds).media if media.is_main] == [main]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"event": "meeting.bot_joined"}, "meeting.bot_joined"),
        ({"event": "new"}, "unknown"),
        ({"eventType": "x"}, "unknown"),
    ],
)
def test_other_events_are_ignored(body: Any, kind: str) -> None:
    assert (read(body).kind, read(body).outcome) == (kind, Outcome.IGNORED)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"[]", {"event": "meeting.transcribed"}, VERSION_1 | {"meetingId": "x" * 513}]
)
def test_what_cannot_be_read_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedDelivery):
        read(body)


def api(response: Any) -> ScriptedApi:
    return ScriptedApi(responses=[response], credentials={"apiKey": "key-1"})


def test_one_request_returns_all_files() -> None:
    fireflies = api({"data": {"transcript": TRANSCRIPT}})
    media = {item.name: item for item in Fireflies().fetch_media(MEETING, fireflies, ALL_KINDS)}
    assert set(media) == {"audio", "transcript", "summary"}  # the URL of the video is null
    assert media["audio"].url == TRANSCRIPT["audio_url"]
    content = media["transcript"].content
    assert content is not None
    document = json.loads(content)
    assert (document["id"], document["sentences"]) == (MEETING, SENTENCES)
    assert media["summary"].content is not None
    assert json.loads(media["summary"].content)["summary"] == {"overview": "All is well."}


def test_the_request_names_the_meeting_in_a_variable_and_only_the_wanted_fields() -> None:
    fireflies = api({"data": {"transcript": TRANSCRIPT}})
    odd = 'x"){id} evil(id:"'
    Fireflies().fetch_media(odd, fireflies, options(ArtifactKind.AUDIO))
    (request,) = fireflies.requests
    assert (request.method, request.path) == ("POST", "/graphql")
    assert request.headers == {"Authorization": "Bearer key-1", "content-type": "application/json"}
    body = json.loads(request.body)
    assert body["variables"] == {"id": odd}
    assert body["query"] == ("query($id:String!){transcript(id:$id){id title date duration organizer_email audio_url}}")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"errors": [{"code": "auth_failed"}]}, Reason.PROVIDER_DENIED),
        ({"errors": [{"extensions": {"code": "paid_required"}}]}, Reason.PROVIDER_DENIED),
        ({"errors": [{"code": "too_many_requests"}]}, Reason.PROVIDER_UNAVAILABLE),
        ({"errors": [{"code": "object_not_found"}], "data": {"transcript": None}}, Reason.PROVIDER_HAS_NO_MEDIA),
        ({"errors": [{"code": "of_tomorrow", "message": "https://x?key=1"}]}, Reason.PROVIDER_UNAVAILABLE),
        ({"data": {"transcript": None}}, Reason.PROVIDER_HAS_NO_MEDIA),
        ({"data": {"transcript": {"id": MEETING, "audio_url": "ftp://x?key=1"}}}, Reason.PROVIDER_HAS_NO_MEDIA),
        ([], Reason.PROVIDER_HAS_NO_MEDIA),
    ],
)
def test_errors_of_the_api(response: Any, reason: Reason) -> None:
    with pytest.raises(ProviderError) as raised:
        Fireflies().fetch_media(MEETING, api(response), ALL_KINDS)
    assert raised.value.reason is reason
    assert "key=1" not in raised.value.message
    assert not raised.value.only_this_recording


@pytest.mark.parametrize("code", ["forbidden", "not_in_team", "require_elevated_privilege"])
def test_a_meeting_that_the_key_may_not_read(code: str) -> None:
    with pytest.raises(ProviderError, match=code) as raised:
        Fireflies().fetch_media(MEETING, api({"errors": [{"code": code}]}), ALL_KINDS)
    assert (raised.value.reason, raised.value.only_this_recording) == (Reason.PROVIDER_DENIED, True)


def test_a_meeting_whose_files_are_not_ready_has_none() -> None:
    assert Fireflies().fetch_media(MEETING, api({"data": {"transcript": {"id": MEETING}}}), ALL_KINDS) == ()
