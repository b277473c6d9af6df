"""The application: from a request to a response. Blocking work is done by `Workers`."""

import json
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from recording_operator.providers.provider import Delivery, DeliveryRejected
from recording_operator.receiver.bodies import BodyMalformed, BodyReader, BodyTooLarge, BodyTooSlow, NoRoom
from recording_operator.receiver.metrics import ReceiverMetrics
from recording_operator.receiver.processing import Processed, Processor, unread
from recording_operator.receiver.results import RETRY_AFTER_S, Result, status_of
from recording_operator.receiver.sources import KnownSource, SourceBook, SourceKey
from recording_operator.receiver.statuses import StatusWriter
from recording_operator.receiver.workers import Overloaded, Workers

PATH: Final = "/v1/sources/{namespace}/{name}"
_METHODS: Final = ["POST", "PUT"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application uses."""

    book: SourceBook
    bodies: BodyReader
    workers: Workers
    processor: Processor
    statuses: StatusWriter
    metrics: ReceiverMetrics
    now: Callable[[], datetime]


def make_app(parts: Parts) -> Starlette:
    """The application."""
    endpoint = _Endpoint(parts)
    app = Starlette(
        routes=[
            Route(PATH, endpoint.respond, methods=_METHODS),
            Route(PATH + "/{token}", endpoint.respond, methods=_METHODS),
        ],
        exception_handlers={404: endpoint.no_such_path, 405: endpoint.no_such_path},
    )
    app.router.redirect_slashes = False  # the Location of a redirect would repeat the token
    return app


class _Endpoint:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def respond(self, request: Request) -> Response:
        """Respond to a delivery."""
        started_s = time.monotonic()
        metrics, known, done = self._parts.metrics, None, unread(Result.FAILED)
        metrics.delivery_began()
        try:
            known = self._source(request)
            done = await self._deliver(request, known)
        except Exception as error:  # noqa: BLE001 - whatever it is, the provider gets a response and repeats
            # Its text may quote what the provider sent.
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = "A delivery failed with an unexpected error: %s in %s, line %s"
            _logger.error(text, type(error).__name__, where.filename, where.lineno)
        finally:
            provider = "" if known is None else known.source.spec.provider.value
            metrics.delivery_ended(provider=provider, result=done.result, seconds=time.monotonic() - started_s)
        if known is not None:
            self._parts.statuses.count(known.key, done.result, occurred_at=done.occurred_at)
        return _response(done, known)

    async def no_such_path(self, _request: Request, _error: Exception) -> Response:
        """Respond to everything that is not a delivery."""
        self._parts.metrics.delivery_began()
        self._parts.metrics.delivery_ended(provider="", result=Result.NOT_FOUND, seconds=0.0)
        return _response(unread(Result.NOT_FOUND), None)

    def _source(self, request: Request) -> KnownSource | None:
        return self._parts.book.open(_key(request), request.path_params.get("token", ""))

    async def _deliver(self, request: Request, known: KnownSource | None) -> Processed:
        if not self._parts.book.complete or self._parts.book.is_pending(_key(request)):
            return unread(Result.UNAVAILABLE)
        if known is None:
            return unread(Result.NOT_FOUND)
        try:
            body = await self._parts.bodies.read(request, namespace=known.key[0])
        except BodyTooLarge:
            return unread(Result.TOO_LARGE)
        except BodyTooSlow:
            return unread(Result.TOO_SLOW)
        except BodyMalformed:
            return unread(Result.MALFORMED)
        except NoRoom:
            return unread(Result.OVERLOADED)
        try:
            return await self._take(Delivery(method=request.method, headers=_headers(request), body=body), known)
        finally:
            self._parts.bodies.release(body, namespace=known.key[0])

    async def _take(self, delivery: Delivery, known: KnownSource) -> Processed:
        secrets = known.secrets or ()
        try:
            known.provider.verify(delivery, secrets, now=self._parts.now())
        except DeliveryRejected as rejected:
            provider, reason = known.source.spec.provider.value, rejected.rejection.value
            self._parts.metrics.delivery_rejected(provider=provider, reason=reason)
            return Processed(result=Result.REJECTED)
        try:
            return await self._parts.workers.run(
                lambda: self._parts.processor.process(delivery, known), namespace=known.key[0]
            )
        except Overloaded:
            return Processed(result=Result.OVERLOADED)


def _key(request: Request) -> SourceKey:
    return request.path_params["namespace"], request.path_params["name"]


def _headers(request: Request) -> dict[str, str]:
    """Names in lower case; values of repeated headers are joined."""
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _response(done: Processed, known: KnownSource | None) -> Response:
    result = done.result
    headers = {"Connection": "close"} if done.is_unread else {}
    if result in RETRY_AFTER_S:
        headers["Retry-After"] = str(RETRY_AFTER_S[result])
    provider = None if known is None else known.source.spec.provider
    body = json.dumps(dict(done.challenge)).encode()
    return Response(body, status_code=status_of(result, provider), headers=headers, media_type="application/json")
