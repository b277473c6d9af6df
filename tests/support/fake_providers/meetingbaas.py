"""The API of MeetingBaaS v2: `GET /v2/bots/{bot_id}`.

Source: @meeting-baas/sdk 6.0.5, `getBotDetailsResponse` and `ErrorResponse`.
"""

import re
from typing import Any, ClassVar

from tests.support.fake_providers.recordings import FileKind, ProviderRecording
from tests.support.fake_providers.server import ApiRequest, ApiResponse, FakeProvider

_BOT = re.compile(r"/v2/bots/([^/]+)")


class FakeMeetingBaas(FakeProvider):
    """Bots. The id of a recording is the id of its bot."""

    credentials: ClassVar = {"apiKey": "mb-key-1234"}

    def route(self, request: ApiRequest) -> ApiResponse:
        if request.headers.get("x-meeting-baas-api-key") != self.credentials["apiKey"]:
            return error(401, "UNAUTHORIZED", "Invalid API key")
        found = _BOT.fullmatch(request.path)
        if request.method != "GET" or found is None:
            return error(404, "NOT_FOUND", "Route not found")
        recording = self.recordings.get(found[1])
        if recording is None:
            return error(404, "BOT_NOT_FOUND", "Bot not found")
        return ApiResponse(document={"success": True, "data": self.bot(recording)})

    def too_many_requests(self) -> ApiResponse:
        response = error(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded")
        return ApiResponse(status=429, document={**response.document, "retryAfter": 1})

    def bot(self, recording: ProviderRecording) -> dict[str, Any]:
        """The bot as the API returns it, with URLs that are fresh."""
        code, message = recording.failure or (None, None)
        return {
            "bot_id": recording.id,
            "bot_name": "Notetaker",
            "meeting_url": "https://meet.example.test/abc",
            "meeting_platform": "meet",
            "recording_mode": "speaker_view" if recording.file("video") else "audio_only",
            "status": "failed" if recording.failure else "completed",
            "created_at": "2026-01-01T09:59:00Z",
            "joined_at": "2026-01-01T10:00:04Z",
            "exited_at": "2026-01-01T10:30:38Z",
            "duration_seconds": 1834,
            "participants": [{"name": "Ada Osei", "id": 1}],
            "speakers": [{"name": "Ada Osei", "id": 1}],
            "artifacts_deleted": not recording.files,
            **self.file_urls(recording),
            "transcription_ids": None,
            "transcription_provider": None,
            "error_code": code,
            "error_message": message,
            "extra": recording.metadata,
            "zoom_config": None,
        }

    def file_urls(self, recording: ProviderRecording) -> dict[str, str | None]:
        """The fields with URLs; None for files that there are not."""
        return {
            "video": self._url_of(recording, "video"),
            "audio": self._url_of(recording, "audio"),
            "diarization": self._url_of(recording, "diarization"),
            "raw_transcription": None,
            "transcription": self._url_of(recording, "transcript"),
        }

    def _url_of(self, recording: ProviderRecording, kind: FileKind) -> str | None:
        file = recording.file(kind)
        return None if file is None else self.url(file)


def error(status: int, code: str, message: str) -> ApiResponse:
    """An error response of the API."""
    document = {"success": False, "error": message, "code": code, "statusCode": status, "message": message}
    return ApiResponse(status=status, document=document)
