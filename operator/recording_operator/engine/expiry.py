"""When a source's URL stops working.

The answer is a hint: it orders the queue and helps to read a 401 or 403. Only the source's own answer ends an upload,
because a clock that is wrong (ours, or the one that wrote the spec) must not lose a recording that can still be had.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

ASSUMED_LIFETIME: Final = timedelta(hours=4)
"""What meeting-bot providers grant when neither spec nor URL says anything."""

_MOST_FIELDS: Final = 100
"""Of a query; a tenant's URL of thousands would take a millisecond at each look."""
_MAX_LIFETIME: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """When the URL expires, and whether somebody said so (`stated`) or it is assumed."""

    at: datetime
    stated: bool


def expiry_of(*, url: str | None, expires_at: datetime | None, created: datetime) -> Expiry:
    """The expiry of a source: the spec's word, else the URL's own, else `created` + 4 h."""
    if expires_at is not None:
        return Expiry(at=expires_at, stated=True)
    from_url = expiry_in_url(url) if url else None
    if from_url is not None:
        return Expiry(at=from_url, stated=True)
    return Expiry(at=created + ASSUMED_LIFETIME, stated=False)


def expiry_in_url(url: str) -> datetime | None:
    """The instant that a presigned URL names, or None.

    Known forms: AWS SigV4 (`X-Amz-Date` + `X-Amz-Expires`), Google (`X-Goog-Date` + `X-Goog-Expires`), AWS SigV2,
    CloudFront and old Google (`Expires`, seconds since 1970), Azure SAS (`se`). None too where there are more than 100
    parameters.
    """
    try:
        query = {key.lower(): value for key, value in parse_qsl(urlsplit(url).query, max_num_fields=_MOST_FIELDS)}
    except ValueError:
        return None
    for vendor in ("amz", "goog"):
        signed, lifetime = query.get(f"x-{vendor}-date"), query.get(f"x-{vendor}-expires")
        if signed and lifetime:
            return _signed_at_plus(signed, lifetime)
    if "expires" in query and ("signature" in query or "key-pair-id" in query or "policy" in query):
        return _from_epoch(query["expires"])
    if "se" in query and "sig" in query:
        return _from_iso(query["se"])
    return None


def _signed_at_plus(signed: str, lifetime: str) -> datetime | None:
    try:
        start = datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        span = timedelta(seconds=int(lifetime))
        return start + span if timedelta(0) <= span <= _MAX_LIFETIME else None
    except (ValueError, OverflowError):
        return None


def _from_epoch(seconds: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _from_iso(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
