"""Headers of every response that tell browsers what is not allowed, and whether the browser uses https.

A response that sets one of them itself keeps it. Source: https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recording_operator.console.auth.clients import ClientLookup

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
_FEATURES: Final = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi",
    "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
_OF_ALL: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_REFERRER: Final = "Referrer-Policy"


class SecurityHeaders:
    """Adds the headers to the responses of an application."""

    def __init__(self, app: ASGIApp, *, clients: ClientLookup, hsts_max_age: timedelta = timedelta(0)) -> None:
        self._app = app
        self._clients = clients
        self._hsts_s = int(hsts_max_age.total_seconds())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), HTTPConnection(scope))
            await send(message)

        if scope["type"] == "http" and self._clients.is_https(HTTPConnection(scope)):
            scope = {**scope, "scheme": "https"}  # for URLs of this console in responses
        await self._app(scope, receive, with_headers)

    def _add(self, headers: MutableHeaders, request: HTTPConnection) -> None:
        for name, value in _OF_ALL.items():
            headers.setdefault(name, value)
        # With no-referrer, browsers send "Origin: null" with the forms of a page, which says nothing.
        is_page = headers.get("content-type", "").startswith("text/html")
        headers.setdefault(_REFERRER, "same-origin" if is_page else "no-referrer")
        if self._hsts_s and self._clients.is_https(request):
            headers.setdefault("Strict-Transport-Security", f"max-age={self._hsts_s}")
