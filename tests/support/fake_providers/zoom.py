"""Zoom: the token server, the recordings of a meeting, and downloads.

Sources: developers.zoom.us, "Server-to-Server OAuth", "Get meeting recordings", and "Download recordings": a UUID that
begins with `/` or contains `//` must be encoded twice; a download needs a token and redirects to another host.
"""

import base64
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

from localcluster.mediaserver import MediaServer
from tests.support.fake_providers.recordings import FileKind, ProviderFile, ProviderRecording
from tests.support.fake_providers.server import ApiRequest, ApiResponse, FakeProvider
from tests.support.fake_providers.signing import jwt

_RECORDINGS = re.compile(r"/v2/meetings/([^/]+)/recordings")
_DOWNLOAD = re.compile(r"/rec/(?:webhook_)?download/([^/]+)")
_TOKEN_LIFE_S = 3600
_DOWNLOAD_TOKEN_LIFE_S = 86_400
_LONGEST_TTL_S = 604_800
_TYPES: dict[FileKind, tuple[str, str, str]] = {
    "video": ("MP4", "MP4", "shared_screen_with_speaker_view"),
    "audio": ("M4A", "M4A", "audio_only"),
    "transcript": ("TRANSCRIPT", "VTT", "audio_transcript"),
    "chat": ("CHAT", "TXT", "chat_file"),
}


class FakeZoom(FakeProvider):
    """API, token server (`/oauth/token`) and downloads on one address. The id of a recording is the meeting's UUID."""

    credentials: ClassVar = {
        "accountId": "acc_TEST",
        "clientId": "client-1234",
        "clientSecret": "zoom-client-secret-1234",
    }

    def __init__(self, media: MediaServer, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(media, clock=clock)
        self.tokens: dict[str, float] = {}
        """Access and download tokens, and when they expire. Clear it to expire them all."""

    def route(self, request: ApiRequest) -> ApiResponse:
        if request.path == "/oauth/token" and request.method == "POST":
            return self._token(request)
        if download := _DOWNLOAD.fullmatch(request.path):
            return self._download(download[1], request)
        if not self._is_valid(request.headers.get("authorization", "")):
            return ApiResponse(status=401, document={"code": 124, "message": "Invalid access token."})
        found = _RECORDINGS.fullmatch(request.path)
        if request.method != "GET" or found is None:
            return ApiResponse(status=404, document={"code": 404, "message": "Not found."})
        once = unquote(found[1])
        recording = self.recordings.get(unquote(once))
        if recording is None or once.startswith("/") or "//" in once:
            return ApiResponse(status=404, document={"code": 3301, "message": "This recording does not exist."})
        return self._meeting(recording, request)

    def too_many_requests(self) -> ApiResponse:
        message = "You have reached the maximum per-second rate limit for this API. Try again later."
        return ApiResponse(status=429, document={"code": 429, "message": message})

    def meeting(self, recording: ProviderRecording, *, path: str = "webhook_download") -> dict[str, Any]:
        """The meeting as webhooks and the API describe it."""
        files = [self._file(file, recording, path) for file in recording.files if file.kind in _TYPES]
        return {
            "uuid": recording.id,
            "id": 85123456789,
            "account_id": "acc_TEST",
            "host_id": "host_TEST",
            "topic": recording.title,
            "type": 2,
            "start_time": "2026-01-01T10:00:00Z",
            "timezone": "Europe/London",
            "host_email": "host@example.test",
            "duration": 30,
            "total_size": sum(file.size_bytes for file in recording.files),
            "recording_count": len(files),
            "share_url": "https://zoom.example.test/rec/share/x",
            "recording_files": files,
        }

    def download_token(self, *, life_s: int = _DOWNLOAD_TOKEN_LIFE_S) -> str:
        """A JWT that is valid for downloads."""
        expires_at = self.clock() + life_s
        token = jwt({"exp": int(expires_at), "jti": secrets.token_hex(8)}, b"zoom", algorithm="HS512")
        self.tokens[token] = expires_at
        return token

    def _token(self, request: ApiRequest) -> ApiResponse:
        client = f"{self.credentials['clientId']}:{self.credentials['clientSecret']}"
        if request.headers.get("authorization") != f"Basic {base64.b64encode(client.encode()).decode()}":
            return ApiResponse(
                status=400, document={"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
            )
        given = {**request.query, **dict(parse_qsl(request.body.decode()))}
        if given.get("grant_type") != "account_credentials":
            return ApiResponse(
                status=400, document={"reason": "unsupported grant type", "error": "unsupported_grant_type"}
            )
        if given.get("account_id") != self.credentials["accountId"]:
            return ApiResponse(status=400, document={"reason": "Bad Request", "error": "invalid_request"})
        token = secrets.token_urlsafe(24)
        self.tokens[token] = self.clock() + _TOKEN_LIFE_S
        return ApiResponse(
            document={
                "access_token": token,
                "token_type": "bearer",
                "expires_in": _TOKEN_LIFE_S - 1,
                "scope": "cloud_recording:read:list_recording_files:admin",
                "api_url": self.endpoint,
            }
        )

    def _meeting(self, recording: ProviderRecording, request: ApiRequest) -> ApiResponse:
        unknown = set(request.query) - {"include_fields", "ttl"}
        ttl_s = request.query.get("ttl", str(_DOWNLOAD_TOKEN_LIFE_S))
        if unknown or not ttl_s.isdigit() or int(ttl_s) > _LONGEST_TTL_S:
            return ApiResponse(status=400, document={"code": 300, "message": "Validation Failed."})
        document = self.meeting(recording, path="download")
        if request.query.get("include_fields") == "download_access_token":
            document["download_access_token"] = self.download_token(life_s=int(ttl_s))
        return ApiResponse(document=document)

    def _download(self, file_id: str, request: ApiRequest) -> ApiResponse:
        authorization = request.headers.get("authorization") or f"Bearer {request.query.get('access_token', '')}"
        if request.method != "GET" or not self._is_valid(authorization):
            body = json.dumps({"status": False, "errorCode": 401, "errorMessage": "Forbidden", "result": None})
            return ApiResponse(status=401, body=body.encode())
        file = next(
            (f for r in self.recordings.values() for f in r.files if _file_id(f) == file_id),
            None,
        )
        if file is None:
            return ApiResponse(status=404, document={"status": False, "errorCode": 3322, "errorMessage": "Not found"})
        return ApiResponse(status=302, body=b"", headers={"Location": self.url(file)})

    def _is_valid(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and self.tokens.get(token, 0.0) > self.clock()

    def _file(self, file: ProviderFile, recording: ProviderRecording, path: str) -> dict[str, Any]:
        file_type, extension, recording_type = _TYPES[file.kind]
        return {
            "id": _file_id(file),
            "meeting_id": recording.id,
            "recording_start": "2026-01-01T10:00:02Z",
            "recording_end": "2026-01-01T10:30:40Z",
            "recording_type": recording_type,
            "file_type": file_type,
            "file_extension": extension,
            "file_size": file.size_bytes,
            "play_url": f"https://zoom.example.test/rec/play/{_file_id(file)}",
            "download_url": f"{self.endpoint}/rec/{path}/{_file_id(file)}",
            "status": "completed",
        }


def _file_id(file: ProviderFile) -> str:
    return file.path.replace("/", "-")
