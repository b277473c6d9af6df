"""A sample application for the demo: it receives events about Recordings, and verifies their signatures."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from localcluster.ports import LOOPBACK

_TOLERANCE_S: Final = 300
_POLL_S: Final = 0.1


class SampleSink:
    """The application. `events` are those with a valid signature."""

    def __init__(self, *, key: str) -> None:
        self._key = base64.b64decode(key.removeprefix("whsec_"))
        self.events: list[dict[str, Any]] = []
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where events are sent."""
        return f"http://{LOOPBACK}:{self._http.server_address[1]}/events"

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Verify an event as Standard Webhooks describes, keep it, and return the status of the response."""
        text = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
        expected = f"v1,{base64.b64encode(hmac.digest(self._key, text, 'sha256')).decode()}"
        given = headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(signature, expected) for signature in given):
            return 401
        if abs(time.time() - int(headers["webhook-timestamp"])) > _TOLERANCE_S:
            return 401
        self.events.append(json.loads(body))
        return 204

    def wait(self, subject: str, *, timeout_s: float) -> dict[str, Any] | None:
        """Wait for the event about this Recording; None if there is none in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for event in self.events:
                if event.get("subject") == subject:
                    return event
            time.sleep(_POLL_S)
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sink: SampleSink) -> None:
        self.sink = sink
        super().__init__((LOOPBACK, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(self.server.sink.take(headers, body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Do not log."""
