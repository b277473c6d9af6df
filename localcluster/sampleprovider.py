"""A sample provider of recordings for the demo: it sends a signed webhook, and has an API that returns fresh URLs.

It works like MeetingBaaS v2. The URL of the video in the webhook expires in the middle of its download.
"""

import base64
import hmac
import http.client
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from localcluster.media import Media
from localcluster.ports import LOOPBACK

BOT: Final = "9b2d1a54-6c0e-4f7a-8d51-0e6f2a7c3b10"
VIDEO: Final = Media(name=f"{BOT}/video.mp4", size_bytes=60_000_000)
_VALID_BYTES: Final = "20MB"
_RATE: Final = "10MB"
_TIMEOUT_S: Final = 30.0


class SampleProvider:
    """The provider. Its media are those of the sample media server at `media_url`."""

    def __init__(self, *, media_url: str) -> None:
        self.api_key = secrets.token_urlsafe(16)
        self.expiring_url = ""
        """The URL of the video in the webhook."""
        self.requests: list[int] = []
        """The status of each response of the API."""
        self._media = urlsplit(media_url)
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def api(self) -> str:
        """URL of the API."""
        return f"http://{LOOPBACK}:{self._http.server_address[1]}"

    def send_webhook(self, url: str, *, key: str) -> int:
        """Send `bot.completed` to this URL, signed with `key`, and return the status of the response."""
        self.expiring_url = self._link(f"&valid_bytes={_VALID_BYTES}")
        event = {"event": "bot.completed", "data": self.bot(self.expiring_url), "extra": {"org_id": "acme"}}
        body = json.dumps(event).encode()
        delivery, timestamp = f"msg_{secrets.token_hex(8)}", int(time.time())
        signature = hmac.digest(
            base64.b64decode(key.removeprefix("whsec_")), f"{delivery}.{timestamp}.".encode() + body, "sha256"
        )
        headers = {
            "Content-Type": "application/json",
            "svix-id": delivery,
            "svix-timestamp": str(timestamp),
            "svix-signature": f"v1,{base64.b64encode(signature).decode()}",
        }
        return self._request(url, method="POST", body=body, headers=headers).status

    def has_expired(self) -> bool:
        """Whether the URL in the webhook has expired by now."""
        return self._request(self.expiring_url, headers={"Range": "bytes=0-0"}).status == http.HTTPStatus.FORBIDDEN

    def respond(self, path: str, key: str | None) -> tuple[int, dict[str, Any]]:
        """The response of the API to a GET."""
        if not hmac.compare_digest(key or "", self.api_key):
            return 401, {"success": False, "error": "Invalid API key"}
        if path != f"/v2/bots/{BOT}":
            return 404, {"success": False, "error": "Bot not found"}
        return 200, {"success": True, "data": self.bot(self._link())}

    def bot(self, video: str) -> dict[str, Any]:
        """The bot, as the webhook and the API describe it."""
        return {
            "bot_id": BOT,
            "status": "completed",
            "event_id": None,
            "participants": [{"name": "Ada Osei", "id": 1}],
            "speakers": [{"name": "Ada Osei", "id": 1}],
            "duration_seconds": 1834,
            "joined_at": "2026-11-30T10:00:04Z",
            "exited_at": "2026-11-30T10:30:38Z",
            "data_deleted": False,
            "video": video,
            "audio": None,
            "diarization": None,
            "raw_transcription": None,
            "transcription": None,
            "sent_at": "2026-11-30T10:31:12Z",
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _link(self, query: str = "") -> str:
        """A signed URL of the video: the sample media server redirects to it."""
        url = f"{self._media.geturl()}/{VIDEO.name}?size={VIDEO.size_bytes}&rate={_RATE}{query}"
        return self._request(url).headers["Location"]

    @staticmethod
    def _request(
        url: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
        try:
            connection.request(method, f"{parts.path}?{parts.query}".rstrip("?"), body=body, headers=headers or {})
            response = connection.getresponse()
            response.read()
            return response
        finally:
            connection.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: SampleProvider) -> None:
        self.provider = provider
        super().__init__((LOOPBACK, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_GET(self) -> None:
        status, document = self.server.provider.respond(self.path, self.headers.get("x-meeting-baas-api-key"))
        self.server.provider.requests.append(status)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Do not log."""
