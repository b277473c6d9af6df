"""Sends deliveries as MeetingBaaS does: version 2 of its webhooks, signed as Svix signs."""

import base64
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

SECRET: Final = "whsec_cmVjb3JkaW5nLW9wZXJhdG9yLXRlc3Qtc2VjcmV0LTE="  # pragma: allowlist secret
OTHER_SECRET: Final = "whsec_b3RoZXIgdGVuYW50J3Mgc2VjcmV0LCBub3Qgb3Vycw=="  # pragma: allowlist secret
BOT: Final = "9b2d1a54-6c0e-4f7a-8d51-0e6f2a7c3b10"
SIGNATURE: Final = "5f2d9c0b7a"
"""Part of the query of the URLs. It may be in Secrets only."""
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response of the receiver."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def completed(bot: str = BOT, *, files: Mapping[str, str] | None = None, sent_at: str = "", org: str = "acme") -> bytes:
    """The body of `bot.completed` with these files, by their names in the payload."""
    data: dict[str, Any] = {
        "bot_id": bot,
        "event_id": None,
        "participants": [],
        "speakers": [],
        "duration_seconds": 1834,
    }
    named = files if files is not None else {"video": url("video.mp4"), "audio": url("audio.flac")}
    at = sent_at or datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps(
        {"event": "bot.completed", "data": {**data, **named, "sent_at": at}, "extra": {"org_id": org}}
    ).encode()


def failed(bot: str = BOT) -> bytes:
    """The body of `bot.failed`."""
    data = {
        "bot_id": bot,
        "event_id": None,
        "error_code": "BOT_NOT_ACCEPTED",
        "error_message": "The host did not admit it",
    }
    return json.dumps({"event": "bot.failed", "data": data, "extra": {"org_id": "acme"}}).encode()


def url(name: str, signature: str = SIGNATURE) -> str:
    """A signed URL."""
    return f"https://artifacts.example.test/{name}?X-Amz-Expires=14400&X-Amz-Signature={signature}"


def signed(
    body: bytes, *, secret: str = SECRET, message_id: str = "msg_1", at_s: float | None = None
) -> dict[str, str]:
    """The headers of a delivery."""
    timestamp = str(int(time.time() if at_s is None else at_s))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "svix-id": message_id,
        "svix-timestamp": timestamp,
        "svix-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def post(base: str, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Reply:
    """Send one request on a connection of its own."""
    address = urlsplit(base)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Reply(status=response.status, headers=dict(response.getheaders()), body=response.read())
    finally:
        connection.close()


def source_manifest(name: str, namespace: str, *, secret: str, spec: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A RecordingSource of MeetingBaaS."""
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "RecordingSource",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "provider": "MeetingBaaS",
            "webhook": {"secretRef": {"name": secret}},
            "recording": {"owner": {"org": {"from": "extra.org_id"}}},
            **(spec or {}),
        },
    }


def secret_manifest(name: str, namespace: str, **values: str) -> dict[str, Any]:
    """A Secret with these values."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
