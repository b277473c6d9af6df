"""Requests to the console, and of parts to the store, with the libraries of Python."""

import http.client
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from recording_operator.cli.verb import Failure

_TIMEOUT_S: Final = 60.0
_TRIES: Final = 6
_LONGEST_WAIT_S: Final = 30.0
_MOST_BYTES: Final = 16 * 2**20
_BUSY: Final = (429, 502, 503, 504)


class ConsoleError(Exception):
    """The console has rejected a request. `retry_after_s`: how long to wait, if it may succeed later."""

    def __init__(self, status: int, detail: str, *, retry_after_s: float | None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s


class PartRejected(Exception):  # noqa: N818 - named for what has happened
    """The store has not taken a part. `status` is 0 if the connection failed."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class PartContent(Protocol):
    """The bytes of a part, which can be read again after `rewind`."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1) -> bytes: ...

    def rewind(self) -> None: ...


class _NoRedirects(HTTPRedirectHandler):
    """A token is for the console only, and a signature for one URL."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleClient:
    """The uploads of one artifact. Thread-safe."""

    url: str
    token: str = field(repr=False)
    namespace: str
    recording: str
    uid: str
    """Of the Recording: a namesake that was created since must not get the file."""
    artifact: str
    _opener: OpenerDirector = field(default_factory=lambda: build_opener(_NoRedirects), repr=False)

    def begin(self, *, size_bytes: int) -> Mapping[str, Any]:
        """The upload that is open. Raises ConsoleError, Failure."""
        return self._object("POST", "", {"size": size_bytes})

    def parts(self, upload_id: str) -> list[Mapping[str, Any]]:
        """The parts that the store has. Raises ConsoleError, Failure."""
        found = self._call("GET", f"/{_segment(upload_id)}")
        if not isinstance(found, list):
            raise self._strange()
        return found

    def part_url(self, upload_id: str, number: int, *, size_bytes: int, md5: str) -> Mapping[str, Any]:
        """Where to send a part. `md5` is in base64. Raises ConsoleError, Failure."""
        path = f"/{_segment(upload_id)}/{number}?size={size_bytes}"
        return self._object("GET", path, headers={"Content-MD5": md5})

    def complete(self, upload_id: str, *, size_bytes: int, checksum: str) -> Mapping[str, Any]:
        """Say that everything is sent. Raises ConsoleError, Failure."""
        return self._object("POST", f"/{_segment(upload_id)}/complete", {"size": size_bytes, "checksum": checksum})

    def state(self, *, size_bytes: int, checksum: str) -> Mapping[str, Any]:
        """What has become of this file, if it was sent before. Raises ConsoleError if another was, and Failure."""
        return self.complete("-", size_bytes=size_bytes, checksum=checksum)

    def send(self, made: Mapping[str, Any], content: PartContent) -> None:
        """PUT a part to its URL, without the token. Raises PartRejected."""
        headers = {
            "Content-Type": "application/octet-stream",  # not signed
            **{str(name): str(value) for name, value in made["headers"].items()},
            "Content-Length": str(len(content)),
        }
        if not str(made["url"]).startswith(("http://", "https://")):
            raise self._strange()
        request = Request(str(made["url"]), data=content, headers=headers, method="PUT")  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as response:
                response.read(_MOST_BYTES)
        except HTTPError as error:
            with error:
                raise PartRejected(error.code, f"status {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise PartRejected(0, _reason(error)) from None

    def _object(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        found = self._call(method, path, body, headers)
        if not isinstance(found, dict):
            raise self._strange()
        return found

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Again after a while if the console is busy or not there. All requests may be repeated."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self._once(method, path, body, headers or {})
            except ConsoleError as error:
                if error.status not in _BUSY or attempt == _TRIES:
                    raise
                time.sleep(min(error.retry_after_s or 2.0**attempt, _LONGEST_WAIT_S))
            except (OSError, http.client.HTTPException) as error:
                if attempt == _TRIES or isinstance(getattr(error, "reason", None), socket.gaierror):
                    message = f"The console at {self.url} does not respond: {_reason(error)}. Check --console."
                    raise Failure(message) from None
                time.sleep(min(2.0**attempt / 4, _LONGEST_WAIT_S))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        at = f"/api/v1/recordings/{self.namespace}/{self.recording}/artifacts/{self.artifact}/uploads{path}"
        at += f"{'&' if '?' in path else '?'}uid={self.uid}"
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **headers}
        data = None
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            request = Request(self.url + at, data, sent, method=method)  # noqa: S310 - checked with the command line
            with self._opener.open(request, timeout=_TIMEOUT_S) as response:
                content = response.read(_MOST_BYTES)
        except HTTPError as error:
            with error:
                raise _problem(error) from None
        try:
            return json.loads(content)
        except ValueError:
            raise self._strange() from None

    def _strange(self) -> Failure:
        return Failure(f"The server at {self.url} does not respond as a console does. Check --console.")


def _problem(error: HTTPError) -> ConsoleError:
    try:
        detail = str(json.loads(error.read(_MOST_BYTES))["detail"])
    except (ValueError, TypeError, KeyError, OSError):
        detail = f"The console responds with status {error.code}. Check --console."
    try:
        wait_s = float(error.headers.get("Retry-After", ""))
    except ValueError:
        wait_s = None
    return ConsoleError(error.code, detail, retry_after_s=wait_s)


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)


def _segment(text: str) -> str:
    return quote(text, safe="")
