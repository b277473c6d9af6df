"""Signs events as Standard Webhooks: HMAC-SHA256 of id, time of the attempt and body, one for each key of the Secret.

The `standardwebhooks` library signs with one key, so it is used in tests only, as the receiver.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

_PREFIX: Final = b"whsec_"
_KEY_BYTES: Final = range(24, 65)
"""How long a key is, by the specification."""
MOST_KEYS: Final = 8


class SigningKeyError(Exception):
    """A value of the Secret is not a key. The text does not contain it."""


def signing_keys(values: Iterable[bytes]) -> tuple[bytes, ...]:
    """The keys in the values of a Secret, such as `whsec_` and Base64. Raises SigningKeyError."""
    keys = tuple(_key(value) for value in values)
    if not keys:
        raise SigningKeyError("The Secret has no key. Write whsec_ followed by 24 to 64 random bytes in Base64.")
    if len(keys) > MOST_KEYS:
        raise SigningKeyError(f"The Secret has {len(keys)} keys, expected at most {MOST_KEYS}. Remove old ones.")
    return keys


def signed_headers(body: bytes, *, event_id: str, keys: Sequence[bytes], at: datetime) -> dict[str, str]:
    """The headers of an attempt at this time."""
    timestamp = str(int(at.timestamp()))
    message = f"{event_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, message, "sha256")).decode("ascii") for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(value: bytes) -> bytes:
    try:
        key = base64.b64decode(value.strip().removeprefix(_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) not in _KEY_BYTES:
        raise SigningKeyError(
            "A value of the Secret is not a signing key. Write whsec_ followed by 24 to 64 random bytes in Base64."
        )
    return key
