"""An application that receives events: it verifies their signatures with the library of Standard Webhooks."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.support.waiting import eventually

JsonObject = dict[str, Any]
KEY: Final = "whsec_cmVjb3JkaW5nLW9wZXJhdG9yLXRlc3Qtc2VjcmV0LTE="  # pragma: allowlist secret
NEXT_KEY: Final = "whsec_cmVjb3JkaW5nLW9wZXJhdG9yLXRlc3Qtc2VjcmV0LTI="  # pragma: allowlist secret
_WITHIN_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How the application responds. `pause`: before that, it waits for this event."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    pause: threading.Event | None = None


@dataclass(slots=True)
class SinkServer:
    """An HTTP server on loopback. `replies` are given one after the other; the last one stays."""

    port: int
    keys: Sequence[str] = (KEY,)
    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    received: list[JsonObject] = field(default_factory=list)
    """The events whose signature is valid, as they came: retried ones too."""
    accepted: list[JsonObject] = field(default_factory=list)
    """Those of them that were accepted."""
    bodies: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    forged: int = 0

    @property
    def url(self) -> str:
        """Where events are sent."""
        return f"http://127.0.0.1:{self.port}/hooks/recordings"

    def of_type(self, name: str) -> list[JsonObject]:
        """The accepted events of a type, such as recording.completed."""
        return [one for one in self.accepted if one["type"] == f"dev.recordings.{name}.v1"]

    def wait(self, name: str, *, count: int = 1, within_s: float = _WITHIN_S) -> list[JsonObject]:
        """Wait until so many events of a type were accepted."""
        eventually(lambda: len(self.of_type(name)) >= count, within_s=within_s, what=f"{count} of {name}")
        return self.of_type(name)

    def take(self, headers: dict[str, str], body: bytes) -> Reply:
        """Verify and keep one event."""
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.pause is not None:
            reply.pause.wait()
        if not self._is_genuine(headers, body):
            self.forged += 1
            return Reply(status=401)
        event = json.loads(body)
        self.bodies.append(body.decode())
        self.headers.append(headers)
        self.received.append(event)
        if reply.status < 300:
            self.accepted.append(event)
        return reply

    def _is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        for key in self.keys:
            try:
                Webhook(key).verify(body, headers)
            except WebhookVerificationError:
                continue
            return True
        return False


@contextmanager
def a_sink(*replies: Reply, keys: Sequence[str] = (KEY,)) -> Iterator[SinkServer]:
    """A running application."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: sink))
    sink = SinkServer(port=httpd.server_address[1], keys=keys, replies=list(replies) or [Reply()])
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        for reply in sink.replies:
            if reply.pause is not None:
                reply.pause.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _handler(sink: Callable[[], SinkServer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = sink().take(headers, body)
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Handler
