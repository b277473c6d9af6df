"""The API of Gladia v2: `GET /v2/pre-recorded/{id}`.

Source: @gladiaio/sdk 2.1.0, the generated types of `v2/prerecorded`.
"""

import re
from typing import Any, ClassVar

from tests.support.fake_providers.recordings import ProviderRecording
from tests.support.fake_providers.server import ApiRequest, ApiResponse, FakeProvider

_JOB = re.compile(r"/v2/pre-recorded/([^/]+)")


class FakeGladia(FakeProvider):
    """Transcription jobs. The id of a recording is the id of its job."""

    credentials: ClassVar = {"apiKey": "gladia-key-1234"}
    request_params: ClassVar[dict[str, Any]] = {
        "audio_url": "https://audio.example.test/a.m4a?X-Amz-Signature=signature-of-audio",
        "callback": True,
        "callback_url": "https://hooks.example.test/v1/sources/team-a/gladia/token-of-callback-url",
        "callback_config": {
            "url": "https://hooks.example.test/v1/sources/team-a/gladia/token-of-callback-config",
            "method": "POST",
        },
        "diarization": False,
        "language_config": {"languages": ["en"], "code_switching": False},
    }
    """What the application sent with a job. The API returns it with the job, URLs that are secrets included."""

    def route(self, request: ApiRequest) -> ApiResponse:
        if request.headers.get("x-gladia-key") != self.credentials["apiKey"]:
            return _error(401, "gladia key not found", request)
        found = _JOB.fullmatch(request.path)
        recording = self.recordings.get(found[1]) if found and request.method == "GET" else None
        if recording is None:
            return _error(404, "Transcription not found", request)
        return ApiResponse(document=self.job(recording))

    def job(self, recording: ProviderRecording) -> dict[str, Any]:
        """The job as the API returns it."""
        is_done = recording.failure is None
        return {
            "id": recording.id,
            "request_id": "G-1",
            "version": 2,
            "kind": "pre-recorded",
            "status": "done" if is_done else "error",
            "created_at": "2026-01-01T10:31:00Z",
            "completed_at": "2026-01-01T10:32:00Z",
            "error_code": None if is_done else 422,
            "post_session_metadata": {},
            "custom_metadata": recording.metadata,
            "file": {
                "id": "file-1",
                "filename": "audio.m4a",
                "source": self.request_params["audio_url"],
                "audio_duration": 1834.2,
            },
            "request_params": self.request_params,
            "result": transcription_result() if is_done else None,
        }


def transcription_result(*, utterances: int = 2) -> dict[str, Any]:
    """A `TranscriptionResultDTO`. About 150 bytes for each utterance."""
    return {
        "metadata": {
            "audio_duration": 1834.2,
            "number_of_distinct_channels": 1,
            "billing_time": 1834.2,
            "transcription_time": 24.9,
        },
        "transcription": {
            "full_transcript": "Good morning everyone. " * utterances,
            "languages": ["en"],
            "utterances": [_utterance(number) for number in range(utterances)],
        },
    }


def _utterance(number: int) -> dict[str, Any]:
    return {
        "start": number * 3.0 + 0.5,
        "end": number * 3.0 + 2.1,
        "confidence": 0.95,
        "channel": 0,
        "speaker": number % 2,
        "language": "en",
        "text": "Good morning everyone.",
        "words": [{"word": "Good", "start": number * 3.0 + 0.5, "end": number * 3.0 + 0.8, "confidence": 0.98}],
    }


def _error(status: int, message: str, request: ApiRequest) -> ApiResponse:
    document = {
        "timestamp": "2026-01-01T10:31:00Z",
        "path": request.path,
        "request_id": "G-1",
        "statusCode": status,
        "message": message,
    }
    return ApiResponse(status=status, document=document)
