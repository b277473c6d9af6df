"""Sends parts itself: everything of botocore's request but the last step, window by window onto one socket.

botocore signs, parses and tries again; this handler of `before-send.s3.UploadPart` takes the signed request and writes
the body as it comes, which costs less than urllib3's path and lets a stop end a store that hangs. Whatever is unusual
(a proxy, a body of another kind) is left to botocore.
"""

import http.client
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, HTTPClientError, ReadTimeoutError
from botocore.exceptions import SSLError as BotoSslError
from botocore.utils import get_environ_proxies

from recording_operator.transfer.errors import Stopped
from recording_operator.transfer.socket_guard import Fired, SocketGuard, Watch
from recording_operator.transfer.stores.endpoint import EndpointBlocked, connect_endpoint
from recording_operator.transfer.stores.framing import FramedBody, PlainBody
from recording_operator.transfer.stores.idle_connections import IdleConnections
from recording_operator.transfer.stores.store import BodyAborted

# A store that has refused a part may say so while it is still being sent.
_EARLY_ANSWER_S: Final = 2.0
# The body says itself when it is complete; being asked for it would cost a round trip.
_NOT_SENT: Final = frozenset({"expect"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds for connecting (TLS included), for sending one window, and for the answer."""

    connect_s: float
    send_s: float
    answer_s: float


class PartTransport:
    """Handler of `before-send.s3.UploadPart`. Safe for many threads: each part has a connection of its own."""

    def __init__(self, *, tls: ssl.SSLContext, timeouts: Timeouts) -> None:
        self._tls = tls
        self._timeouts = timeouts
        self._guard = SocketGuard()
        self._idle = IdleConnections()

    def register(self, client: Any) -> None:
        """Take over the client's parts."""
        client.meta.events.register("before-send.s3.UploadPart", self)

    def __call__(self, request: Any, **_: Any) -> AWSResponse | None:
        """Send a part and return its answer; None leaves it to botocore. Raises botocore's errors and BodyAborted."""
        if not isinstance(request.body, FramedBody | PlainBody) or get_environ_proxies(request.url):
            return None
        url = urlsplit(request.url)
        connection = self._idle.take((url.scheme, url.netloc)) or self._connected(url, request)
        watch = self._guard.watch(connection.sock, stop=request.body.part.stop, within_s=None)
        try:
            answer = self._exchange(connection, url, request, watch)
            kept = not answer.will_close
            body = answer.read()
        except BaseException as error:
            connection.close()
            raise self._translated(error, watch, request) from None
        finally:
            watch.release()
        if kept:
            self._idle.put((url.scheme, url.netloc), connection)
        else:
            connection.close()
        return AWSResponse(request.url, answer.status, answer.headers, _Read(body))

    def _exchange(
        self, connection: http.client.HTTPConnection, url: SplitResult, request: Any, watch: Watch
    ) -> http.client.HTTPResponse:
        # The guard ends a send that stalls. A time-out of the socket's own would make it non-blocking underneath:
        # a full buffer then costs a refused write, a poll and the write again.
        connection.sock.settimeout(None)
        try:
            self._send(connection, url, request, watch)
        except OSError:
            watch.deadline = None
            connection.sock.settimeout(_EARLY_ANSWER_S)
            with suppress(OSError, http.client.HTTPException):
                answer = connection.getresponse()
                answer.will_close = True
                return answer
            raise
        watch.deadline = None
        connection.sock.settimeout(self._timeouts.answer_s)
        return connection.getresponse()

    def _send(self, connection: http.client.HTTPConnection, url: SplitResult, request: Any, watch: Watch) -> None:
        send_s, monotonic = self._timeouts.send_s, time.monotonic
        watch.deadline = monotonic() + send_s
        target = f"{url.path or '/'}?{url.query}"
        connection.putrequest("PUT", target, skip_host=True, skip_accept_encoding=True)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        for name, value in {"host": url.netloc, **headers}.items():
            if name not in _NOT_SENT:
                connection.putheader(name, value)
        connection.endheaders()
        send = connection.sock.sendall
        read = request.body.read
        while True:
            watch.deadline = None  # reading has its own
            window = read()
            if not window:
                return
            watch.deadline = monotonic() + send_s
            send(window)

    def _connected(self, url: SplitResult, request: Any) -> http.client.HTTPConnection:
        try:
            connection = self._new_connection(url)
        except (ValueError, http.client.InvalidURL):
            raise EndpointConnectionError(endpoint_url=request.url) from None
        connection._create_connection = connect_endpoint  # type: ignore[attr-defined]  # the library's only door
        try:
            connection.connect()
        except EndpointBlocked as error:
            raise HTTPClientError(error=error) from None
        except ssl.SSLError as error:
            raise BotoSslError(endpoint_url=request.url, error=type(error).__name__) from None
        except OSError:
            raise EndpointConnectionError(endpoint_url=request.url) from None
        return connection

    def _new_connection(self, url: SplitResult) -> http.client.HTTPConnection:
        host, timeout_s = url.hostname or "", self._timeouts.connect_s
        if url.scheme == "https":
            return http.client.HTTPSConnection(host, url.port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(host, url.port, timeout=timeout_s)

    @staticmethod
    def _translated(error: BaseException, watch: Watch, request: Any) -> BaseException:
        if watch.fired is Fired.STOPPED:
            return BodyAborted(Stopped())
        translated: BaseException = error
        if watch.fired is Fired.DEADLINE or isinstance(error, TimeoutError):
            translated = ReadTimeoutError(endpoint_url=request.url, error=TimeoutError())
        elif isinstance(error, OSError | http.client.HTTPException):
            translated = ConnectionClosedError(endpoint_url=request.url)
        return translated


@dataclass(frozen=True, slots=True)
class _Read:
    """A body that was read already, as AWSResponse wants it."""

    body: bytes = field(repr=False)

    def stream(self) -> Iterator[bytes]:
        """The body in one piece."""
        yield self.body


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
