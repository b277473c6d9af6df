"""Log in with a token of Kubernetes, and log out. The page with the form is one of the pages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from recording_operator.console.auth.authentication import owner_of
from recording_operator.console.auth.clients import local_path
from recording_operator.console.parts import Parts, SentCsrf
from recording_operator.console.problems import Problem
from recording_operator.kube.errors import KubeError

_CLEAR: Final = {"Clear-Site-Data": '"cache", "storage"'}
_PROBLEMS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.FORBIDDEN: "origin",
    HTTPStatus.TOO_MANY_REQUESTS: "busy",
}

router = APIRouter(include_in_schema=False)


@router.post("/login")
def log_in(
    request: Request,
    parts: Parts,
    token: Annotated[str, Form()] = "",
    next_path: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Begin a session for the token, and go to the page that was wanted."""
    path = local_path(next_path)
    door = parts.authenticator
    try:
        door.check_own(request)
        caller = door.caller_of_token(request, token.strip())
        if caller is not None:
            door.check_login(caller)
    except Problem as problem:
        return _again(_PROBLEMS.get(problem.status, "unavailable"), path)
    except KubeError:
        return _again("unavailable", path)
    if caller is None:
        return _again("token", path)
    # A new session with a new cookie, whatever cookie the browser had before.
    before = door.cookies.read(request)
    if before is not None:
        door.sessions.end(before)
    response = _see(path)
    door.cookies.set(request, response, door.sessions.begin(token.strip(), owner=owner_of(caller)))
    return response


@router.post("/logout")
def log_out(request: Request, parts: Parts, csrf: SentCsrf) -> Response:
    """End the session, also one whose token is no longer valid."""
    door = parts.authenticator
    cookie = door.cookies.read(request)
    response = _see("/login")
    if cookie is not None:
        door.check_change(request, cookie=cookie, csrf=csrf)
        door.sessions.end(cookie)
        door.cookies.remove(request, response)
        response.headers.update(_CLEAR)
    return response


def _again(problem: str, path: str) -> Response:
    return _see("/login?" + urlencode({"problem": problem, "next": path}))


def _see(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
