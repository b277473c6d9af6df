"""Gladia: callbacks of jobs, webhooks of accounts, and the API."""

import json
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.gladia import Gladia
from recording_operator.providers.provider import Event, MalformedDelivery, Outcome, ProviderError
from tests.providers.deliveries import ALL_KINDS, NOW, ScriptedApi, delivery, event, options
from tests.support.fake_providers.gladia import FakeGladia

JOB = "6f0d8a9e-1111-4c8b-9a57-2f7d0e3c4b5a"
RESULT = {
    "metadata": {"audio_duration": 1834.2, "number_of_distinct_channels": 1},
    "transcription": {"full_transcript": "Good morning, Zoë.", "languages": ["en"], "utterances": []},
}
CALLBACK = {"id": JOB, "event": "transcription.success", "payload": RESULT, "custom_metadata": {"org": "acme"}}
OF_ACCOUNT = {"event": "transcription.success", "payload": {"id": JOB}}
ERROR = {
    "id": JOB,
    "event": "transcription.error",
    "error": {"status_code": 422, "exception": "UnprocessableEntity", "message": "audio could not be decoded"},
}


def read(body: Any, *kinds: ArtifactKind) -> Event:
    return event(Gladia().read(delivery(body), [], options(*kinds) if kinds else ALL_KINDS))


def test_nothing_is_signed() -> None:
    Gladia().verify(delivery(b""), [], now=NOW)


@pytest.mark.parametrize("name", ["transcription.success", "success"])
def test_the_callback_contains_the_transcript(name: str) -> None:
    found = read(CALLBACK | {"event": name})
    assert (found.kind, found.outcome, found.recording_id) == ("transcription.success", Outcome.MEDIA, JOB)
    (media,) = found.media
    assert (media.name, media.kind, media.is_main) == ("transcript", ArtifactKind.TRANSCRIPT, True)
    assert (media.url, media.content_type) == (None, "application/json")
    assert media.content is not None
    assert json.loads(media.content) == RESULT
    assert "Zoë".encode() in media.content
    assert found.payload["custom_metadata"] == {"org": "acme"}


def test_the_webhook_of_an_account_names_the_job_only() -> None:
    found = read(OF_ACCOUNT)
    assert (found.outcome, found.recording_id) == (Outcome.MEDIA, JOB)
    (media,) = found.media
    assert (media.content, media.url) == (None, None)


def test_a_redelivery_has_the_same_content() -> None:
    assert read(CALLBACK).media == read(json.dumps(CALLBACK, indent=2).encode()).media


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (ERROR, "422: UnprocessableEntity audio could not be decoded"),
        (ERROR | {"event": "error"}, "422: UnprocessableEntity audio could not be decoded"),
        (ERROR | {"error": {"code": "bad_audio", "message": "no audio"}}, "bad_audio: no audio"),
        (ERROR | {"error": None}, "Gladia could not transcribe the audio"),
        (ERROR | {"error": {"code": ["x"], "message": 7}}, "Gladia could not transcribe the audio"),
        ({"event": "transcription.error", "payload": {"id": JOB, "error": {"code": 500}}}, "500"),
    ],
)
def test_an_error_means_that_there_will_be_no_transcript(body: Any, failure: str) -> None:
    found = read(body)
    assert (found.kind, found.outcome, found.recording_id) == ("transcription.error", Outcome.FAILED, JOB)
    assert found.failure == failure


def test_other_events_and_other_kinds_are_ignored() -> None:
    created = read({"event": "transcription.created", "payload": {"id": JOB}})
    assert (created.kind, created.outcome) == ("transcription.created", Outcome.IGNORED)
    assert (read({"event": "new"}).kind, read({}).kind) == ("unknown", "unknown")
    assert read(CALLBACK, ArtifactKind.VIDEO).outcome is Outcome.IGNORED


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"7", CALLBACK | {"id": None}, CALLBACK | {"id": ""}, {"event": "success", "payload": []}]
)
def test_what_cannot_be_read_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedDelivery):
        read(body)


def api(response: Any) -> ScriptedApi:
    return ScriptedApi(responses=[response], credentials={"apiKey": "key-1"}, endpoint=Gladia.default_endpoint)


def test_the_transcript_is_the_result_of_the_job_and_nothing_else() -> None:
    gladia = api({"id": JOB, "status": "done", "result": RESULT, "request_params": FakeGladia.request_params})
    (media,) = Gladia().fetch_media(JOB, gladia, ALL_KINDS)
    assert media == read(CALLBACK).media[0]
    assert (media.name, media.is_main, media.url) == ("transcript", True, None)
    (request,) = gladia.requests
    assert (request.method, request.path) == ("GET", f"/v2/pre-recorded/{JOB}")
    assert request.headers == {"x-gladia-key": "key-1"}
    assert Gladia().fetch_media(JOB, api({"status": "done"}), options(ArtifactKind.VIDEO)) == ()


def test_a_result_that_is_no_unicode_is_stored() -> None:
    (media,) = Gladia().fetch_media(JOB, api({"status": "done", "result": {"text": "\ud800"}}), ALL_KINDS)
    assert media.content == b'{"text":"?"}'


def test_an_id_is_one_segment_of_the_path() -> None:
    gladia = api({"status": "done", "result": RESULT})
    Gladia().fetch_media("../live/x?y#z", gladia, ALL_KINDS)
    assert gladia.requests[0].path == "/v2/pre-recorded/..%2Flive%2Fx%3Fy%23z"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"status": "queued"}, Reason.PROVIDER_HAS_NO_MEDIA),
        ({"status": "processing"}, Reason.PROVIDER_HAS_NO_MEDIA),
        ({"status": "error", "error_code": 400}, Reason.PROVIDER_FAILED),
        ({"status": "error"}, Reason.PROVIDER_FAILED),
        ({"status": "done"}, Reason.PROVIDER_HAS_NO_MEDIA),
        ({"status": "done", "result": None}, Reason.PROVIDER_HAS_NO_MEDIA),
        ({"status": "done", "result": {}}, Reason.PROVIDER_HAS_NO_MEDIA),
        ([], Reason.PROVIDER_HAS_NO_MEDIA),
    ],
)
def test_a_job_without_result(response: Any, reason: Reason) -> None:
    with pytest.raises(ProviderError) as raised:
        Gladia().fetch_media(JOB, api(response), ALL_KINDS)
    assert raised.value.reason is reason


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ProviderError, match="apiKey") as raised:
        Gladia().fetch_media(JOB, ScriptedApi(responses=[]), ALL_KINDS)
    assert raised.value.reason is Reason.PROVIDER_DENIED
