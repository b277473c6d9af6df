"""What the routes of the console use, and how they get it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Request

from recording_operator.catalog.reading import CatalogReader
from recording_operator.console.auth.access import AccessReviewer, Action
from recording_operator.console.auth.callers import Caller, TokenReviewer
from recording_operator.console.problems import Problem
from recording_operator.kube.resources import Resources

_SEND_ONE: Final = "Send a token of Kubernetes as Authorization: Bearer. kubectl create token NAME prints one."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleParts:
    """What the routes use. All of it may be used by several threads."""

    reader: CatalogReader
    tokens: TokenReviewer
    access: AccessReviewer
    as_caller: Callable[[Caller], Resources]
    """Requests to the API server with the caller's own token. Raises Problem for a caller without one."""
    now: Callable[[], datetime]


def parts_of(request: Request) -> ConsoleParts:
    """The parts of the application that serves the request."""
    parts: ConsoleParts = request.app.state.parts
    return parts


Parts = Annotated[ConsoleParts, Depends(parts_of)]


def caller_of(request: Request, parts: Parts) -> Caller:
    """Who has sent the request. Raises Problem 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated(_SEND_ONE)
    caller = parts.tokens.caller(token.strip())
    if caller is None:
        raise unauthenticated("The token is not valid for this cluster, or has expired.")
    return caller


Authenticated = Annotated[Caller, Depends(caller_of)]


def unauthenticated(detail: str) -> Problem:
    """A request without valid credentials."""
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


def not_found(namespace: str, name: str) -> Problem:
    """A Recording that is not there."""
    return Problem(HTTPStatus.NOT_FOUND, f"Recording {namespace}/{name} does not exist.")


def require(parts: ConsoleParts, caller: Caller, action: Action) -> None:
    """Raise Problem 403 if the caller may not do it. Raises KubeError."""
    if not parts.access.may(caller, action):
        where = f"in namespace {action.namespace}" if action.namespace else "in all namespaces"
        raise Problem(HTTPStatus.FORBIDDEN, f"You may not {action.verb} {action.resource} {where}.")
