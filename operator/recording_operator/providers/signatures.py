"""How providers sign their deliveries: Standard Webhooks (and Svix, from which it derives), HMAC, and fixed headers.

Every function tries all secrets, and compares in constant time. Whatever the headers contain, the only exception is
DeliveryRejected. The signature is checked before the time, so a rejection for the time means a genuine but old
delivery: a replay, or a wrong clock.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

from recording_operator.providers.provider import Delivery, DeliveryRejected, Rejection

TOLERANCE_S: Final = 300
"""How far the signed time may be from the receiver's clock. The specification leaves the number open."""
_FAMILIES: Final = ("webhook", "svix")
"""Prefixes of the headers. Endpoints that existed before Standard Webhooks get Svix's own."""
_SECRET_PREFIX: Final = b"whsec_"
_LEAST_SECRET_BYTES: Final = 16
"""The specification requires 24 to 64; an empty or short key could be guessed."""
_MOST_SECRETS: Final = 32
_MOST_SIGNATURES: Final = 32
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class Encoding(Enum):
    """How a signature is written in its header."""

    HEX = "hex"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeaders:
    """The three headers of Standard Webhooks."""

    message_id: str
    timestamp: str
    signatures: str = field(repr=False)


def signed_headers(headers: Mapping[str, str]) -> SignedHeaders | None:
    """The headers that `verify_standard` checks: `webhook-*` if all three are present, else `svix-*`.

    The id of the delivery must be read from here: other headers are not covered by the signature.
    """
    for family in _FAMILIES:
        found = [headers.get(f"{family}-{name}", "") for name in ("id", "timestamp", "signature")]
        if all(found):
            return SignedHeaders(message_id=found[0], timestamp=found[1], signatures=found[2])
    return None


def verify_standard(delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
    """Check the signature and the time of Standard Webhooks or Svix. Raises DeliveryRejected."""
    keys = [key for secret in _usable(secrets) if (key := _signing_key(secret))]
    if not keys:
        raise DeliveryRejected(Rejection.NOT_CONFIGURED)
    signed = signed_headers(delivery.headers)
    if signed is None:
        raise DeliveryRejected(Rejection.NO_SIGNATURE)
    if not _SECONDS.fullmatch(signed.timestamp) or not signed.message_id.isascii():
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)
    message = f"{signed.message_id}.{signed.timestamp}.".encode() + delivery.body
    given = [value for entry in signed.signatures.split() if (value := _version_1(entry))][:_MOST_SIGNATURES]
    if not _any_equal([base64.b64encode(hmac.digest(key, message, "sha256")) for key in keys], given):
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)
    if abs(now.timestamp() - int(signed.timestamp)) > TOLERANCE_S:
        raise DeliveryRejected(Rejection.WRONG_TIME)


def verify_hmac(
    delivery: Delivery, secrets: Sequence[bytes], *, header: str, prefix: str = "", encoding: Encoding = Encoding.HEX
) -> None:
    """Check a header with the HMAC-SHA256 of the body, such as `sha256=5f…`. Raises DeliveryRejected."""
    check_hmac(delivery.body, delivery.headers.get(header.lower(), ""), secrets, prefix=prefix, encoding=encoding)


def check_hmac(
    message: bytes, signature: str, secrets: Sequence[bytes], *, prefix: str = "", encoding: Encoding = Encoding.HEX
) -> None:
    """Check that `signature` is `prefix` and the HMAC-SHA256 of `message`. Raises DeliveryRejected."""
    keys = usable_secrets(secrets)
    if not signature:
        raise DeliveryRejected(Rejection.NO_SIGNATURE)
    given = signature.removeprefix(prefix)
    if not signature.startswith(prefix) or not given.isascii():
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)
    if encoding is Encoding.HEX:
        expected = [hmac.new(key, message, "sha256").hexdigest().encode() for key in keys]
        given = given.lower()
    else:
        expected = [base64.b64encode(hmac.digest(key, message, "sha256")) for key in keys]
    if not _any_equal(expected, [given.encode()]):
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)


def verify_fixed_header(delivery: Delivery, secrets: Sequence[bytes], *, header: str) -> None:
    """Check that a header contains one of the secrets, as it is. Raises DeliveryRejected."""
    keys = usable_secrets(secrets)
    value = delivery.headers.get(header.lower(), "").strip()
    if not value:
        raise DeliveryRejected(Rejection.NO_SIGNATURE)
    # Hashes have equal lengths, so the comparison does not reveal the length of the secret.
    given = hashlib.sha256(value.encode("utf-8", "replace")).digest()
    if not _any_equal([hashlib.sha256(key).digest() for key in keys], [given]):
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)


def usable_secrets(secrets: Sequence[bytes]) -> list[bytes]:
    """The secrets without the line break with which files end, and without empty ones. Raises DeliveryRejected."""
    usable = _usable(secrets)
    if not usable:
        raise DeliveryRejected(Rejection.NOT_CONFIGURED)
    return usable


def _usable(secrets: Sequence[bytes]) -> list[bytes]:
    return [stripped for secret in secrets[:_MOST_SECRETS] if (stripped := secret.strip())]


def _signing_key(secret: bytes) -> bytes | None:
    """The key in `whsec_…`; the prefix is optional, as in the libraries of Standard Webhooks."""
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        return None
    return key if len(key) >= _LEAST_SECRET_BYTES else None


def _version_1(entry: str) -> bytes | None:
    """The signature in `v1,…`. Other versions are for other kinds of keys."""
    version, comma, value = entry.partition(",")
    return value.encode() if version == "v1" and comma and value.isascii() else None


def _any_equal(expected: Sequence[bytes], given: Sequence[bytes]) -> bool:
    """Whether one of each is equal. All pairs are compared, so the time does not depend on which."""
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    return any(matches)
