"""Sends the requests of transfers: everything of botocore's request but the last step, on connections that are kept.

botocore signs, parses and tries again; this handler of `before-send` takes the signed request and brings the answer,
which costs less than urllib3's path and lets a stop end a part that hangs. Whatever is unusual (a proxy, an answer
that is read as it comes, a body of another kind) is left to botocore.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
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
from botocore.utils import get_environ_proxies

from recording_operator.transfer.socket_guard import SocketGuard
from recording_operator.transfer.stores.endpoint import EndpointBlocked, connect_endpoint
from recording_operator.transfer.stores.framing import FramedBody, PlainBody
from recording_operator.transfer.stores.idle_connections import IdleConnections
from recording_operator.transfer.stores.sending import MemorySending, PartSending, Sending, Timeouts, in_memory
from recording_operator.transfer.stores.wire import Answer, Place, place_of, request_head

# What transfers ask. Listings of buckets and what is read back stay with botocore.
_OPERATIONS: Final = (
    "HeadObject", "PutObject", "DeleteObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload",
    "AbortMultipartUpload", "ListParts", "ListMultipartUploads",
)  # fmt: skip
# Where sending twice changes nothing: a PUT that took effect and is not to overwrite is refused, and then looked at.
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# A connection that the other side has ended; a time-out is none.
_ENDED: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class StoreTransport:
    """Handler of `before-send`. Safe for many threads: each request has a connection of its own."""

    def __init__(self, *, tls: ssl.SSLContext, timeouts: Timeouts) -> None:
        self._tls = tls
        self._timeouts = timeouts
        self._guard = SocketGuard()
        self._idle = IdleConnections()

    def register(self, client: Any) -> None:
        """Take over requests of the client, unless the environment has a proxy for them; botocore too looks once."""
        endpoint = client.meta.endpoint_url
        if urlsplit(endpoint).scheme not in get_environ_proxies(endpoint):
            for operation in _OPERATIONS:
                client.meta.events.register(f"before-send.s3.{operation}", self)

    def close(self) -> None:
        """Drop idle connections now, and those in use once they are idle."""
        self._idle.close()

    def __call__(self, request: Any, **_: Any) -> AWSResponse | None:
        """The answer to a request; None leaves it to botocore. Raises botocore's errors and BodyAborted."""
        sending = None if request.stream_output else self._sending(request.body)
        if sending is None:
            return None
        try:
            answer = self._answer(request, sending)
        except BotoCoreError:
            raise  # of the connecting; some of these are OSErrors too
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=request.url, error=TimeoutError()) from None
        except (OSError, http.client.HTTPException):
            raise ConnectionClosedError(endpoint_url=request.url) from None
        response = AWSResponse(request.url, answer.status, {}, _Read(answer.body))
        response.headers = answer.headers
        return response

    def _sending(self, body: Any) -> Sending | None:
        if isinstance(body, FramedBody | PlainBody):
            return PartSending(body, guard=self._guard, timeouts=self._timeouts)
        whole = in_memory(body)
        return None if whole is None else MemorySending(whole, timeouts=self._timeouts)

    def _answer(self, request: Any, sending: Sending) -> Answer:
        url = urlsplit(request.url)
        try:
            place = place_of(url.scheme, url.netloc)
        except ValueError:
            raise EndpointConnectionError(endpoint_url=request.url) from None
        head = request_head(request.method, url, place, request.headers)
        kept = self._idle.take(place)
        if kept is not None:
            try:
                return self._exchange(kept, place, request.method, head, sending)
            except _ENDED:
                # It ended while the request was on its way. That is how stores end idle connections, and no fault.
                if not sending.repeatable or request.method not in _REPEATABLE:
                    raise
        return self._exchange(self._connected(place, request.url), place, request.method, head, sending)

    def _exchange(self, sock: socket.socket, place: Place, method: str, head: bytes, sending: Sending) -> Answer:
        try:
            answer = sending.exchange(sock, method, head)
        except BaseException:
            sock.close()
            raise
        if answer.reusable:
            self._idle.put(place, sock)
        else:
            sock.close()
        return answer

    def _connected(self, place: Place, url: str) -> socket.socket:
        try:
            return self._connect(place)
        except EndpointBlocked as error:
            raise HTTPClientError(error=error) from None
        except ssl.SSLError as error:
            raise BotoSslError(endpoint_url=url, error=type(error).__name__) from None
        except (OSError, ValueError):  # a name that is none is a ValueError
            raise EndpointConnectionError(endpoint_url=url) from None

    def _connect(self, place: Place) -> socket.socket:
        sock = connect_endpoint((place.host, place.port), self._timeouts.connect_s)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._tls.wrap_socket(sock, server_hostname=place.host) if place.scheme == "https" else sock
        except BaseException:
            sock.close()
            raise


@dataclass(frozen=True, slots=True)
class _Read:
    """A body that was read already, as AWSResponse wants it."""

    body: bytes = field(repr=False)

    def stream(self) -> Iterator[bytes]:
        """The body in one piece."""
        yield self.body
