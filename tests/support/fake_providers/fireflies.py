"""The GraphQL API of Fireflies: `transcript(id: $id)`.

Source: docs.fireflies.ai, "Transcript" and "Errors". Of what GraphQL servers call execution errors, an unknown id is
one: the response is 200 with `errors`, and `data.transcript` is null.
"""

import json
from typing import Any, ClassVar

from tests.support.fake_providers.graphql import QueryError, validate
from tests.support.fake_providers.recordings import FileKind, ProviderRecording
from tests.support.fake_providers.server import ApiRequest, ApiResponse, FakeProvider

_PERSON = dict.fromkeys(("displayName", "email", "phoneNumber", "name", "location"))
_SENTENCE: dict[str, Any] = dict.fromkeys(
    ("index", "speaker_id", "speaker_name", "raw_text", "text", "start_time", "end_time")
)
_SUMMARY = dict.fromkeys(
    ("keywords", "action_items", "outline", "shorthand_bullet", "overview", "bullet_gist", "gist", "short_summary")
)
TRANSCRIPT: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("id", "title", "date", "dateString", "duration", "privacy", "participants", "transcript_url"),
            *("audio_url", "video_url", "host_email", "organizer_email", "calendar_id", "cal_id", "calendar_type"),
            *("meeting_link", "is_live"),
        )
    ),
    "sentences": _SENTENCE,
    "summary": _SUMMARY,
    "meeting_attendees": _PERSON,
    "speakers": dict.fromkeys(("id", "name")),
    "meeting_info": dict.fromkeys(("fred_joined", "silent_meeting", "summary_status")),
}


class FakeFireflies(FakeProvider):
    """Meetings. The response contains all fields, whichever were asked for."""

    credentials: ClassVar = {"apiKey": "fireflies-key-1234"}

    def route(self, request: ApiRequest) -> ApiResponse:
        if (request.method, request.path) != ("POST", "/graphql"):
            return ApiResponse(status=404, body=b"<html>Cannot GET</html>")
        if request.headers.get("authorization") != f"Bearer {self.credentials['apiKey']}":
            return _errors("auth_failed", "Invalid API key", says=401, status=401)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _errors(
                "bad_request", "POST body missing, invalid Content-Type, or JSON object", says=400, status=400
            )
        try:
            asked = json.loads(request.body)
            meeting_id = validate(asked["query"], asked.get("variables", {}), field="transcript", schema=TRANSCRIPT)
        except (ValueError, KeyError, QueryError) as error:
            return _errors("graphql_validation_failed", str(error), says=400, status=400)
        recording = self.recordings.get(meeting_id)
        if recording is None:
            return _errors("object_not_found", "Transcript not found", says=404, status=200)
        return ApiResponse(document={"data": {"transcript": self.transcript(recording)}})

    def too_many_requests(self) -> ApiResponse:
        return _errors("too_many_requests", "Too many requests. Please retry later", says=429, status=429)

    def transcript(self, recording: ProviderRecording) -> dict[str, Any]:
        """The meeting as the API returns it, with URLs that are fresh."""
        has_transcript = recording.file("transcript") is not None
        return {
            **dict.fromkeys(TRANSCRIPT),
            "id": recording.id,
            "title": recording.title,
            "date": 1767261600000,
            "dateString": "2026-01-01T10:00:00.000Z",
            "duration": 30.56,
            "organizer_email": "host@example.test",
            "transcript_url": f"https://app.example.test/view/{recording.id}",
            "audio_url": self._url_of(recording, "audio"),
            "video_url": self._url_of(recording, "video"),
            "sentences": _sentences() if has_transcript else None,
            "meeting_info": {"fred_joined": True, "silent_meeting": False, "summary_status": "processed"},
        }

    def _url_of(self, recording: ProviderRecording, kind: FileKind) -> str | None:
        file = recording.file(kind)
        return None if file is None else self.url(file)


def _sentences() -> list[dict[str, Any]]:
    said = {"speaker_id": 0, "speaker_name": "Ada Osei", "raw_text": "Good morning.", "text": "Good morning."}
    return [{"index": n, **said, "start_time": n * 2.0, "end_time": n * 2.0 + 1.5} for n in range(3)]


def _errors(code: str, message: str, *, says: int, status: int) -> ApiResponse:
    extensions = {"code": code, "status": says, "helpUrls": []}
    error = {"message": message, "code": code, "friendly": True, "extensions": extensions}
    return ApiResponse(status=status, document={"errors": [error], "data": {"transcript": None}})
