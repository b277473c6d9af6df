"""Deliveries as providers send them, at the time of the published vectors, and an API with given responses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.provider import Challenge, Delivery, Event, ReadOptions

TIME = 1767225600
"""2026-01-01T00:00:00Z: the time that is signed in all vectors."""
NOW = datetime.fromtimestamp(TIME, tz=UTC)
ALL_KINDS = ReadOptions(kinds=frozenset(ArtifactKind))


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def options(*kinds: ArtifactKind) -> ReadOptions:
    return ReadOptions(kinds=frozenset(kinds))


def delivery(body: bytes | Mapping[str, Any], **headers: str) -> Delivery:
    """A POST; in the names of headers, write _ for -."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(
        method="POST", headers={name.replace("_", "-"): value for name, value in headers.items()}, body=content
    )


def event(read: Event | Challenge) -> Event:
    assert isinstance(read, Event)
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a provider has requested from its API."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    endpoint: str = ""


@dataclass(slots=True, kw_only=True)
class ScriptedApi:
    """Implements `ApiClient`: each request takes the next response, or raises it."""

    responses: list[Any]
    credentials: Mapping[str, str] = field(default_factory=dict)
    endpoint: str = "https://api.example.test"
    requests: list[Request] = field(default_factory=list)

    def get_json(self, path: str, *, headers: Mapping[str, str], endpoint: str = "") -> Any:
        self.requests.append(Request(method="GET", path=path, headers=headers, endpoint=endpoint))
        return self._next()

    def post_json(
        self, path: str, *, headers: Mapping[str, str], body: bytes, content_type: str, endpoint: str = ""
    ) -> Any:
        sent = {**headers, "content-type": content_type}
        self.requests.append(Request(method="POST", path=path, headers=sent, body=body, endpoint=endpoint))
        return self._next()

    def _next(self) -> Any:
        response = self.responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response
