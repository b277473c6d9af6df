"""Whether an endpoint is one that a location may have, before anything is sent there."""

from typing import Final
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.errors import LocationError
from recording_operator.stores.s3.errors import BLOCKED_ENDPOINT
from recording_operator.stores.s3.transport.endpoint import EndpointBlocked, endpoint_addresses

_NO_URL: Final = "s3.endpoint is no http(s) URL."


def check_endpoint(endpoint: str | None) -> None:
    """Raises LocationError where the endpoint is no URL, has no address, or one that no endpoint may have.

    For an answer that says so; what keeps connections from being made is `endpoint.wall_off`.
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
        endpoint_addresses(parts.hostname, port)
    except OSError:
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, "The name in s3.endpoint does not resolve.") from None
    except EndpointBlocked:
        raise LocationError(Reason.ENDPOINT_BLOCKED, BLOCKED_ENDPOINT) from None
