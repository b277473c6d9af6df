"""The payloads of webhooks, as the providers document them."""

from typing import Any

from tests.support.fake_providers.gladia import transcription_result
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recordings import ProviderRecording
from tests.support.fake_providers.server import FakeProvider
from tests.support.fake_providers.zoom import FakeZoom

Payload = dict[str, Any]


def meetingbaas_completed(provider: FakeMeetingBaas, recording: ProviderRecording) -> Payload:
    """v2 `bot.completed`, as in the SDK. For webhooks and callbacks."""
    data: Payload = {
        "bot_id": recording.id,
        "event_id": None,
        "participants": [{"name": "Ada Osei", "id": 1, "display_name": "Ada"}],
        "speakers": [{"name": "Ada Osei", "id": 1}],
        "duration_seconds": 1834,
        "joined_at": "2026-01-01T10:00:04Z",
        "exited_at": "2026-01-01T10:30:38Z",
        "data_deleted": False,
        **provider.file_urls(recording),
        "transcription_provider": None,
        "transcription_ids": None,
        "sent_at": "2026-01-01T10:31:12Z",
    }
    return {"event": "bot.completed", "data": data, "extra": recording.metadata}


def meetingbaas_completed_as_in_guide(provider: FakeMeetingBaas, recording: ProviderRecording) -> Payload:
    """v2 `bot.completed`, as in the guide: `mp4`, and `extra` inside `data`."""
    urls = provider.file_urls(recording)
    data: Payload = {
        "bot_id": recording.id,
        "event_id": "7a1f0b52-93d2-4a0c-b6f0-4f2f4f1a9d11",
        "transcription": urls["transcription"],
        "mp4": urls["video"],
        "audio": urls["audio"],
        "diarization": urls["diarization"],
        "duration_seconds": 1834,
        "participants": [],
        "speakers": [],
        "extra": recording.metadata,
    }
    return {"event": "bot.completed", "data": data}


def meetingbaas_failed(recording: ProviderRecording) -> Payload:
    """v2 `bot.failed`."""
    code, message = recording.failure or ("BOT_NOT_ACCEPTED", "The host did not admit the bot")
    data = {
        "bot_id": recording.id,
        "event_id": None,
        "error_code": code,
        "error_message": message,
        "sent_at": "2026-01-01T10:15:00Z",
    }
    return {"event": "bot.failed", "data": data, "extra": recording.metadata}


def meetingbaas_v1_complete(provider: FakeMeetingBaas, recording: ProviderRecording) -> Payload:
    """v1 `complete`, with the transcript inline."""
    urls = provider.file_urls(recording)
    words = [{"start": 1.5, "end": 1.9, "word": "Good"}, {"start": 2.0, "end": 2.4, "word": "morning"}]
    said = {"speaker": "Ada Osei", "offset": 1.5, "start_time": 1.5, "end_time": 2.4, "words": words}
    data = {
        "bot_id": recording.id,
        "event_uuid": None,
        "transcript": [said],
        "speakers": ["Ada Osei", "Lin Park"],
        "mp4": urls["video"],
        "audio": urls["audio"],
        "event": "complete",
        "extra": recording.metadata,
    }
    return {"event": "complete", "data": data}


def recall_event(recording: ProviderRecording, name: str = "recording.done") -> Payload:
    """`recording.done`, `transcript.done`, `recording.failed` and so on. No URL: the API has them."""
    medium, _, code = name.partition(".")
    data: Payload = {
        "data": {"code": code, "sub_code": None, "updated_at": "2026-01-01T10:33:00.120000Z"},
        "recording": {"id": recording.id, "metadata": {}},
        "bot": {"id": f"bot-of-{recording.id}", "metadata": recording.metadata},
    }
    if medium != "recording":
        data[medium] = {"id": f"{medium}-1", "metadata": {}}
    return {"event": name, "data": data}


def zoom_completed(provider: FakeZoom, recording: ProviderRecording, *, name: str = "recording.completed") -> Payload:
    """`recording.completed` or `recording.transcript_completed`, with a token for the downloads."""
    return {
        "event": name,
        "event_ts": 1767263400000,
        "payload": {"account_id": "acc_TEST", "object": provider.meeting(recording)},
        "download_token": provider.download_token(),
    }


def zoom_challenge(plain: str = "q9ibPhGeRZ6ayx5WTrXjRw") -> Payload:
    """`endpoint.url_validation`."""
    return {"event": "endpoint.url_validation", "event_ts": 1767263400000, "payload": {"plainToken": plain}}


def livekit_ended(
    recording: ProviderRecording, *, event_id: str, location: str, folder: str = "", status: str = "EGRESS_COMPLETE"
) -> Payload:
    """`egress_ended`. `location` is the URL of the customer's bucket, `folder` the beginning of the key."""
    files = [
        {
            "filename": f"{folder}{file.path}",
            "startedAt": "1767261600000000000",
            "endedAt": "1767263440000000000",
            "duration": "1840000000000",
            "size": str(file.size_bytes),
            "location": f"{location}/{folder}{file.path}",
        }
        for file in recording.files
        if file.kind == "video"
    ]
    info = {
        "egressId": recording.id,
        "roomId": "RM_test",
        "roomName": recording.title,
        "status": status,
        "startedAt": "1767261600000000000",
        "endedAt": "1767263440000000000",
        "updatedAt": "1767263440000000000",
        "fileResults": files,
        "segmentResults": [],
        "error": "",
        "errorCode": 0,
    }
    return {"event": "egress_ended", "id": event_id, "createdAt": "1767263460", "egressInfo": info}


def gladia_success(recording: ProviderRecording, *, utterances: int = 2) -> Payload:
    """The callback `transcription.success`. 120 utterances are more than 16 KiB, 8,000 more than 1 MiB."""
    return {
        "id": recording.id,
        "event": "transcription.success",
        "custom_metadata": recording.metadata,
        "payload": transcription_result(utterances=utterances),
    }


def gladia_error(recording: ProviderRecording) -> Payload:
    """The callback `transcription.error`."""
    error = {"status_code": 422, "exception": "UnprocessableEntity", "message": "audio could not be decoded"}
    return {
        "id": recording.id,
        "event": "transcription.error",
        "custom_metadata": recording.metadata,
        "error": error,
    }


def fireflies_transcribed(recording: ProviderRecording) -> Payload:
    """v2 `meeting.transcribed`."""
    return {
        "event": "meeting.transcribed",
        "timestamp": 1767263400000,
        "meeting_id": recording.id,
        "client_reference_id": recording.metadata.get("org_id"),
    }


def fireflies_v1_transcribed(recording: ProviderRecording) -> Payload:
    """v1 `Transcription completed`."""
    return {
        "meetingId": recording.id,
        "eventType": "Transcription completed",
        "clientReferenceId": recording.metadata.get("org_id"),
    }


def generic_ready(provider: FakeProvider, recording: ProviderRecording) -> Payload:
    """What an application of one's own may send."""
    files = [{"name": file.kind, "href": provider.url(file), "bytes": file.size_bytes} for file in recording.files]
    return {"type": "call.recorded", "call": {"id": recording.id, "subject": recording.title}, "files": files} | {
        "customer": recording.metadata
    }
