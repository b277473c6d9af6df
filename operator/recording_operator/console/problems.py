"""Errors as problem documents. Source: RFC 9457."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5
_UNEXPECTED: Final = "Unexpected error. The log of the console says where."


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A request that fails. `detail` is a sentence for the caller, without secrets."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def unauthenticated(detail: str) -> Problem:
    """A request without valid credentials."""
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


def add_problem_handlers(app: FastAPI) -> None:
    """Respond to every failure with a problem document."""

    @app.exception_handler(Problem)
    async def _problem(_request: Request, problem: Problem) -> Response:
        return problem_response(problem)

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> Response:
        return problem_response(Problem(HTTPStatus(error.status_code), str(error.detail), headers=error.headers))

    @app.exception_handler(Exception)
    async def _unexpected(_request: Request, _error: Exception) -> Response:
        return problem_response(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, _UNEXPECTED))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:
        # Not what the caller sent: it may be a token or a signed URL.
        errors = [{"at": ".".join(map(str, one["loc"])), "problem": one["msg"]} for one in error.errors()]
        return problem_response(
            Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid.", errors=errors[:16])
        )


def problem_response(problem: Problem) -> Response:
    """The document of a problem."""
    body = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        **problem.members,
    }
    return JSONResponse(body, problem.status.value, headers=problem.headers, media_type=MEDIA_TYPE)
