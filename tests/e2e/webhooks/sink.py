"""An application that receives events: it verifies each with the library of Standard Webhooks, and remembers it."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = "whsec_c2luay1vZi10aGUtc3Rvcm0tc2VjcmV0LTEyMw=="  # pragma: allowlist secret
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One attempt that was accepted."""

    id: str
    type: str
    data: JsonObject


class Sink:
    """An address. The first attempts of `failures` events get 503: fewer in a row than pause a sink."""

    def __init__(self, name: str, *, failures: int = 0) -> None:
        self.name = name
        self.unsigned = 0
        self._failures = failures
        self._failed: set[str] = set()
        self._arrived: dict[str, list[Arrived]] = defaultdict(list)
        self._lock = threading.Lock()
        self._verifier = Webhook(SECRET)
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Do not log."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response_only(sink.take(body, dict(self.headers.items())))
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Status of the response to an attempt."""
        try:
            self._verifier.verify(body, headers)
        except (WebhookVerificationError, ValueError):
            self.unsigned += 1
            return 401
        event = json.loads(body)
        with self._lock:
            if event["id"] not in self._failed and len(self._failed) < self._failures:
                self._failed.add(event["id"])
                return 503
            arrived = Arrived(id=event["id"], type=event["type"], data=event["data"])
            self._arrived[event["data"]["recording"]["uid"]].append(arrived)
        return 204

    def of(self, uid: str) -> list[Arrived]:
        """What has arrived about a Recording, in order."""
        with self._lock:
            return list(self._arrived[uid])

    def manifests(self, namespace: str) -> list[JsonObject]:
        """The Secret and the EventSink."""
        metadata = {"name": self.name, "namespace": namespace}
        url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"
        spec = {"uri": url, "secretRef": {"name": self.name}, "events": ["Completed", "Failed", "SourceExpired"]}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"current": SECRET}}
        return [
            secret,
            {"apiVersion": "recordings.dev/v1alpha1", "kind": "EventSink", "metadata": metadata, "spec": spec},
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
