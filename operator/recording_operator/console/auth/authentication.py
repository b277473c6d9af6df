"""Who has sent a request: a bearer token, a browser session, or an authenticating proxy says it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from secrets import compare_digest
from typing import Final, Never

from starlette.requests import Request

from recording_operator.console.auth.callers import Caller, TokenReviewer
from recording_operator.console.auth.clients import SAFE_METHODS, ClientLookup, is_foreign, is_own
from recording_operator.console.auth.cookies import SessionCookies
from recording_operator.console.auth.rates import RequestRates, RunningRequests
from recording_operator.console.auth.sessions import BrowserSessions, csrf_of
from recording_operator.console.auth.userproxy import UserProxy
from recording_operator.console.problems import Problem, unauthenticated

LONGEST_TOKEN: Final = 12 * 1024
_SEND_ONE: Final = "Send a token of Kubernetes as Authorization: Bearer. kubectl create token NAME prints one."
_INVALID: Final = "The token is not valid for this cluster, or has expired."
_ENDED: Final = "The session has ended. Log in again."
_FOREIGN: Final = "A page of another site has sent this request, which is not allowed."
_NO_CSRF: Final = "The CSRF token is missing or wrong. Load the page again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who has sent the request. `csrf` is what forms of a page must send back; empty without a browser session."""

    caller: Caller
    csrf: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """Finds out who has sent a request. Thread-safe."""

    tokens: TokenReviewer
    sessions: BrowserSessions
    cookies: SessionCookies
    clients: ClientLookup
    proxy: UserProxy
    failures: RequestRates
    calls: RequestRates
    running: RunningRequests
    logins: RequestRates
    partners: frozenset[str] = frozenset()
    """Other origins whose pages may call the API with a token."""

    @contextmanager
    def visit(self, request: Request, *, csrf: str) -> Iterator[Visit]:
        """Who has sent it. `csrf` is the CSRF token in the request. It runs until the end of the context.

        Raises Problem 401, 403 or 429, and KubeError.
        """
        if request.method not in SAFE_METHODS and is_foreign(request) and not self._is_partner(request):
            raise Problem(HTTPStatus.FORBIDDEN, _FOREIGN)
        visit = self._visit(request, csrf)
        key = owner_of(visit.caller)
        wait_s = self.calls.take(key)
        if wait_s:
            too_many("You have sent too many requests.", wait_s)
        with self.running.one(key) as may_run:
            if not may_run:
                too_many("Too many of your requests are running.", 1)
            yield visit

    def caller_of_token(self, request: Request, token: str) -> Caller | None:
        """Whose token it is; None for an invalid one. Raises Problem 429 and KubeError."""
        if not is_plausible(token):
            self.failures.take(self.clients.address(request))
            return None
        if self.tokens.was_accepted(token):
            return self.tokens.caller(token)
        # Counted before the review: others of the same moment must not pass meanwhile.
        wait_s = self.failures.take(self.clients.address(request))
        if wait_s:
            too_many("Too many invalid tokens were sent from your address.", wait_s)
        is_invalid = False
        try:
            caller = self.tokens.caller(token)
            is_invalid = caller is None
        finally:
            if not is_invalid:
                self.failures.give_back(self.clients.address(request))
        return caller

    def check_login(self, caller: Caller) -> None:
        """Count a login. Raises Problem 429."""
        wait_s = self.logins.take(owner_of(caller))
        if wait_s:
            too_many("You have logged in too often.", wait_s)

    def check_own(self, request: Request) -> None:
        """Raise Problem 403 unless a page of this console sent the request."""
        if not is_own(request):
            raise Problem(HTTPStatus.FORBIDDEN, _FOREIGN)

    def check_change(self, request: Request, *, cookie: str, csrf: str) -> None:
        """Raise Problem 403 unless a page of this console, in the session of the cookie, sent the request."""
        self.check_own(request)
        if not compare_digest(csrf_of(cookie).encode(), csrf.encode()):
            raise Problem(HTTPStatus.FORBIDDEN, _NO_CSRF)

    def _visit(self, request: Request, csrf: str) -> Visit:
        header = request.headers.get("authorization")
        if header is not None:
            return Visit(caller=self._bearer(request, header))
        cookie = self.cookies.read(request)
        visit = None if cookie is None else self._session(request, cookie, csrf)
        if visit is not None:
            return visit
        named = self.proxy.caller(request)
        if named is not None:
            return Visit(caller=named)
        raise unauthenticated(_SEND_ONE if cookie is None else _ENDED)

    def _is_partner(self, request: Request) -> bool:
        """Whether a page of another origin that may call the API has sent a token. No browser does that by itself."""
        return "authorization" in request.headers and request.headers.get("origin") in self.partners

    def _bearer(self, request: Request, header: str) -> Caller:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthenticated(_SEND_ONE)
        caller = self.caller_of_token(request, token.strip())
        if caller is None:
            raise unauthenticated(_INVALID)
        return caller

    def _session(self, request: Request, cookie: str, csrf: str) -> Visit | None:
        token = self.sessions.open(cookie)
        if token is None:
            return None
        caller = self.tokens.caller(token)
        if caller is None:
            self.sessions.end(cookie)
            return None
        if request.method not in SAFE_METHODS:
            self.check_change(request, cookie=cookie, csrf=csrf)
        return Visit(caller=caller, csrf=csrf_of(cookie))


def owner_of(caller: Caller) -> str:
    """The same for all requests and sessions of one user."""
    return f"{caller.username}\n{caller.uid}"


def is_plausible(token: str) -> bool:
    """Whether this can be a token at all; otherwise the API server is not called."""
    return 0 < len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable() and " " not in token


def too_many(detail: str, wait_s: float) -> Never:
    """Raise Problem 429."""
    raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(max(1, math.ceil(wait_s)))})
