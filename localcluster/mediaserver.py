"""A sample media server: serves any requested file, behind links that expire like presigned S3 links.

    GET /weekly-sync/video.mp4?size=480MB             302 to a signed link of the same file, valid for 15 minutes
    GET /weekly-sync/video.mp4?size=480MB&X-Amz-…     the bytes; 403 "Request has expired" afterwards

Other query parameters of the first link: `ttl` (seconds that the signed link is valid), `valid_bytes` (it expires once
so many bytes were sent, as `20MB`), `rate` (bytes per second and connection, as `20MB`). A signed link is bound to GET,
as S3's are: HEAD gets 403. A request that has an Authorization header too gets 400, as from S3.
"""

import argparse
import datetime as dt
import hashlib
import hmac
import re
import secrets
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from localcluster.media import Media
from localcluster.ports import LOOPBACK, free_port

DEFAULT_PORT: Final = 9080  # the port that the files in examples/ name
_CATCH_UP_S: Final = 0.25  # what a busy machine makes up for
_DEFAULT_SIZE_BYTES: Final = 10_000_000
_DEFAULT_TTL_S: Final = 900
_LAST_MODIFIED: Final = "Fri, 20 Nov 2026 12:00:00 GMT"
_DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_UNITS: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE: Final = re.compile(r"(\d+)([A-Za-z]*)")
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_ALIVE_TIMEOUT_S: Final = 60
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request, as the server received it."""

    method: str
    path: str
    range: str | None
    status: int
    sent_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error response."""

    status: HTTPStatus
    code: str
    message: str


class MediaServer:
    """The server in threads of this process, on the loopback address.

    It keeps its port and its signing key over stop and start. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        rate_bytes_s: int | None = None,
        clock: Callable[[], float] = time.time,
        host: str = LOOPBACK,
    ) -> None:
        """`rate_bytes_s`: limit of each connection that requests no other. `host`: the address that is listened on."""
        self.host = host
        self.port = free_port() if port is None else port
        self.rate_bytes_s = rate_bytes_s
        self.clock = clock
        self.served: deque[Served] = deque(maxlen=_REMEMBERED)
        self._key = secrets.token_bytes(32)
        self._links_expired = 0
        self._sent_by_link: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._http: _Http | None = None

    @property
    def address(self) -> str:
        """URL of the server, without a path."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._http = _Http(self)
        threading.Thread(target=self._http.serve_forever, args=(0.05,), name="media-server", daemon=True).start()

    def stop(self) -> None:
        """Close the port and cut every connection."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http.cut_connections()
            self._http = None

    def link(self, name: str, **query: str | int) -> str:
        """Return the link to a file that does not expire, such as `link("standup/video.mp4", size="480MB")`."""
        return f"{self.address}/{quote(name)}?{urlencode(query)}"

    def signed_link(self, name: str, *, size_bytes: int, valid_s: int = _DEFAULT_TTL_S, **query: str | int) -> str:
        """Return a link that works for `valid_s` seconds from now, without a redirect."""
        return self.sign(
            f"/{quote(name)}", {**{k: str(v) for k, v in query.items()}, "size": str(size_bytes)}, valid_s=valid_s
        )

    def sign(self, path: str, query: dict[str, str], *, valid_s: int) -> str:
        """Return the signed form of a path with a query."""
        now = dt.datetime.fromtimestamp(self.clock(), dt.UTC)
        signed = {**query, "X-Amz-Date": now.strftime(_DATE_FORMAT), "X-Amz-Expires": str(valid_s)}
        signed["links"] = str(self._links_expired)
        signed["X-Amz-Signature"] = self._signature(path, signed)
        return f"{self.address}{path}?{urlencode(signed)}"

    def signature_error(self, path: str, query: dict[str, str]) -> ErrorResponse | None:
        """The error for a signed URL that is not valid now; None if it is valid."""
        expected = self._signature(path, {k: v for k, v in query.items() if k != "X-Amz-Signature"})
        if not hmac.compare_digest(expected, query["X-Amz-Signature"]):
            message = "The request signature we calculated does not match the signature you provided."
            return ErrorResponse(status=HTTPStatus.FORBIDDEN, code="SignatureDoesNotMatch", message=message)
        signed_at = dt.datetime.strptime(query["X-Amz-Date"], _DATE_FORMAT).replace(tzinfo=dt.UTC)
        late = self.clock() > signed_at.timestamp() + int(query["X-Amz-Expires"])
        if late or int(query["links"]) < self._links_expired or self._is_used_up(query):
            return ErrorResponse(status=HTTPStatus.FORBIDDEN, code="AccessDenied", message="Request has expired")
        return None

    def expire_links(self) -> None:
        """Expire all links that were signed so far. Responses that have begun go on, as those of S3 do."""
        self._links_expired += 1

    def within_limit(self, query: dict[str, str], windows: Iterable[bytes]) -> Iterable[bytes]:
        """Yield the windows until the link's `valid_bytes` are used up. Then raises ConnectionAbortedError."""
        for window in windows:
            with self._lock:
                if self._is_used_up(query):
                    raise ConnectionAbortedError
                self._sent_by_link[query["X-Amz-Signature"]] += len(window)
            yield window

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _is_used_up(self, query: dict[str, str]) -> bool:
        return "valid_bytes" in query and self._sent_by_link[query["X-Amz-Signature"]] >= parse_size(
            query["valid_bytes"]
        )

    def _signature(self, path: str, query: dict[str, str]) -> str:
        text = f"GET\n{path}\n{urlencode(sorted(query.items()))}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def parse_size(text: str) -> int:
    """Turn `480MB`, `1GiB` or `1000` into bytes. Raises ValueError."""
    found = _SIZE.fullmatch(text)
    if found is None or found[2] not in _UNITS:
        raise ValueError("write a size such as 480MB, 1GiB or 1000")
    return int(found[1]) * _UNITS[found[2]]


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return the first and last byte that a Range header requests; None means the whole file.

    Raises ValueError when the file has no such byte (416). Several ranges, and what is not understood, mean the whole
    file (RFC 9110, section 14.2).
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        first, last = max(0, size_bytes - int(found[2])), size_bytes - 1
    else:
        first, last = int(found[1]), min(int(found[2]) if found[2] else size_bytes - 1, size_bytes - 1)
    if first > last:
        raise ValueError("no such range")
    return first, last


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, media: MediaServer) -> None:
        self.media = media
        self._connections: set[socket.socket] = set()
        super().__init__((media.host, media.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        for connection in list(self._connections):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log: clients of a media server often close their connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "SampleMedia"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = _ALIVE_TIMEOUT_S
    server: _Http

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            media = Media(name=url.path.lstrip("/"), size_bytes=_size(query))
            rate_bytes_s = parse_size(query["rate"]) if "rate" in query else self.server.media.rate_bytes_s
            valid_s = int(query.get("ttl", _DEFAULT_TTL_S))
        except ValueError as error:
            self._respond_error(
                ErrorResponse(status=HTTPStatus.BAD_REQUEST, code="InvalidArgument", message=str(error))
            )
            return
        if "X-Amz-Signature" not in query:
            self._redirect(self.server.media.sign(url.path, query, valid_s=valid_s))
        elif self.headers.get("Authorization") is not None:
            message = "Only one auth mechanism allowed"
            self._respond_error(ErrorResponse(status=HTTPStatus.BAD_REQUEST, code="InvalidArgument", message=message))
        elif invalid := self.server.media.signature_error(url.path, query):
            self._respond_error(invalid)
        else:
            self._serve(media, query, rate_bytes_s=rate_bytes_s)

    def do_HEAD(self) -> None:
        self._respond(HTTPStatus.FORBIDDEN, {"Content-Length": "0"})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Do not log."""

    def _serve(self, media: Media, query: dict[str, str], *, rate_bytes_s: int | None) -> None:
        whole = {
            "Accept-Ranges": "bytes",
            "ETag": media.etag,
            "Last-Modified": _LAST_MODIFIED,
            "Content-Type": media.content_type,
        }
        wanted = self.headers.get("If-Match")
        if wanted not in (None, "*", media.etag):
            self._respond_error(
                ErrorResponse(status=HTTPStatus.PRECONDITION_FAILED, code="PreconditionFailed", message="If-Match")
            )
            return
        unchanged = self.headers.get("If-Range") in (None, media.etag, _LAST_MODIFIED)
        try:
            part = parse_range(self.headers.get("Range"), media.size_bytes) if unchanged else None
        except ValueError:
            headers = {"Content-Range": f"bytes */{media.size_bytes}", "Content-Length": "0"}
            self._respond(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
            return
        first, last = part or (0, media.size_bytes - 1)
        headers = {**whole, "Content-Length": str(last - first + 1)}
        if part:
            headers["Content-Range"] = f"bytes {first}-{last}/{media.size_bytes}"
        body = self.server.media.within_limit(query, media.windows(first, last + 1))
        self._respond(
            HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK, headers, body=body, rate_bytes_s=rate_bytes_s
        )

    def _redirect(self, location: str) -> None:
        self._respond(HTTPStatus.FOUND, {"Location": location, "Content-Length": "0", "Cache-Control": "no-store"})

    def _respond_error(self, error: ErrorResponse) -> None:
        text = f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
        headers = {"Content-Type": "application/xml", "Content-Length": str(len(body))}
        self._respond(error.status, headers, body=[body])

    def _respond(
        self,
        status: HTTPStatus,
        headers: dict[str, str],
        *,
        body: Iterable[bytes] = (),
        rate_bytes_s: int | None = None,
    ) -> None:
        sent_bytes = 0
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for window in _paced(body, rate_bytes_s=rate_bytes_s):
                self.wfile.write(window)
                sent_bytes += len(window)
        finally:
            self.server.media.served.append(
                Served(
                    method=self.command,
                    path=urlsplit(self.path).path,
                    range=self.headers.get("Range"),
                    status=status,
                    sent_bytes=sent_bytes,
                )
            )


def _size(query: dict[str, str]) -> int:
    return parse_size(query["size"]) if "size" in query else _DEFAULT_SIZE_BYTES


def _paced(windows: Iterable[bytes], *, rate_bytes_s: int | None) -> Iterable[bytes]:
    """Yield the windows no faster than the rate. At a slow rate they are cut into pieces, so that the flow is even.

    A client that stalls makes up for at most `_CATCH_UP_S` of the delay afterwards.
    """
    if rate_bytes_s is None:
        yield from windows
        return
    piece_bytes = max(1, rate_bytes_s // 20)
    next_s = time.monotonic()
    for window in windows:
        for offset in range(0, len(window), piece_bytes):
            piece = window[offset : offset + piece_bytes]
            yield piece
            now_s = time.monotonic()
            next_s = max(next_s, now_s - _CATCH_UP_S) + len(piece) / rate_bytes_s
            time.sleep(max(0.0, next_s - now_s))


def main() -> None:
    """Serve in the foreground until the process ends."""
    parser = argparse.ArgumentParser(prog="python -m localcluster.mediaserver", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    server = MediaServer(port=parser.parse_args().port)
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
