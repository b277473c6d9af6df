"""The session cookie."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from recording_operator.console.auth.clients import ClientLookup

_PLAIN: Final = "recordings-session"
_SECURE: Final = f"__Host-{_PLAIN}"
"""Browsers accept a cookie with this prefix only over https, with Path=/, and never from another host of the domain."""


class SessionCookies:
    """Reads, sets and removes the session cookie."""

    def __init__(self, clients: ClientLookup) -> None:
        self._clients = clients

    def read(self, request: HTTPConnection) -> str | None:
        """The value of the cookie, if the request has one."""
        return request.cookies.get(self._name(request)) or None

    def set(self, request: HTTPConnection, response: Response, value: str) -> None:
        """Let the browser keep the cookie until it is closed."""
        self._set(request, response, value, max_age=None)

    def remove(self, request: HTTPConnection, response: Response) -> None:
        """Let the browser forget the cookie."""
        self._set(request, response, "", max_age=0)

    def _set(self, request: HTTPConnection, response: Response, value: str, *, max_age: int | None) -> None:
        response.set_cookie(
            self._name(request),
            value,
            max_age=max_age,
            path="/",
            secure=self._clients.is_https(request),
            httponly=True,
            samesite="strict",
        )

    def _name(self, request: HTTPConnection) -> str:
        return _SECURE if self._clients.is_https(request) else _PLAIN
