"""The HTTP session that kopf uses.

A LIST has a field selector, a WATCH has none. With `status.phase!=Complete,…` on a WATCH, edits and deletions of
finished Recordings would not be seen, and a Recording that finishes would arrive as deleted. Without it on the LIST,
every stored Recording would be read at start. kopf has one setting for both, so a middleware removes the selector from
each WATCH.

A page of 200 of the largest Recordings is larger than 100 MB. If a page does not arrive in time, the next LIST requests
smaller ones. Otherwise one tenant could prevent the operator from becoming ready.

If twice no response begins, everything is requested at once, from the API server's memory: docs/decisions/listing.md.
That state may be slightly old. The WATCH continues from it, and a write that is based on it is a conflict.
"""

import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
from aiohttp.typedefs import DEFAULT_JSON_DECODER, JSONDecoder

from recording_operator.kube.connection import Connection
from recording_operator.kube.ownwrites import OwnWrites
from recording_operator.kube.watch.events import EventLines
from recording_operator.kube.watch.streams import Stream

_PAGE_HEADERS: Final = "application/json"
_HALVINGS: Final = 2  # how often the page size is halved for each page that was late
_LEAST_LIMIT: Final = 10
_PAGES_WITHOUT_RESPONSE: Final = 2  # one may be due to a short pause of the API server
_GATEWAY_TIMEOUT: Final = 504


class ListResponse(aiohttp.ClientResponse):
    """A response that reports its parsed JSON, so that a LIST is parsed once, or that it was late."""

    page_seen: Callable[[Any], None] | None = None
    late: Callable[[], None] | None = None

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: JSONDecoder = DEFAULT_JSON_DECODER,
        content_type: str | None = _PAGE_HEADERS,
    ) -> Any:
        """Like the library's method, but a page of 100 MB is not in memory three times while it is parsed."""
        if self.page_seen is None:
            return await super().json(encoding=encoding, loads=loads, content_type=content_type)
        try:
            text = (await self.content.read()).decode()
            parsed = loads(text)
        except TimeoutError:
            if self.late is not None:
                self.late()
            raise
        self.page_seen(parsed)
        return parsed


class _Watch:
    """The bytes of an open WATCH."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def total_bytes(self) -> int:
        return self._response.content.total_bytes

    @property
    def is_open(self) -> bool:
        return not self._response.closed


class ApiMiddleware:
    """Adds the current token to each request, and observes LIST and WATCH of the watched resources."""

    def __init__(
        self, connection: Connection, streams: Mapping[str, Stream], own_writes: Mapping[str, OwnWrites]
    ) -> None:
        self._connection = connection
        self._streams = streams
        self._own_writes = own_writes

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass the request on."""
        token = self._connection.token.current()
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        stream = self._streams.get(request.url.name) if request.method == "GET" else None
        if stream is None:
            return await handler(request)
        if "watch" in request.url.query:
            return await self._watch(request, handler, stream)
        return await self._list(request, handler, stream)

    async def _watch(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType, stream: Stream
    ) -> aiohttp.ClientResponse:
        stream.list_ends()  # kopf watches only after it has read the last page
        request.url = request.url.without_query_params("fieldSelector")
        response = await handler(request)
        if response.ok:
            stream.watch_opens(_Watch(response))
            lines: Any = EventLines(response.content, self._own_writes.get(request.url.name), kept=stream.kept)
            response.content = lines
        return response

    async def _list(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType, stream: Stream
    ) -> aiohttp.ClientResponse:
        query = request.url.query
        if "continue" not in query:
            stream.list_begins()
        if stream.pages_without_response >= _PAGES_WITHOUT_RESPONSE:
            request.url = request.url.without_query_params("limit", "continue").update_query(resourceVersion="0")
        elif stream.late_pages and "limit" in query:
            limit = int(query["limit"])
            smaller = max(limit >> _HALVINGS * stream.late_pages, _LEAST_LIMIT)
            request.url = request.url.update_query(limit=min(limit, smaller))

        def late() -> None:
            stream.late_pages += 1

        try:
            response = await handler(request)
        except TimeoutError as error:
            if not isinstance(error, aiohttp.ConnectionTimeoutError):  # that says nothing of a page
                late()
                stream.pages_without_response += 1
            raise
        stream.pages_without_response += response.status == _GATEWAY_TIMEOUT
        if response.ok and isinstance(response, ListResponse):
            response.page_seen = lambda page: stream.page_arrived({item["metadata"]["uid"] for item in page["items"]})
            response.late = late
        return response


def open_session(
    connection: Connection, streams: Mapping[str, Stream], own_writes: Mapping[str, OwnWrites]
) -> aiohttp.ClientSession:
    """A session for kopf. Call it in the event loop that uses the session."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=connection.ssl_context(), socket_factory=_kept_alive_socket),
        middlewares=(ApiMiddleware(connection, streams, own_writes),),
        response_class=ListResponse,
        proxy=connection.proxy,
        trust_env=False,
        headers={"User-Agent": "recording-operator/watch"},
    )


def _kept_alive_socket(address: Any) -> socket.socket:
    """A socket with TCP keepalive, which fails within half a minute if the peer has disappeared."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
    return made
