"""The user that an authenticating proxy names in headers.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy
"""

from typing import Final
from urllib.parse import unquote

from starlette.requests import HTTPConnection

from recording_operator.console.auth.callers import Caller
from recording_operator.console.auth.clients import peer_of
from recording_operator.egress.addresses import within
from recording_operator.settings import UserProxySettings

_EVERY_USER: Final = "system:authenticated"
"""The API server adds this group to every user, and roles are bound to it."""


class UserProxy:
    """Believes the headers only if the connection is from an address of the proxy."""

    def __init__(self, settings: UserProxySettings) -> None:
        self._addresses = settings.addresses
        self._user = settings.user_header
        self._group = settings.group_header
        self._extra = settings.extra_header_prefix.lower()

    def caller(self, request: HTTPConnection) -> Caller | None:
        """The user, without a token; None if the proxy names none, or if the headers are from somewhere else."""
        peer = peer_of(request)
        if peer is None or not within(peer, self._addresses):
            return None
        users = request.headers.getlist(self._user)
        # Two names are one of the proxy and one that it has not removed.
        if len(users) != 1 or not users[0].strip():
            return None
        groups = [group for group in request.headers.getlist(self._group) if group]
        return Caller(
            username=users[0].strip(),
            groups=tuple(dict.fromkeys([*groups, _EVERY_USER])),
            extra=self._extras(request),
        )

    def _extras(self, request: HTTPConnection) -> dict[str, tuple[str, ...]]:
        names = {name for name in request.headers if name.startswith(self._extra) and name != self._extra}
        return {unquote(name.removeprefix(self._extra)): tuple(request.headers.getlist(name)) for name in sorted(names)}
