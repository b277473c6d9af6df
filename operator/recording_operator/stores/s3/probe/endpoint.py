"""Checks the endpoint of a location before any request is sent to it."""

from typing import Final
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.egress.errors import BlockedError, UnresolvableError
from recording_operator.errors import LocationError
from recording_operator.stores.s3.errors import BLOCKED_ENDPOINT
from recording_operator.stores.s3.transport.endpoint import endpoint_tcp

_NO_URL: Final = "s3.endpoint is not an http or https URL."


def check_endpoint(endpoint: str | None) -> None:
    """Raises LocationError if the endpoint is not a URL, does not resolve, or has a forbidden address.

    The address is checked again for each connection. This check gives the location a precise message.
    """
    if endpoint is None:
        return
    try:
        parts = urlsplit(endpoint)
        port = parts.port or 443
    except ValueError:
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, _NO_URL) from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, _NO_URL)
    try:
        endpoint_tcp().addresses(parts.hostname, port)
    except UnresolvableError:
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, "The name in s3.endpoint does not resolve.") from None
    except BlockedError:
        raise LocationError(Reason.ENDPOINT_BLOCKED, BLOCKED_ENDPOINT) from None
