"""The validity that a signed URL states.

Known forms, each only together with its signature if the names alone are ambiguous:

    AWS SigV4, Google V4, Alibaba V4    X-Amz-Date + X-Amz-Expires, and X-Goog-…, x-oss-…
    AWS SigV2, Google V2, CloudFront    Expires, seconds since 1970
    CloudFront, custom policy           Policy, JSON in base64 with DateLessThan and DateGreaterThan
    Azure SAS                           se and st
    Tencent COS                         q-sign-time, start;end
    Akamai, Vimeo, Google Media CDN     exp=…~…~hmac=… (and st=…) inside a value or a segment of the path
    CDNs with a plain token             expires, expire, exp, e or validto, in seconds, beside a token or hash
    Discord, Meta                       ex and is beside hm, oe beside oh: seconds in hexadecimal
    Supabase, Zoom and many others      a JSON Web Token in any value, by its exp and nbf
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_MOST_FIELDS: Final = 100
"""Parameters of a query that are read. A URL with thousands of them would take a millisecond each time."""
_LONGEST_TOKEN: Final = 4096
_MAX_LIFETIME: Final = timedelta(days=3650)
# Seconds since 1970 in this century; other numbers under these names mean something else.
_EARLIEST: Final = datetime(2001, 9, 9, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_EPOCH_NAMES: Final = ("expires", "expire", "exp", "expiry", "e", "validto", "verify_expires", "wowzatokenendtime")
_TOKEN_NAMES: Final = frozenset(
    {"signature", "sig", "sign", "key-pair-id", "policy", "token", "hash", "md5", "hmac", "lsig"}
    | {"verify", "wowzatokenhash", "hashed_token", "st", "security-token"}
)
_JWT: Final = re.compile(r"[A-Za-z0-9_-]{4,}\.([A-Za-z0-9_-]{4,})\.[A-Za-z0-9_-]*")
_ACL_TOKEN: Final = re.compile(r"(?:^|[~/=?&*])exp=(\d{9,10})(?=~)")
_ACL_START: Final = re.compile(r"(?:^|[~/=?&*])st=(\d{9,10})(?=~)")
_LESS: Final = re.compile(r'"DateLessThan"\s*:\s*\{\s*"AWS:EpochTime"\s*:\s*(\d{1,12})')
_GREATER: Final = re.compile(r'"DateGreaterThan"\s*:\s*\{\s*"AWS:EpochTime"\s*:\s*(\d{1,12})')


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """The period in which a URL is valid, as far as the URL states it."""

    start: datetime | None = None
    end: datetime | None = None

    def ending_by(self, other: datetime | None) -> "Validity":
        """The same validity, with the earlier of the two ends."""
        ends = [end for end in (self.end, other) if end is not None]
        return replace(self, end=min(ends, default=None))


def validity_in_url(url: str) -> Validity:
    """What the URL states; nothing if it has more than 100 parameters."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return Validity()
    query = {key.lower(): value for key, value in pairs}
    for found in _readings(query, parts.path):
        if found.end is not None:
            return found
    return Validity()


def _readings(query: Mapping[str, str], path: str) -> Iterator[Validity]:
    for vendor in ("amz", "goog", "oss"):
        signed, lifetime = query.get(f"x-{vendor}-date"), query.get(f"x-{vendor}-expires")
        if signed and lifetime:
            yield _signed_at_plus(signed, lifetime)
            return
    if "policy" in query and "key-pair-id" in query:
        yield _of_policy(query["policy"])
    if "se" in query and "sig" in query:
        yield Validity(start=_from_iso(query.get("st", "")), end=_from_iso(query["se"]))
    if "q-sign-time" in query:
        start, _, end = query["q-sign-time"].partition(";")
        yield Validity(start=_from_epoch(start), end=_from_epoch(end))
    if "hm" in query and "ex" in query:
        yield Validity(start=_from_hex(query.get("is", "")), end=_from_hex(query["ex"]))
    if "oh" in query and "oe" in query:
        yield Validity(end=_from_hex(query["oe"]))
    if query.keys() & _TOKEN_NAMES:
        yield from (Validity(end=_from_epoch(query[name])) for name in _EPOCH_NAMES if name in query)
    for text in (*query.values(), path):
        if len(text) <= _LONGEST_TOKEN:
            yield _of_acl_token(text)
            yield _of_jwt(text)


def _signed_at_plus(signed: str, lifetime: str) -> Validity:
    try:
        start = datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        span = timedelta(seconds=int(lifetime))
        return Validity(start=start, end=start + span) if timedelta(0) <= span <= _MAX_LIFETIME else Validity()
    except (ValueError, OverflowError):
        return Validity()


def _of_policy(encoded: str) -> Validity:
    """CloudFront's alphabet has - _ ~ for + = /."""
    try:
        text = base64.b64decode(encoded[:_LONGEST_TOKEN].translate(str.maketrans("-_~", "+=/"))).decode()
    except (ValueError, binascii.Error):
        return Validity()
    end, start = _LESS.search(text), _GREATER.search(text)
    return Validity(start=_from_epoch(start[1]) if start else None, end=_from_epoch(end[1]) if end else None)


def _of_acl_token(text: str) -> Validity:
    end, start = _ACL_TOKEN.search(text), _ACL_START.search(text)
    return Validity(start=_from_epoch(start[1]) if start else None, end=_from_epoch(end[1]) if end else None)


def _of_jwt(text: str) -> Validity:
    """The payload is read without verifying it: it only helps to interpret a rejection."""
    found = _JWT.fullmatch(text)
    if found is None:
        return Validity()
    try:
        claims = json.loads(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return Validity()
    if not isinstance(claims, dict):
        return Validity()
    return Validity(start=_from_number(claims.get("nbf")), end=_from_number(claims.get("exp")))


def _from_number(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _from_epoch(str(int(value))) if abs(value) < 10**12 else None


def _from_hex(text: str) -> datetime | None:
    return _from_epoch(str(int(text, 16))) if re.fullmatch(r"[0-9a-fA-F]{8}", text) else None


def _from_epoch(seconds: str) -> datetime | None:
    try:
        at = datetime.fromtimestamp(int(seconds), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if _EARLIEST <= at <= _LATEST else None


def _from_iso(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
