"""What the application does before it reads a body."""

import asyncio
from collections.abc import MutableMapping
from typing import Any
from unittest.mock import Mock

from recording_operator.receiver.app import Parts, make_app
from recording_operator.receiver.metrics import ReceiverMetrics


def test_a_body_that_is_not_read_ends_the_connection() -> None:
    """Otherwise a client could send its body for ever, byte by byte: nothing waits for it, so it has no deadline."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the body was read")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    others = {name: Mock() for name in ("bodies", "workers", "processor", "statuses", "now")}
    book = Mock(complete=False, open=Mock(return_value=None))
    app = make_app(Parts(book=book, metrics=ReceiverMetrics(version="1"), **others))
    path = "/v1/sources/team-a/meetings"
    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"connection"] == b"close"
