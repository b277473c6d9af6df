"""Requests to the API server in the name of the caller. What it rejects becomes a problem document."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.problems import Problem, unauthenticated
from recording_operator.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    NamespaceTerminating,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from recording_operator.kube.resources import Resources
from recording_operator.user_actions.rights import right_of

_MOST_PROBLEMS: Final = 64


@contextmanager
def in_name_of(parts: ConsoleParts, caller: Caller, *, what: str) -> Iterator[Resources]:
    """The API server with the caller's own token. `what` is in the problem if it does not exist. Raises Problem."""
    try:
        yield parts.as_caller(caller)
    except KubeError as error:
        problem = _problem_of(error, what=what)
        if problem is None:
            raise
        raise problem from None


def _problem_of(error: KubeError, *, what: str) -> Problem | None:
    """None for one that is not about the request."""
    match error:
        case Unauthorized():
            return unauthenticated("The token is not valid any more.")
        case NamespaceTerminating():
            return Problem(HTTPStatus.CONFLICT, "The namespace is being deleted, so nothing can be created in it.")
        case Forbidden():
            right = right_of(error.method, error.path)
            return Problem(HTTPStatus.FORBIDDEN, f"You may not {right or 'do this'}.")
        case NotFound():
            return Problem(HTTPStatus.NOT_FOUND, f"{what} does not exist.")
        case AlreadyExists():
            return Problem(HTTPStatus.CONFLICT, f"{what} exists already.")
        case Conflict():
            return Problem(HTTPStatus.CONFLICT, f"{what} has changed or was created again meanwhile. Read it again.")
        case Invalid():
            errors = [{"problem": problem} for problem in error.problems[:_MOST_PROBLEMS]]
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The API server does not accept it.", errors=errors)
        case TooManyRequests():
            wait = {"Retry-After": str(max(1, round(error.retry_after_s)))}
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The API server is busy. Try again later.", headers=wait)
        case _:
            return None
