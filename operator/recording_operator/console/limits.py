"""What every request must keep to: host, method, size and time of its body, and the time until the response."""

import asyncio
import logging
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recording_operator.console.problems import Problem, problem_response

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LONGEST_PATH: Final = 8 * 1024
LONGEST_HEADERS: Final = 16 * 1024
LARGE_BODIES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (("PUT", re.compile(r"/upload-parts/[^/]+")),)
"""Method and path of requests whose body has no limit here, because the route reads it piece by piece, and limits the
time for all of it."""
_CLOSE: Final = {"Connection": "close"}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Limits of requests."""

    hosts: Sequence[str] = ()
    """Without any, every host is accepted."""
    body_bytes: int = 2**20
    body_timeout_s: float = 10.0
    response_timeout_s: float = 60.0


class RequestGate:
    """Rejects requests that exceed the limits, and responds if the application fails or takes too long."""

    def __init__(self, app: ASGIApp, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond to it."""
        if scope["type"] != "http":
            return
        problem = self._problem(HTTPConnection(scope), scope["method"])
        if problem is not None:
            await problem_response(problem)(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # The server sends no body for it, whatever the application does.
            await self._run({**scope, "method": "GET"}, self._limited(scope, receive), send, headers_only=True)
            return
        await self._run(scope, self._limited(scope, receive), send)

    def _problem(self, request: HTTPConnection, method: str) -> Problem | None:
        if method not in METHODS:
            return Problem(HTTPStatus.NOT_IMPLEMENTED, "This server does not implement the method.", headers=_CLOSE)
        if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > LONGEST_PATH:
            return Problem(HTTPStatus.REQUEST_URI_TOO_LONG, f"The path is longer than {LONGEST_PATH} bytes.")
        if sum(len(name) + len(value) for name, value in request.headers.raw) > LONGEST_HEADERS:
            text = f"The headers are longer than {LONGEST_HEADERS} bytes."
            return Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        if self._limits.hosts and request.headers.get("host", "").lower() not in self._limits.hosts:
            return Problem(HTTPStatus.MISDIRECTED_REQUEST, "This server is not responsible for this host.")
        lengths = request.headers.getlist("content-length")
        if len(lengths) > 1 or (lengths and "transfer-encoding" in request.headers):
            return Problem(HTTPStatus.BAD_REQUEST, "The headers contradict each other about the body.", headers=_CLOSE)
        if lengths and int(lengths[0]) > self._limits.body_bytes and not _may_be_large(request.scope):
            return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large, headers=_CLOSE)
        return None

    @property
    def _too_large(self) -> str:
        return f"The body is larger than {self._limits.body_bytes} bytes."

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, which fails if the body is too large or arrives too slowly."""
        is_large = _may_be_large(scope)
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + self._limits.body_timeout_s
        size_bytes, complete = 0, False

        async def limited() -> Message:
            nonlocal size_bytes, complete
            if complete:  # only the end of the connection is left to wait for
                return await receive()
            until_s = loop.time() + self._limits.body_timeout_s if is_large else ends_s
            try:
                async with asyncio.timeout_at(until_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time.", headers=_CLOSE
                ) from None
            size_bytes += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if size_bytes > self._limits.body_bytes and not is_large:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large, headers=_CLOSE)
            return message

        return limited

    async def _run(self, scope: Scope, receive: Receive, send: Send, *, headers_only: bool = False) -> None:
        """Wait until the response begins, but not for longer than it may take."""
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        given_up = False

        async def first(message: Message) -> None:
            nonlocal given_up
            if not given_up:
                _set(begun)
                await send(message)
                if headers_only:
                    given_up = True
                    await send({"type": "http.response.body", "body": b""})
                    task.cancel()  # it may be about to stream a large file

        task = asyncio.create_task(_guarded(self._app, scope, receive, first))
        task.add_done_callback(lambda _: _set(begun))
        try:
            timeout_s = None if _may_be_large(scope) else self._limits.response_timeout_s
            await asyncio.wait({begun}, timeout=timeout_s)
            if begun.done():
                await asyncio.wait({task})
                if not task.cancelled():
                    task.result()
                return
        except asyncio.CancelledError:
            task.cancel()
            raise
        given_up = True
        # A handler in a thread cannot be interrupted. It ends when the API server or the database does.
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        problem = Problem(HTTPStatus.GATEWAY_TIMEOUT, "The response takes too long. Try again later.")
        await problem_response(problem)(scope, receive, send)


async def _guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Log an unexpected error of the application, which has responded to it with 500 if it still could."""
    complete = False

    async def noting(message: Message) -> None:
        nonlocal complete
        await send(message)
        complete = message["type"] == "http.response.body" and not message.get("more_body", False)

    try:
        await app(scope, receive, noting)
    except Exception as error:  # noqa: BLE001 - whatever it is, the server goes on
        # Its text may quote what the client sent.
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = "A request failed with an unexpected error: %s in %s, line %s"
        _logger.error(text, type(error).__name__, where.filename, where.lineno)
        if not complete:
            raise ConnectionAbortedError from None


def _set(begun: asyncio.Future[None]) -> None:
    if not begun.done():
        begun.set_result(None)


def _may_be_large(scope: Scope) -> bool:
    return any(scope["method"] == method and path.fullmatch(scope["path"]) for method, path in LARGE_BODIES)
