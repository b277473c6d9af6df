"""Sends the signed requests of botocore to the store, on connections that are reused.

botocore signs requests, parses responses and retries. This handler of `before-send` receives the signed request and
returns the response. It uses less processor time than urllib3, a stop can end a part that hangs, a response is never
matched with the wrong request, and the address of each endpoint is checked.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.exceptions import SSLError as BotoSslError

from recording_operator.egress.errors import BlockedError, EgressError
from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.response import Response
from recording_operator.egress.watchdog import SocketWatchdog
from recording_operator.stores.s3.transport.endpoint import EndpointConnector, EnvironmentProxy
from recording_operator.stores.s3.transport.framing import FramedBody, PlainBody
from recording_operator.stores.s3.transport.idle_connections import IdleConnections
from recording_operator.stores.s3.transport.messages import (
    MOST_BODY_BYTES,
    Origin,
    ResponseHeaders,
    head_of,
    headers_of,
    origin_of,
)
from recording_operator.stores.s3.transport.sending import BodySender, MemorySender, PartSender, Timeouts, in_memory

# Requests that may be sent twice. If a conditional PUT has already succeeded, the second one is rejected, and the
# object is verified.
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# Errors of a reused connection that the store has closed, or that carries no valid response.
_UNUSABLE: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, MalformedResponse)
_WINDOW_BYTES: Final = 64 * 2**10
_Response = tuple[int, ResponseHeaders, "_BufferedBody | _StreamedBody"]


class StoreTransport:
    """Handler of `before-send`. Safe for many threads: each request has its own connection."""

    def __init__(self, *, tls: ssl.SSLContext, timeouts: Timeouts) -> None:
        self._connector = EndpointConnector(tls=tls, timeout_s=timeouts.connect_s)
        self._timeouts = timeouts
        self._proxies: dict[Origin, EnvironmentProxy | None] = {}
        self._guard = SocketWatchdog()
        self._idle = IdleConnections()

    def register(self, client: Any) -> None:
        """Take over the requests of a client. Raises ValueError for a proxy in the environment that cannot be used."""
        url = urlsplit(client.meta.endpoint_url)
        EnvironmentProxy.of(url.scheme, url.netloc)
        client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", self)

    def close(self) -> None:
        """Drop idle connections now, and those in use once they are idle."""
        self._idle.close()

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        """The response to a request. Raises botocore's errors and BodyAborted."""
        sender = self._sender(request.body)
        try:
            status, headers, raw = self._send(request, sender)
        except BotoCoreError:
            raise  # from connecting; some of these are OSErrors too
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=request.url, error=TimeoutError()) from None
        except (OSError, MalformedResponse):
            raise ConnectionClosedError(endpoint_url=request.url) from None
        response = AWSResponse(request.url, status, {}, raw)
        response.headers = headers
        return response

    def _sender(self, body: Any) -> BodySender:
        if isinstance(body, FramedBody | PlainBody):
            return PartSender(body, guard=self._guard, timeouts=self._timeouts)
        return MemorySender(in_memory(body), timeouts=self._timeouts)

    def _send(self, request: Any, sender: BodySender) -> _Response:
        url = urlsplit(request.url)
        try:
            origin = origin_of(url.scheme, url.netloc)
            proxy = self._proxy(origin)
        except ValueError:
            raise EndpointConnectionError(endpoint_url=request.url) from None
        if proxy is None or origin.scheme == "https":
            head = head_of(request.method, url, origin, request.headers)
        else:
            headers = {**request.headers, **proxy.headers}
            head = head_of(request.method, url, origin, headers, prefix=f"http://{origin.authority}")
        kept = self._idle.take(origin)
        if kept is not None:
            try:
                return self._exchange(kept, origin, request, head, sender)
            except _UNUSABLE:
                # The connection ended during the request. Stores close idle connections, so this is not a fault.
                if not sender.repeatable or request.method not in _REPEATABLE:
                    raise
        return self._exchange(self._connected(origin, proxy, request.url), origin, request, head, sender)

    def _exchange(
        self, sock: socket.socket, origin: Origin, request: Any, head: bytes, sender: BodySender
    ) -> _Response:
        try:
            if request.stream_output and isinstance(sender, MemorySender):
                response = sender.begin(sock, request.method, head)
                body = _StreamedBody(response, url=request.url, release=partial(self._release, origin, sock))
                return response.status, headers_of(response), body
            buffered = sender.exchange(sock, request.method, head)
        except BaseException:
            sock.close()
            raise
        self._release(origin, sock, buffered.reusable)
        return buffered.status, buffered.headers, _BufferedBody(buffered.body)

    def _release(self, origin: Origin, sock: socket.socket, reusable: bool) -> None:
        if reusable:
            self._idle.put(origin, sock)
        else:
            sock.close()

    def _proxy(self, origin: Origin) -> EnvironmentProxy | None:
        if origin not in self._proxies:
            self._proxies[origin] = EnvironmentProxy.of(origin.scheme, origin.authority)
        return self._proxies[origin]

    def _connected(self, origin: Origin, proxy: EnvironmentProxy | None, url: str) -> socket.socket:
        try:
            return self._connector.connect(origin, proxy)
        except BlockedError as error:
            raise HTTPClientError(error=error) from None
        except ssl.SSLError as error:
            raise BotoSslError(endpoint_url=url, error=type(error).__name__) from None
        except (EgressError, OSError, ValueError):  # a name that no certificate can have is a ValueError
            raise EndpointConnectionError(endpoint_url=url) from None


@dataclass(frozen=True, slots=True)
class _BufferedBody:
    """A body in memory, with the interface that AWSResponse needs."""

    body: bytes = field(repr=False)

    def stream(self) -> Iterator[bytes]:
        """The body in one piece."""
        yield self.body


class _StreamedBody:
    """A streamed body as StreamingBody and AWSResponse need it. After its end, the connection is reused."""

    def __init__(self, response: Response, *, url: str, release: Callable[[bool], None]) -> None:
        self._response = response
        self._url = url
        self._release: Callable[[bool], None] | None = release
        if response.ended:
            self.close()

    def read(self, amt: int | None = None) -> bytes:
        """The next bytes. Raises botocore's errors."""
        if amt is None:
            return b"".join(self.stream())
        try:
            data = self._response.read(amt)
        except TimeoutError:
            self.close()
            raise ReadTimeoutError(endpoint_url=self._url, error=TimeoutError()) from None
        except (OSError, MalformedResponse):
            self.close()
            raise ConnectionClosedError(endpoint_url=self._url) from None
        if self._response.ended:
            self.close()
        return data

    def stream(self) -> Iterator[bytes]:
        """The whole body of an error document, truncated to the size of a page of a listing."""
        left = MOST_BODY_BYTES
        while left > 0 and (data := self.read(_WINDOW_BYTES)):
            yield data
            left -= len(data)
        self.close()

    def close(self) -> None:
        """Return the connection if it can be reused."""
        if self._release is not None:
            self._release(self._response.reusable)
            self._release = None
