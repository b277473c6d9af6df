"""The application of the console: all its routes."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from starlette.responses import Response

from recording_operator.console.api import recordings
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.problems import Problem, add_problem_handlers, problem_response
from recording_operator.kube.errors import KubeError


def make_app(parts: ConsoleParts, *, version: str) -> FastAPI:
    """The application."""
    app = FastAPI(title="Recordings", version=version, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.parts = parts
    add_problem_handlers(app)

    @app.exception_handler(KubeError)
    async def _unavailable(_request: Request, _error: KubeError) -> Response:
        return problem_response(Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The API server does not respond."))

    app.include_router(recordings.router)
    return app
