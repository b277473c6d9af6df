"""The application of the console: all its routes."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from recording_operator.catalog.errors import CatalogUnavailable
from recording_operator.console.api.routes import ROUTERS
from recording_operator.console.auth import login
from recording_operator.console.openapi import describe, operation_id
from recording_operator.console.pages.site import make_pages, mount_of
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.problems import RETRY_AFTER_S, Problem, add_problem_handlers, problem_response
from recording_operator.kube.errors import KubeError

_TITLE: Final = "Recordings"


def make_app(parts: ConsoleParts, *, version: str) -> FastAPI:
    """The application."""
    app = FastAPI(
        title=_TITLE,
        version=version,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.parts = parts
    add_problem_handlers(app)

    @app.exception_handler(KubeError)
    def _unavailable(_request: Request, _error: KubeError) -> Response:
        return _later(parts, "The API server does not respond, and only it knows what you may see and do.")

    @app.exception_handler(CatalogUnavailable)
    def _no_catalog(_request: Request, _error: CatalogUnavailable) -> Response:
        return _later(parts, "The database of the catalog does not respond.")

    for router in (login.router, *ROUTERS):
        app.include_router(router)
    describe(app)
    app.router.routes.append(mount_of(make_pages(parts, version=version)))
    return app


def _later(parts: ConsoleParts, why: str) -> Response:
    known_at = parts.known_at()
    return problem_response(
        Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{why} Try again later.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
            knownAt=None if known_at is None else known_at.isoformat(),
        )
    )


def description_of_api() -> dict[str, Any]:
    """The OpenAPI document of every console with this API, whatever its version."""
    app = FastAPI(title=_TITLE, version="v1", generate_unique_id_function=operation_id)
    for router in ROUTERS:
        app.include_router(router)
    describe(app)
    return app.openapi()
