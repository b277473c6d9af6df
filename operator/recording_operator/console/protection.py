"""What stands in front of the application: limits, security headers, and pages of other origins."""

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from recording_operator.console.auth.clients import ClientLookup
from recording_operator.console.headers import SecurityHeaders
from recording_operator.console.limits import METHODS, RequestGate, RequestLimits
from recording_operator.settings import ConsoleSettings

_SENT: Final = ("Authorization", "Content-MD5", "Content-Type", "Range")
_EXPOSED: Final = ("Content-Disposition", "Content-Range", "ETag", "Retry-After")


def protected(app: ASGIApp, settings: ConsoleSettings) -> ASGIApp:
    """The application behind its protection. The security headers are on the outside: every response has them."""
    limits = RequestLimits(
        hosts=settings.hosts,
        body_bytes=settings.body_bytes,
        body_timeout_s=settings.body_timeout.total_seconds(),
        response_timeout_s=settings.request_timeout.total_seconds(),
    )
    gate: ASGIApp = RequestGate(app, limits)
    if settings.cors_origins:
        # Without cookies: a page of another origin sends a token.
        gate = CORSMiddleware(
            gate,
            allow_origins=settings.cors_origins,
            allow_methods=METHODS,
            allow_headers=_SENT,
            expose_headers=_EXPOSED,
        )
    clients = ClientLookup(trusted_proxies=settings.trusted_proxies, https=settings.https)
    return SecurityHeaders(gate, clients=clients, hsts_max_age=settings.hsts_max_age)
