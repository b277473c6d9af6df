"""The API of Recall.ai: `GET /api/v1/recording/{id}/`.

Source: docs.recall.ai, "Recording webhooks" and "Retrieve Recording". The path ends with a slash: without it the API
redirects, and a client that follows it would lose its Authorization header on another host.
"""

import re
from typing import Any, ClassVar

from tests.support.fake_providers.recordings import FileKind, ProviderFile, ProviderRecording
from tests.support.fake_providers.server import ApiRequest, ApiResponse, FakeProvider

_RECORDING = re.compile(r"/api/v1/recording/([^/]+)(/?)")
_DONE = {"code": "done", "sub_code": None, "updated_at": "2026-01-01T10:33:00Z"}
_MEDIA: dict[FileKind, str] = {"video": "video_mixed", "audio": "audio_mixed", "transcript": "transcript"}


class FakeRecall(FakeProvider):
    """Recordings."""

    credentials: ClassVar = {"apiKey": "recall-key-1234"}

    def route(self, request: ApiRequest) -> ApiResponse:
        if request.headers.get("authorization") != f"Token {self.credentials['apiKey']}":
            return ApiResponse(status=401, document={"detail": "Invalid token.", "code": "authentication_failed"})
        found = _RECORDING.fullmatch(request.path)
        if request.method != "GET" or found is None:
            return ApiResponse(status=404, document={"detail": "Not found.", "code": "not_found"})
        if not found[2]:
            return ApiResponse(status=301, document={}, headers={"Location": f"{request.path}/"})
        recording = self.recordings.get(found[1])
        if recording is None:
            return ApiResponse(status=404, document={"detail": "Not found.", "code": "not_found"})
        return ApiResponse(document=self.recording(recording))

    def too_many_requests(self) -> ApiResponse:
        return ApiResponse(status=429, document={"detail": "Request was throttled.", "code": "throttled"})

    def recording(self, recording: ProviderRecording) -> dict[str, Any]:
        """The recording as the API returns it, with URLs that are fresh."""
        shortcuts = {name: self._shortcut(recording.file(kind)) for kind, name in _MEDIA.items()}
        return {
            "id": recording.id,
            "created_at": "2026-01-01T10:00:11Z",
            "started_at": "2026-01-01T10:00:20Z",
            "completed_at": "2026-01-01T10:32:58Z",
            "expires_at": "2026-01-08T10:32:58Z",
            "status": {**_DONE, "code": "failed"} if recording.failure else _DONE,
            "media_shortcuts": {**shortcuts, "participant_events": None, "meeting_metadata": None},
            "metadata": recording.metadata,
        }

    def _shortcut(self, file: ProviderFile | None) -> dict[str, Any] | None:
        if file is None:
            return None
        data: dict[str, Any] = {"download_url": self.url(file)}
        if file.kind == "transcript":
            data["provider_data_download_url"] = None
        return {
            "id": f"{file.kind}-1",
            "created_at": "2026-01-01T10:33:00Z",
            "status": _DONE,
            "metadata": {},
            "data": data,
        }
