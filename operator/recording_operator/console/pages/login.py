"""The page where a token is pasted. console/auth/ reads it and opens the session."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from recording_operator.console.pages.rendering import Rendered

_PROBLEMS: Final[Mapping[str, str]] = {
    "token": "The token is not valid for this cluster, or has expired. Paste a new one.",
    "busy": "There were too many attempts. Wait a minute, then try again.",
    "unavailable": "The API server does not respond, so the token cannot be checked. Try again.",
    "origin": "Another site has sent the form. Open this page again and sign in here.",
}

router = APIRouter()


@router.get("/login")
def login(
    page: Rendered,
    problem: Annotated[str, Query(max_length=40)] = "",
    next_: Annotated[str, Query(alias="next", max_length=2000)] = "/",
) -> Response:
    """The form."""
    return page.whole("login.html", title="Sign in", problem=_PROBLEMS.get(problem, ""), next=next_)
