"""When a source's URL stops working.

The result is a hint: it orders the queue and helps to interpret a 401 or 403. Only a response of the source ends an
upload, because a clock that is wrong (ours, or the one that wrote the spec) must not lose a recording that can still be
had.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.recording import SourceRef
from recording_operator.engine.signed_urls import validity_in_url

ASSUMED_LIFETIME: Final = timedelta(hours=4)
"""The usual lifetime with meeting-bot providers, if neither the spec nor the URL states one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """When the URL expires, and whether that is `stated` or assumed."""

    at: datetime
    stated: bool


def expiry_of(*, url: str | None, expires_at: datetime | None, created: datetime) -> Expiry:
    """The expiry of a source: from the spec, else from the URL, else `created` + 4 h."""
    if expires_at is not None:
        return Expiry(at=expires_at, stated=True)
    from_url = expiry_in_url(url) if url else None
    if from_url is not None:
        return Expiry(at=from_url, stated=True)
    return Expiry(at=created + ASSUMED_LIFETIME, stated=False)


def source_expiry(source: SourceRef | None, *, created: datetime) -> Expiry:
    """The expiry of an artifact's source. A URL in a Secret is not known here.

    With a provider it is only assumed, because there will be another URL.
    """
    expiry = expiry_of(
        url=source.url if source else None, expires_at=source.expires_at if source else None, created=created
    )
    has_provider = source is not None and source.provider is not None
    return Expiry(at=expiry.at, stated=expiry.stated and not has_provider)


def expiry_in_url(url: str) -> datetime | None:
    """When a signed URL expires according to its parameters, or None. See `validity_in_url` for the formats."""
    return validity_in_url(url).end
