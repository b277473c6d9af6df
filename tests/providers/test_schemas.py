"""Our code and the fields that providers publish in their SDKs; for those without one, in their documentation."""

import json

import pytest

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.gladia import Gladia
from recording_operator.providers.meetingbaas import MeetingBaas
from recording_operator.providers.provider import Event, Outcome
from recording_operator.providers.zoom import Zoom
from recording_operator.providers.zoom_files import KINDS, NAMES, VIEWS
from tests.providers.deliveries import ALL_KINDS, TIME, ScriptedApi, delivery, event, options
from tests.providers.published import document, fields_read, published_fields, sdk
from tests.providers.schemas.typescript import fields_of, texts_of

MODULES = {
    "zoom": ("zoom", "zoom_files"),
    "livekit": ("livekit",),
    "gladia": ("gladia",),
    "fireflies": ("fireflies",),
    "recall": ("recall",),
    "meetingbaas": ("meetingbaas",),
}
ZOOM_VALUES = {
    "event_ts": TIME * 1000,
    "uuid": "uuid==",
    "topic": "Weekly sync",
    "id": "f-1",
    "file_type": "MP4",
    "recording_type": "active_speaker",
    "status": "completed",
    "download_url": "https://zoom.example.test/f-1",
    "download_token": "token-of-event",
    "download_access_token": "token-of-api",
}
ZOOM_LISTS = frozenset({"recording_files"})


@pytest.mark.parametrize("name", MODULES)
def test_every_field_that_is_read_is_published(name: str) -> None:
    read = fields_read(*MODULES[name])
    assert len(read) >= 5
    assert read - published_fields(name) == set()


@pytest.mark.parametrize(
    ("type_name", "event_name"),
    [
        ("RecordingCompletedEvent", "recording.completed"),
        ("RecordingTranscriptCompletedEvent", "recording.transcript_completed"),
    ],
)
def test_a_zoom_event_of_published_fields_only_is_read_completely(type_name: str, event_name: str) -> None:
    body = document(sdk("zoom")["fields"][type_name], ZOOM_VALUES | {"event": event_name}, lists=ZOOM_LISTS)
    found = event(Zoom().read(delivery(body), [], ALL_KINDS))
    assert (found.kind, found.recording_id, found.title) == (event_name, "uuid==", "Weekly sync")
    (media,) = found.media
    assert (media.kind, media.url) == (ArtifactKind.VIDEO, "https://zoom.example.test/f-1")
    assert media.headers == {"Authorization": "Bearer token-of-event"}


def test_a_zoom_response_of_published_fields_only_is_read_completely() -> None:
    fields = sdk("zoom")["fields"]["CloudRecordingGetMeetingRecordingsResponse"]
    zoom = ScriptedApi(
        responses=[{"access_token": "whole-account"}, document(fields, ZOOM_VALUES, lists=ZOOM_LISTS)],
        credentials={"accountId": "a", "clientId": "c", "clientSecret": "s"},
    )
    (media,) = Zoom().fetch_media("uuid==", zoom, ALL_KINDS)
    assert (media.url, media.headers["Authorization"]) == ("https://zoom.example.test/f-1", "Bearer token-of-api")


def test_every_event_of_zoom_recordings_is_known() -> None:
    published = sdk("zoom")["events"]
    assert len(published) > 10
    body = {"payload": {"object": {"uuid": "u"}}}
    read = {name: event(Zoom().read(delivery({"event": name, **body}), [], ALL_KINDS)).kind for name in published}
    assert read == {name: name for name in published}


def test_types_of_zoom_files() -> None:
    texts = sdk("zoom")["texts"]
    file_types = {text for field, found in texts.items() if field.endswith(".file_type") for text in found}
    recording_types = {text for field, found in texts.items() if field.endswith(".recording_type") for text in found}
    assert set(KINDS) - file_types == set()
    assert {*VIEWS, *NAMES} - recording_types == set()


def test_a_meetingbaas_event_of_published_fields_only_is_read_completely() -> None:
    files = {
        name: f"https://artifacts.example.test/{name}"
        for name in ("video", "audio", "transcription", "diarization", "raw_transcription")
    }
    data = document(sdk("meetingbaas")["fields"]["BotWebhookCompletedData"], {"bot_id": "bot-1", **files})
    body = document(sdk("meetingbaas")["fields"]["BotWebhookCompleted"], {"event": "bot.completed"}) | {"data": data}
    found = event(MeetingBaas().read(delivery(body), [], ALL_KINDS))
    assert (found.outcome, found.recording_id) == (Outcome.MEDIA, "bot-1")
    assert {media.url for media in found.media} == set(files.values())


def test_a_failed_meetingbaas_bot_of_published_fields_only() -> None:
    values = {"bot_id": "bot-1", "error_code": "BOT_NOT_ACCEPTED", "error_message": "The host did not admit the bot"}
    data = document(sdk("meetingbaas")["fields"]["BotWebhookFailedData"], values)
    body = document(sdk("meetingbaas")["fields"]["BotWebhookFailed"], {"event": "bot.failed"}) | {"data": data}
    found = event(MeetingBaas().read(delivery(body), [], ALL_KINDS))
    assert (found.outcome, found.recording_id) == (Outcome.FAILED, "bot-1")
    assert found.failure == "BOT_NOT_ACCEPTED: The host did not admit the bot"


def test_a_meetingbaas_response_of_published_fields_only() -> None:
    values = {name: f"https://artifacts.example.test/{name}" for name in ("video", "audio", "transcription")}
    data = document(sdk("meetingbaas")["fields"]["GetBotDetailsResponseData"], values)
    api = ScriptedApi(responses=[{"success": True, "data": data}], credentials={"apiKey": "k"})
    assert {media.url for media in MeetingBaas().fetch_media("bot-1", api, ALL_KINDS)} == set(values.values())
    assert {"data", "success"} <= set(sdk("meetingbaas")["fields"]["GetBotDetailsResponse"])


@pytest.mark.parametrize("status", sdk("gladia")["texts"]["PreRecordedV2Response.status"])
def test_a_gladia_job_of_published_fields_only(status: str) -> None:
    result = document(sdk("gladia")["fields"]["PreRecordedV2TranscriptionResult"], {})
    values = {"id": "job", "status": status, "result": result}
    job = document(sdk("gladia")["fields"]["PreRecordedV2Response"], values)
    gladia = ScriptedApi(responses=[job], credentials={"apiKey": "k"}, endpoint="https://api.gladia.io")
    if status == "done":
        content = Gladia().fetch_media("job", gladia, ALL_KINDS)[0].content
        assert content is not None
        assert json.loads(content) == result
    else:
        with pytest.raises(Exception, match="Gladia"):
            Gladia().fetch_media("job", gladia, ALL_KINDS)


def test_a_gladia_callback_contains_the_published_result() -> None:
    result = document(sdk("gladia")["fields"]["PreRecordedV2TranscriptionResult"], {})
    body = {"id": "job", "event": "transcription.success", "payload": result}
    found: Event = event(Gladia().read(delivery(body), [], options(ArtifactKind.TRANSCRIPT)))
    assert found.outcome is Outcome.MEDIA
    assert found.media[0].content is not None


def test_declarations_are_read_as_they_are_written() -> None:
    source = """
    /** type Wrong = { no: string; } */
    type Other = { type: "x"; };
    export interface Kept { first?: string; second: { inner: 'a' | "b"; /* none: 1; */ more: number[]; }[];
        last: (A | B); }
    type Joined = Event<"name"> & { "quoted-name": string } & { two: Record<string, any>; };
    type After = { status: "later"; };
    """
    assert fields_of(source, "Kept") == ["first", "last", "second", "second.inner", "second.more"]
    assert fields_of(source, "Joined") == ["quoted-name", "two"]
    assert texts_of(source, "Kept", "inner") == ["a", "b"]
    assert texts_of(source, "Joined", "status") == []
    with pytest.raises(ValueError, match="Wrong"):
        fields_of(source, "Wrong")
