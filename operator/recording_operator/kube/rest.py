"""Requests to the API server with plain dicts. Every failure is a KubeError."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

import urllib3

from recording_operator.http_dates import parse_http_date
from recording_operator.kube.connection import Connection, FixedToken, Pem
from recording_operator.kube.errors import (
    ApiUnavailable,
    ConnectionConfigError,
    KubeError,
    UnexpectedAnswer,
    error_from_response,
)
from recording_operator.kube.outage import Outage

MERGE_PATCH: Final = "application/merge-patch+json"
WATCH: Final = "WATCH"
"""The method in errors of watches: for the API server it is a GET, for RBAC a verb of its own."""
CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0
_AT_ONCE_S: Final = 2.0
_R = TypeVar("_R")

# A GET is retried if an idle connection turns out to be closed. Writes are not: their caller reads the object again.
_RETRIES: Final = urllib3.Retry(
    total=1, connect=1, read=1, redirect=0, status=0, other=0, allowed_methods={"GET"}, respect_retry_after_header=False
)


class CallObserver(Protocol):
    """Is notified of every call. `outcome` is `Success` or the name of a KubeError class."""

    def api_responded(self, *, verb: str, outcome: str, seconds: float) -> None: ...


class _Quiet:
    def api_responded(self, *, verb: str, outcome: str, seconds: float) -> None: ...


class Rest(Protocol):
    """Sends requests to the API server."""

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        read_timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Send a request, and return the JSON object of a 2xx response. `read_timeout_s` is 30 s by default.

        Raises KubeError (see errors.py). After ApiUnavailable a write may have happened.
        """


class StreamingRest(Rest, Protocol):
    """Also receives responses that do not end, such as watches."""

    def stream(self, path: str, *, query: Mapping[str, str | int], read_timeout_s: float) -> Iterator[dict[str, Any]]:
        """GET a response with one JSON object per line, and yield each one when it arrives, until the server ends it.

        Raises KubeError; ApiUnavailable if the connection breaks, or if nothing arrives for `read_timeout_s`.
        """


class RestClient:
    """A thread-safe client with a connection pool and timeouts."""

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str = "recording-operator",
        observer: CallObserver | None = None,
        connections: int = 16,
        on_server_time: Callable[[datetime], None] = lambda _: None,
        read_timeout_s: float = READ_TIMEOUT_S,
        pools: urllib3.PoolManager | None = None,
    ) -> None:
        """`read_timeout_s` is for requests that name no other. `on_server_time` is called with the time of the server,
        from the Date header of fast responses. `pools` are those of another client, to share its connections.
        """
        self._connection = connection
        self._observer: CallObserver = observer or _Quiet()
        self._pools = pools or _pools(connection, connections=connections)
        self._user_agent = user_agent
        self._outage = Outage()
        self._on_server_time = on_server_time
        self._read_timeout_s = read_timeout_s

    def with_token(self, token: str) -> "RestClient":
        """A client that shares the connections and sends this token.

        Only for a client without a certificate of its own, which the API server would believe before the token.
        """
        if self._connection.certificate != Pem():
            raise ValueError("the connections have a certificate")
        connection = replace(self._connection, token=FixedToken(token), impersonation=())
        return RestClient(connection, user_agent=self._user_agent, observer=self._observer, pools=self._pools)

    def close(self) -> None:
        """Close idle connections."""
        self._pools.clear()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        read_timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """See `Rest.request`."""
        headers = self._headers(content_type, accept)
        timeout_s = read_timeout_s or self._read_timeout_s
        return self._observed(method, path, lambda: self._request(method, path, query, body, headers, timeout_s))

    def text(self, path: str, *, query: Mapping[str, str | int] | None = None) -> str:
        """The text of a 2xx response to GET, such as a log, or what a pod responds. Raises KubeError."""
        headers = self._headers("text/plain", "*/*")

        def get() -> str:
            response = self._response("GET", path, query, None, headers, self._read_timeout_s)
            return response.data.decode("utf-8", "replace")

        return self._observed("GET", path, get)

    def _observed(self, method: str, path: str, send: Callable[[], _R]) -> _R:
        started = time.monotonic()
        outcome = "Success"
        try:
            response = send()
        except KubeError as error:
            outcome = type(error).__name__
            error.method, error.path = method, path
            self._outage.failed(error)
            raise
        else:
            self._outage.succeeded()
            return response
        finally:
            self._observer.api_responded(verb=method, outcome=outcome, seconds=time.monotonic() - started)

    def stream(self, path: str, *, query: Mapping[str, str | int], read_timeout_s: float) -> Iterator[dict[str, Any]]:
        """See `StreamingRest.stream`."""
        request_line = f"{WATCH} {path}"
        try:
            with _translated(request_line):
                response = self._pools.request(
                    "GET",
                    self._url(path, query),
                    headers=self._headers("application/json", "application/json"),
                    timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
                    redirect=False,
                    preload_content=False,
                )
            with closing(response):
                yield from _objects(response, request_line)
        except KubeError as error:
            error.method, error.path = WATCH, path
            raise

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
        headers: urllib3.HTTPHeaderDict,
        read_timeout_s: float,
    ) -> dict[str, Any]:
        response = self._response(method, path, query, body, headers, read_timeout_s)
        parsed = _parsed(response.data)
        if parsed is None:
            raise UnexpectedAnswer(f"{method} {path}: the response is not a JSON object", status=response.status)
        return parsed

    def _response(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
        headers: urllib3.HTTPHeaderDict,
        read_timeout_s: float,
    ) -> urllib3.BaseHTTPResponse:
        """A 2xx response."""
        request_line = f"{method} {path}"
        started_s = time.monotonic()
        with _translated(request_line):
            response = self._pools.request(
                method,
                self._url(path, query),
                headers=headers,
                body=None if body is None else json.dumps(body).encode(),
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
                redirect=False,
            )
        if (
            time.monotonic() - started_s < _AT_ONCE_S
            and (date := parse_http_date(response.headers.get("Date"))) is not None
        ):
            self._on_server_time(date)
        if 200 <= response.status < 300:  # noqa: PLR2004 - an HTTP status
            return response
        raise error_from_response(
            status=response.status,
            body=_parsed(response.data),
            retry_after=response.headers.get("Retry-After"),
            request=request_line,
        )

    def _url(self, path: str, query: Mapping[str, str | int] | None) -> str:
        return self._connection.server.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")

    def _headers(self, content_type: str, accept: str) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict(
            {"Accept": accept, "Content-Type": content_type, "User-Agent": self._user_agent}
        )
        headers.extend(self._connection.impersonation)
        token = self._connection.token.current()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _pools(connection: Connection, *, connections: int) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": connections, "retries": _RETRIES}
    if connection.server.startswith("https:"):
        options |= {"ssl_context": connection.ssl_context(), "server_hostname": connection.tls_server_name}
    if connection.proxy:
        try:
            return urllib3.ProxyManager(connection.proxy, **options)
        except urllib3.exceptions.HTTPError:
            raise ConnectionConfigError("The proxy for the API server is not an http or https URL.") from None
    return urllib3.PoolManager(**options)


@contextmanager
def _translated(request_line: str) -> Iterator[None]:
    """Turns failures of the connection into ApiUnavailable."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ApiUnavailable(f"{request_line}: no response from the API server ({_cause(error)})") from None


def _objects(response: urllib3.BaseHTTPResponse, request_line: str) -> Iterator[dict[str, Any]]:
    """The objects of a response, each in a line of its own. Raises KubeError."""
    if response.status != 200:  # noqa: PLR2004 - an HTTP status
        with _translated(request_line):
            body = _parsed(response.read())
        retry_after = response.headers.get("Retry-After")
        raise error_from_response(status=response.status, body=body, retry_after=retry_after, request=request_line)
    rest = b""
    chunks = response.stream()
    while True:
        with _translated(request_line):
            chunk = next(chunks, None)
        if chunk is None:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            found = _parsed(line)
            if found is None:
                raise UnexpectedAnswer(f"{request_line}: the response is not a JSON object", status=response.status)
            yield found


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(data)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _cause(error: Exception) -> str:
    """The class of the underlying error. Never its text, which contains addresses."""
    inner = getattr(error, "reason", None)
    return type(inner if isinstance(inner, Exception) else error).__name__
