"""The pages as an application of their own, which is mounted beside the API."""

from contextlib import suppress
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Mount
from starlette.types import Scope

from recording_operator.catalog.errors import CatalogUnavailable
from recording_operator.console.auth.clients import SAFE_METHODS
from recording_operator.console.pages import assets, costs, locations, login, overview, recording, recordings, upload
from recording_operator.console.pages.assets import Assets
from recording_operator.console.pages.rendering import PageRenderer, Renderer, is_fragment
from recording_operator.console.parts import ConsoleParts, parts_of
from recording_operator.console.problems import RETRY_AFTER_S, Problem
from recording_operator.kube.errors import KubeError

_NO_PAGES: Final = ("/api/", "/files/", "/upload-parts/")


def make_pages(parts: ConsoleParts, *, version: str) -> FastAPI:
    """The application of the pages."""
    pages = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    pages.state.parts = parts
    pages.state.assets = Assets()
    pages.state.renderer = Renderer(pages.state.assets, version=version)
    _add_error_pages(pages)
    for page in (assets, login, overview, recordings, recording, costs, locations, upload):
        pages.include_router(page.router)
    return pages


def _add_error_pages(pages: FastAPI) -> None:
    @pages.exception_handler(Problem)
    def _problem(request: Request, problem: Problem) -> Response:
        return _shown(request, problem)

    @pages.exception_handler(KubeError)
    def _unavailable(request: Request, _error: KubeError) -> Response:
        return _shown(request, _away("The API server does not respond. Try again."))

    @pages.exception_handler(CatalogUnavailable)
    def _no_catalog(request: Request, _error: CatalogUnavailable) -> Response:
        return _shown(request, _away("The catalog does not respond. Try again."))

    @pages.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        _recognise(request)
        detail = "There is no such page." if error.status_code == HTTPStatus.NOT_FOUND else str(error.detail)
        return _shown(request, Problem(HTTPStatus(error.status_code), detail, headers=error.headers))

    @pages.exception_handler(RequestValidationError)
    def _invalid(request: Request, _error: RequestValidationError) -> Response:
        return _shown(request, Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The address has a value that is not valid."))


class _Mount(Mount):
    """All paths but those of the API and of files, whose errors are documents, and which knows its methods."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if str(scope.get("path", "")).startswith(_NO_PAGES):
            return Match.NONE, {}
        return super().matches(scope)


def mount_of(pages: FastAPI) -> Mount:
    """The route by which another application has the pages."""
    return _Mount("/", pages)


def _shown(request: Request, problem: Problem) -> Response:
    if problem.status is HTTPStatus.UNAUTHORIZED:
        return _to_login(request)
    page = PageRenderer(request)
    if is_fragment(request):
        part = "results" if request.url.path == "/recordings" else "problem"
        return page.fragment(
            "problem_part.html", status=problem.status, headers=problem.headers, part=part, problem=problem
        )
    return page.whole(
        "problem.html",
        title=problem.status.phrase,
        visit=getattr(request.state, "visit", None),
        status=problem.status,
        headers=problem.headers,
        problem=problem,
    )


def _away(detail: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def _recognise(request: Request) -> None:
    """Find out who has sent a request for a page that does not exist, so that its navigation is there."""
    if request.method not in SAFE_METHODS:
        return
    with (
        suppress(Problem, KubeError, CatalogUnavailable),
        parts_of(request).authenticator.visit(request, csrf="") as one,
    ):
        request.state.visit = one


def _to_login(request: Request) -> Response:
    if is_fragment(request):
        return Response(status_code=HTTPStatus.OK, headers={"HX-Redirect": "/login"})
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = request.url.path + query if request.method == "GET" else "/"
    return RedirectResponse(f"/login?next={quote(wanted, safe='')}", HTTPStatus.SEE_OTHER)
