"""Creates what authenticates callers, from the settings."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from recording_operator.catalog.sessions import SessionTable
from recording_operator.console.auth.authentication import Authenticator
from recording_operator.console.auth.callers import TokenReviewer
from recording_operator.console.auth.clients import ClientLookup
from recording_operator.console.auth.cookies import SessionCookies
from recording_operator.console.auth.rates import RequestRates, RunningRequests
from recording_operator.console.auth.sessions import BrowserSessions, SessionLimits
from recording_operator.console.auth.userproxy import UserProxy
from recording_operator.kube.rest import Rest
from recording_operator.settings import ConsoleSettings

_LOGINS_PER_MINUTE: Final = 30
"""Of one user. Each is a session in the database."""


def make_authenticator(
    settings: ConsoleSettings,
    *,
    rest: Rest,
    table: SessionTable,
    session_keys: Callable[[], Sequence[bytes]],
    now: Callable[[], datetime],
) -> Authenticator:
    """The authenticator of a console. `session_keys` sign the cookies of sessions; all replicas have the same."""
    clients = ClientLookup(trusted_proxies=settings.trusted_proxies, https=settings.https)
    limits = SessionLimits(idle=settings.session.idle, longest=settings.session.longest)
    return Authenticator(
        tokens=TokenReviewer(rest, audiences=settings.token_audiences),
        sessions=BrowserSessions(table, keys=session_keys, now=now, limits=limits),
        cookies=SessionCookies(clients),
        clients=clients,
        proxy=UserProxy(settings.user_proxy),
        failures=RequestRates(per_minute=settings.failures_per_minute),
        partners=frozenset(settings.cors_origins),
        calls=RequestRates(per_minute=settings.calls_per_minute),
        logins=RequestRates(per_minute=_LOGINS_PER_MINUTE),
        running=RunningRequests(settings.calls_at_once),
    )
