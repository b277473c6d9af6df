"""The API of Recall.ai: `GET /api/v1/recording/{id}/` and `GET /api/v1/audio_mixed/?recording_id={id}`.

Source: docs.recall.ai, "Recording webhooks", "Retrieve Recording" and "Media shortcuts": mixed audio is not among the
shortcuts. Paths end with a slash: without it the API redirects.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.support.fake_providers.recordings import FileKind, ProviderFile, ProviderRecording
from tests.support.fake_providers.server import ApiRequest, ApiResponse, FakeProvider

_RECORDING = re.compile(r"/api/v1/recording/([^/]+)(/?)")
_DONE = {"code": "done", "sub_code": None, "updated_at": "2026-01-01T10:33:00Z"}
_SHORTCUTS: dict[FileKind, str] = {"video": "video_mixed", "transcript": "transcript"}
_AUDIO = re.compile(r"/api/v1/audio_mixed(/?)")


class FakeRecall(FakeProvider):
    """Recordings."""

    credentials: ClassVar = {"apiKey": "recall-key-1234"}

    def route(self, request: ApiRequest) -> ApiResponse:
        if request.headers.get("authorization") != f"Token {self.credentials['apiKey']}":
            return ApiResponse(status=401, document={"detail": "Invalid token.", "code": "authentication_failed"})
        found = _RECORDING.fullmatch(request.path)
        listed = _AUDIO.fullmatch(request.path)
        if request.method != "GET" or not (found or listed):
            return _NOT_FOUND
        if not request.path.endswith("/"):
            return ApiResponse(status=301, document={}, headers={"Location": f"{request.path}/"})
        if listed:
            return self._list_audio(request.query)
        recording = self.recordings.get(found[1]) if found else None
        return _NOT_FOUND if recording is None else ApiResponse(document=self.recording(recording))

    def too_many_requests(self) -> ApiResponse:
        return ApiResponse(status=429, document={"detail": "Request was throttled.", "code": "throttled"})

    def recording(self, recording: ProviderRecording) -> dict[str, Any]:
        """The recording as the API returns it, with URLs that are fresh."""
        shortcuts = {name: self._medium(recording.file(kind)) for kind, name in _SHORTCUTS.items()}
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

    def _list_audio(self, query: Mapping[str, str]) -> ApiResponse:
        recording = self.recordings.get(query.get("recording_id", ""))
        medium = None if recording is None else self._medium(recording.file("audio"))
        return ApiResponse(document={"next": None, "previous": None, "results": [medium] if medium else []})

    def _medium(self, file: ProviderFile | None) -> dict[str, Any] | None:
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


_NOT_FOUND = ApiResponse(status=404, document={"detail": "Not found.", "code": "not_found"})
