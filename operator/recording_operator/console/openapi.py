"""The description of the HTTP API. Source: OpenAPI 3.1."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from recording_operator.console.problems import MEDIA_TYPE

_SCHEMA: Final = {
    "title": "Problem",
    "description": "A request that failed, as a problem document (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string", "description": "The phrase of the status."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What is wrong, and what to do, for people."},
        "errors": {
            "type": "array",
            "description": "What is wrong, one by one.",
            "items": {
                "type": "object",
                "required": ["problem"],
                "properties": {"at": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
        "knownAt": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "With status 503: when the catalog last knew everything.",
        },
    },
}
_MEANINGS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "The request cannot be understood.",
    HTTPStatus.UNAUTHORIZED: "There is no token, or it is not valid.",
    HTTPStatus.FORBIDDEN: "You may not do this.",
    HTTPStatus.NOT_FOUND: "It does not exist, or you may not see it.",
    HTTPStatus.CONFLICT: "Its state does not allow this.",
    HTTPStatus.GONE: "It existed, and was removed.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is not valid.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests. Retry-After says when to try again.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The API server or the store does not respond.",
}
_OF_ALL: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_TOKEN: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of Kubernetes. kubectl create token NAME prints one of a ServiceAccount.",
}
_DESCRIPTION: Final = """\
Recordings, their files, and what they cost.

Each request needs a token of Kubernetes. The API server decides what the caller may see and do: a caller with the right
to get recordings in a namespace may read them here, URLs of files need the verb presign, and every change is made with
the caller's own token. Errors are problem documents (RFC 9457)."""


def operation_id(route: APIRoute) -> str:
    """The name of an operation, such as getRecording."""
    return to_camel(route.name)


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The responses of an operation that fails with one of these. Those that all operations have are left out."""
    return {status.value: _response(status) for status in statuses}


def describe(app: FastAPI) -> None:
    """Have the application serve its description at /openapi.json."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]  # FastAPI documents this way to extend it


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"token": _TOKEN}
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _SCHEMA
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            is_open = operation.pop("x-no-token", False)
            operation["responses"] |= {str(one.value): _response(one) for one in _OF_ALL}
            operation["security"] = [] if is_open else [{"token": []}]
    return document


def _response(status: HTTPStatus) -> dict[str, Any]:
    return {
        "description": _MEANINGS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
