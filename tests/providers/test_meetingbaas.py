"""MeetingBaaS: every documented delivery becomes an event, and its API gives URLs."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.meetingbaas import MeetingBaas
from recording_operator.providers.provider import (
    Delivery,
    DeliveryRejected,
    Event,
    MalformedDelivery,
    Outcome,
    ReadOptions,
)
from tests.support.deliveries import NOW, OTHER_SECRET, SVIX_SECRET, VECTOR_BODY, delivery, signed

BOT = "9b2d1a54-6c0e-4f7a-8d51-0e6f2a7c3b10"
PROVIDER = MeetingBaas()
KINDS = frozenset({ArtifactKind.VIDEO, ArtifactKind.AUDIO, ArtifactKind.TRANSCRIPT})
URL = "https://artifacts.example.test"
SDK_SHAPE: dict[str, Any] = {
    "event": "bot.completed",
    "data": {
        "bot_id": BOT,
        "event_id": None,
        "participants": [{"name": "Ada Osei", "id": 1, "display_name": "Ada"}],
        "speakers": [{"name": "Ada Osei", "id": 1}],
        "duration_seconds": 1834,
        "joined_at": "2026-01-01T10:00:04Z",
        "exited_at": "2026-01-01T10:30:38Z",
        "data_deleted": False,
        "video": f"{URL}/video.mp4?X-Amz-Date=20260101T103112Z&X-Amz-Expires=14400&X-Amz-Signature=00",
        "audio": f"{URL}/audio.flac?X-Amz-Signature=00",
        "diarization": f"{URL}/diarization.jsonl?X-Amz-Signature=00",
        "raw_transcription": None,
        "transcription": f"{URL}/output_transcription.json?X-Amz-Signature=00",
        "transcription_provider": "gladia",
        "transcription_ids": ["6f0d8a9e-1111-4c8b-9a57-2f7d0e3c4b5a"],
        "sent_at": "2026-01-01T10:31:12Z",
    },
    "extra": {"org_id": "acme", "user_id": "u-17"},
}
GUIDE_SHAPE: dict[str, Any] = {
    "event": "bot.completed",
    "data": {
        "bot_id": BOT,
        "event_id": "7a1f0b52-93d2-4a0c-b6f0-4f2f4f1a9d11",
        "transcription": f"{URL}/t.json",
        "mp4": f"{URL}/v.mp4",
        "audio": f"{URL}/a.mp3",
        "diarization": f"{URL}/d.jsonl",
        "chat_messages": f"{URL}/chat.json",
        "duration_seconds": 1834,
        "participants": [],
        "speakers": [],
        "extra": {"org_id": "acme"},
    },
}
UTTERANCE = {"speaker": "Ada Osei", "start_time": 1.5, "words": [{"start": 1.5, "end": 1.9, "word": "Grüße"}]}
V1: dict[str, Any] = {
    "event": "complete",
    "data": {
        "bot_id": "2c7c0f7d-2f8d-4a9c-9d2a-5f1f6e1c0a42",
        "event_uuid": None,
        "transcript": [UTTERANCE],
        "speakers": ["Ada Osei", "Lin Park"],
        "mp4": "https://v1.example.test/2c7c/video.mp4?token=t",
        "audio": "https://v1.example.test/2c7c/audio.wav?token=t",
        "event": "complete",
        "extra": {"org_id": "acme"},
    },
}


def read(sent: Delivery | dict[str, Any], kinds: frozenset[ArtifactKind] = KINDS) -> Event:
    return PROVIDER.read(sent if isinstance(sent, Delivery) else delivery(sent), [], ReadOptions(kinds=kinds))


def without(payload: dict[str, Any], *names: str, **changed: Any) -> dict[str, Any]:
    """`payload` with other `data`."""
    data = {name: value for name, value in payload["data"].items() if name not in names}
    return {**payload, "data": {**data, **changed}}


def test_the_shape_of_the_sdk() -> None:
    event = read(signed(SDK_SHAPE, family="svix", message_id="msg_1"))
    assert (event.kind, event.outcome, event.recording_id) == ("bot.completed", Outcome.MEDIA, BOT)
    assert event.delivery_id == "msg_1"
    assert event.occurred_at == datetime(2026, 1, 1, 10, 30, 38, tzinfo=UTC)
    assert [(media.name, media.kind, media.is_main) for media in event.media] == [
        ("video", ArtifactKind.VIDEO, True),
        ("audio", ArtifactKind.AUDIO, False),
        ("transcript", ArtifactKind.TRANSCRIPT, False),
    ]
    assert event.media[0].url == SDK_SHAPE["data"]["video"]
    assert "Signature" not in repr(event)


def test_the_shape_of_the_guide() -> None:
    event = read(GUIDE_SHAPE, frozenset(ArtifactKind))
    assert {media.name: media.url for media in event.media} == {
        "video": f"{URL}/v.mp4",
        "audio": f"{URL}/a.mp3",
        "transcript": f"{URL}/t.json",
        "diarization": f"{URL}/d.jsonl",
        "chat-messages": f"{URL}/chat.json",
    }


@pytest.mark.parametrize("payload", [SDK_SHAPE, GUIDE_SHAPE, V1])
def test_extra_is_found_in_both_places(payload: dict[str, Any]) -> None:
    found = read(payload).payload
    assert found["extra"]["org_id"] == found["data"]["extra"]["org_id"] == "acme"


def test_v1_has_the_transcript_inline() -> None:
    event = read(V1)
    assert (event.kind, event.outcome) == ("complete", Outcome.MEDIA)
    video, audio, transcript = event.media
    assert (video.url, audio.url) == (V1["data"]["mp4"], V1["data"]["audio"])
    assert transcript.content is not None
    assert "Grüße".encode() in transcript.content
    assert json.loads(transcript.content) == {"transcript": [UTTERANCE], "speakers": ["Ada Osei", "Lin Park"]}
    assert (transcript.url, transcript.content_type) == (None, "application/json")


def test_the_transcript_of_v1_is_not_larger_than_the_event_that_contains_it() -> None:
    words = [{"start": 1.25, "end": 1.5, "word": f"word{number}"} for number in range(21_500)]
    body = json.dumps(without(V1, transcript=[{**UTTERANCE, "words": words}]), separators=(",", ":")).encode()
    transcript = read(delivery(body)).media[2]
    assert len(transcript.content or b"") < len(body)


def test_the_old_form_of_v1_has_no_data() -> None:
    event = read({"event": "bot.completed", "bot_id": BOT, "mp4": f"{URL}/v.mp4", "extra": {"org_id": "acme"}})
    assert (event.recording_id, event.media[0].url) == (BOT, f"{URL}/v.mp4")
    assert event.payload["extra"] == {"org_id": "acme"}


def test_without_a_video_the_audio_is_required() -> None:
    event = read(without(SDK_SHAPE, video=None))
    assert [(media.name, media.is_main) for media in event.media] == [("audio", True), ("transcript", False)]


def test_without_any_url_the_usual_files_are_requested_from_the_api() -> None:
    event = read(without(SDK_SHAPE, video=None, audio=None, transcription=None, diarization=None))
    assert [(media.name, media.url, media.is_main) for media in event.media] == [
        ("video", None, True),
        ("audio", None, False),
        ("transcript", None, False),
    ]


def test_only_kinds_that_are_wanted() -> None:
    assert [media.name for media in read(SDK_SHAPE, frozenset({ArtifactKind.METADATA})).media] == ["diarization"]


def test_deleted_data_is_a_failure() -> None:
    gone = dict.fromkeys(("video", "audio", "transcription", "diarization"))
    event = read(without(SDK_SHAPE, **gone, data_deleted=True))
    assert (event.outcome, event.failure) == (Outcome.FAILED, "DATA_DELETED: The files were deleted")


@pytest.mark.parametrize(
    ("payload", "failure"),
    [
        ({"event": "bot.failed", "data": {"bot_id": BOT, "error_code": "BOT_NOT_ACCEPTED",
          "error_message": "The host did not admit the bot", "sent_at": "2026-01-01T10:15:00Z"}},
         "BOT_NOT_ACCEPTED: The host did not admit the bot"),
        ({"event": "failed", "data": {"bot_id": BOT, "error": "CannotJoinMeeting"}}, "CannotJoinMeeting"),
        ({"event": "bot.failed", "data": {"bot_id": BOT}}, "The bot failed"),
    ],
)  # fmt: skip
def test_a_bot_that_failed(payload: dict[str, Any], failure: str) -> None:
    event = read(payload)
    assert (event.outcome, event.recording_id, event.failure) == (Outcome.FAILED, BOT, failure)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bot.status_change", "bot.status_change"),
        ("bot.chat_message", "bot.chat_message"),
        ("transcription_complete", "transcription_complete"),
        ("calendar.synced", "unknown"),
        ("bot.exploded", "unknown"),
        (None, "unknown"),
    ],
)
def test_other_events_are_ignored(name: str | None, kind: str) -> None:
    event = read({"event": name, "data": {"bot_id": BOT}})
    assert (event.outcome, event.kind, event.media) == (Outcome.IGNORED, kind, ())


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (without(SDK_SHAPE, "bot_id"), r"data\.bot_id"),
        (without(SDK_SHAPE, video="javascript:alert(1)"), r"data\.video"),
        (without(SDK_SHAPE, audio=["https://a.example.test"]), r"data\.audio"),
    ],
)
def test_malformed_deliveries(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedDelivery, match=field) as caught:
        read(payload)
    assert "alert" not in str(caught.value)


def test_w3_signatures() -> None:
    genuine = [
        (signed(VECTOR_BODY, family="svix"), [OTHER_SECRET, SVIX_SECRET]),
        (signed(VECTOR_BODY), [SVIX_SECRET]),
        (delivery(VECTOR_BODY, {"x-mb-secret": "callback-secret"}, method="PUT"), [SVIX_SECRET, b"callback-secret"]),
        (delivery(VECTOR_BODY, {"x-meeting-baas-api-key": "v1-key"}), [b"v1-key"]),
    ]
    for sent, secrets in genuine:
        PROVIDER.verify(sent, secrets, now=NOW)
        with pytest.raises(DeliveryRejected, match="wrong_signature"):
            PROVIDER.verify(sent, [b"whsec_" + b"QUFB" * 8], now=NOW)
        with pytest.raises(DeliveryRejected, match="not_configured"):
            PROVIDER.verify(sent, [], now=NOW)


def test_w3_a_wrong_signature_is_not_saved_by_another_header() -> None:
    forged = signed(VECTOR_BODY, secret=OTHER_SECRET, extra={"x-mb-secret": "", "x-meeting-baas-api-key": "guess"})
    with pytest.raises(DeliveryRejected, match="wrong_signature"):
        PROVIDER.verify(forged, [SVIX_SECRET], now=NOW)
    with pytest.raises(DeliveryRejected, match="no_signature"):
        PROVIDER.verify(delivery(VECTOR_BODY), [SVIX_SECRET], now=NOW)
