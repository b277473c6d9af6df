"""JSON or CSV: what a request asks for."""

from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request

CSV_TYPE: Final = "text/csv; charset=utf-8"
CSV_RESPONSE: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {
        "description": "The document, or comma-separated values. No cell is a formula for a spreadsheet.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


class Format(StrEnum):
    """The format of a response."""

    JSON = "json"
    CSV = "csv"


def wants_csv(request: Request, format_: Format | None) -> bool:
    """Whether the response is CSV: the parameter comes before the header Accept."""
    if format_ is not None:
        return format_ is Format.CSV
    accepted = request.headers.get("Accept", "")
    return "text/csv" in accepted and "application/json" not in accepted
