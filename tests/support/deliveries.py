"""Deliveries of providers, signed as the providers do it."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from recording_operator.providers.provider import Delivery

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SVIX_SECRET = b"whsec_cmVjb3JkaW5nLW9wZXJhdG9yLXRlc3Qtc2VjcmV0LTE="  # pragma: allowlist secret
OTHER_SECRET = b"whsec_YW5vdGhlci1zZWNyZXQtb2YtYW5vdGhlci10ZW5hbnQ="  # pragma: allowlist secret
MESSAGE_ID = "msg_2zRecOpTest0000000000000001"
VECTOR_BODY = b'{"event":"bot.completed","data":{"bot_id":"9b2d1a54-6c0e-4f7a-8d51-0e6f2a7c3b10"}}'
VECTOR_SIGNATURE = "v1,a6QAyXjM+dJ1j+0NGSsK5kfgKNF4aiOMlml1ETSmrAo="


def delivery(
    body: bytes | Mapping[str, Any], headers: Mapping[str, str] | None = None, method: str = "POST"
) -> Delivery:
    """A delivery without a signature."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(method=method, headers=dict(headers or {}), body=sent)


def standard_signature(body: bytes, *, secret: bytes = SVIX_SECRET, message_id: str, timestamp: int | str) -> str:
    """`v1,…` of Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix(b"whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def signed(
    body: bytes | Mapping[str, Any],
    *,
    secret: bytes = SVIX_SECRET,
    family: str = "webhook",
    message_id: str = MESSAGE_ID,
    age_s: int = 0,
    extra: Mapping[str, str] | None = None,
) -> Delivery:
    """A delivery with the headers of Standard Webhooks, signed `age_s` seconds before NOW."""
    sent = delivery(body).body
    timestamp = int(NOW.timestamp()) - age_s
    signature = standard_signature(sent, secret=secret, message_id=message_id, timestamp=timestamp)
    headers = {f"{family}-id": message_id, f"{family}-timestamp": str(timestamp), f"{family}-signature": signature}
    return delivery(sent, headers | dict(extra or {}))


SIGNATURE_HEADERS = (
    *(f"{family}-{name}" for family in ("webhook", "svix") for name in ("id", "timestamp", "signature")),
    "x-mb-secret",
    "x-meeting-baas-api-key",
    "x-signature",
    "content-type",
)
any_headers = st.dictionaries(
    st.sampled_from(SIGNATURE_HEADERS) | st.text(max_size=20), st.text(max_size=60), max_size=8
)
"""Names and values that a server might pass on, and many that it would not."""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=3),
    max_leaves=8,
)
