"""The HTTP server of a fake provider: request log, outages, rate limits."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from localcluster.mediaserver import MediaServer
from tests.support.fake_providers.recordings import ProviderFile, ProviderRecording

_RESET = struct.pack("ii", 1, 0)
_MINUTE_S = 60


class Outage(Enum):
    """What happens to every request while the provider is down."""

    UNAVAILABLE = "unavailable"
    """503 with an HTML page, as a load balancer sends it."""
    HANG = "hang"
    """The request is read, and no response is sent until the outage ends. Then the connection is closed."""
    RESET = "reset"
    """The connection is reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One request. Names of headers are in lower case; `path` is as it was sent, without the query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """A response: JSON, unless `body` is set."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """A request and the status of its response; 0 if there was none."""

    request: ApiRequest
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTerms:
    """How long the URLs are valid that a provider hands out from now on."""

    valid_s: int = 14_400
    valid_bytes: int | None = None
    """The URL expires once so many bytes were sent, and the connection is closed."""
    rate: str = ""
    """Bytes per second and connection, such as `2MB`."""


class FakeProvider:
    """A provider on the loopback address. A subclass has the routes."""

    credentials: ClassVar[Mapping[str, str]] = {}

    def __init__(self, media: MediaServer, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970: for rate limits and the expiry of tokens. URLs expire by `media.clock`."""
        self.media = media
        self.clock = clock
        self.recordings: dict[str, ProviderRecording] = {}
        self.links = LinkTerms()
        self.log: list[LoggedRequest] = []
        self.requests_per_minute: int | None = None
        self._outage: Outage | None = None
        self._outage_ended = threading.Event()
        self._limited, self._retry_after = 0, "1"
        self._times: list[float] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """For `spec.api.endpoint`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def outage(self) -> Outage | None:
        """The outage; None if the provider works."""
        return self._outage

    @outage.setter
    def outage(self, value: Outage | None) -> None:
        self._outage_ended.set()
        self._outage_ended = threading.Event()
        self._outage = value

    def limit(self, *, requests: int, retry_after: str = "1") -> None:
        """Respond with 429 to the next requests. `retry_after` is the value of the header; empty: no header."""
        with self._lock:
            self._limited, self._retry_after = requests, retry_after

    def add(self, recording: ProviderRecording) -> ProviderRecording:
        """Add a recording, or replace the one with this id."""
        self.recordings[recording.id] = recording
        return recording

    def url(self, file: ProviderFile) -> str:
        """A URL of the file that is valid as `links` says."""
        query = {} if self.links.valid_bytes is None else {"valid_bytes": str(self.links.valid_bytes)}
        if self.links.rate:
            query["rate"] = self.links.rate
        return self.media.signed_link(file.path, size_bytes=file.size_bytes, valid_s=self.links.valid_s, **query)

    def statuses(self) -> list[int]:
        """The status of each response so far."""
        return [logged.status for logged in self.log]

    def route(self, request: ApiRequest) -> ApiResponse:
        """The response when nothing is wrong with the provider."""
        raise NotImplementedError

    def too_many_requests(self) -> ApiResponse:
        """The response 429, without its Retry-After header."""
        return ApiResponse(status=429, document={"error": "Too Many Requests"})

    def respond(self, request: ApiRequest) -> ApiResponse:
        """The response to a request, with rate limits."""
        with self._lock:
            retry_after = self._over_limit()
        if retry_after is None:
            return self.route(request)
        response = self.too_many_requests()
        headers = {"Retry-After": retry_after} if retry_after else {}
        return ApiResponse(status=response.status, document=response.document, headers=headers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outage_ended.set()
        self._server.shutdown()
        self._server.server_close()

    def wait_for_end_of_outage(self) -> None:
        """Wait until `outage` is set again, or the provider is stopped."""
        self._outage_ended.wait(60)

    def _over_limit(self) -> str | None:
        if self._limited > 0:
            self._limited -= 1
            return self._retry_after
        now = self.clock()
        self._times = [*(time_s for time_s in self._times if time_s > now - _MINUTE_S), now]
        if self.requests_per_minute is None or len(self._times) <= self.requests_per_minute:
            return None
        self._times.pop()
        return str(int(self._times[0] + _MINUTE_S - now) + 1)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log: the client may have gone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def log_message(self, *_: Any) -> None:
        """Do not log."""

    def _handle(self) -> None:
        provider = self.server.provider
        request = self._request()
        outage = provider.outage
        if outage is Outage.HANG:
            provider.wait_for_end_of_outage()
        if outage in {Outage.HANG, Outage.RESET}:
            provider.log.append(LoggedRequest(request=request, status=0))
            self._disconnect(reset=outage is Outage.RESET)
            return
        response = _UNAVAILABLE if outage else provider.respond(request)
        provider.log.append(LoggedRequest(request=request, status=response.status))
        self._send(response)

    def _request(self) -> ApiRequest:
        url = urlsplit(self.path)
        return ApiRequest(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )

    def _send(self, response: ApiResponse) -> None:
        is_json = response.body is None
        body = json.dumps(response.document).encode() if response.body is None else response.body
        self.send_response_only(response.status)
        self.send_header("Content-Type", "application/json" if is_json else "text/html")
        self.send_header("Content-Length", str(len(body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _disconnect(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            with suppress(OSError):
                self.connection.close()


_UNAVAILABLE = ApiResponse(status=503, body=b"<html><body>503 Service Unavailable</body></html>")
