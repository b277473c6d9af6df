"""Reads what a provider sends as JSON. Everything is limited, and messages name fields but contain no values."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from recording_operator.api.masking import mask_urls
from recording_operator.api.reasons import Reason
from recording_operator.egress.errors import InvalidUrlError
from recording_operator.egress.url import parse_url
from recording_operator.providers.provider import MalformedDelivery, ProviderError

MOST_ID_CHARS: Final = 512
MOST_TITLE_CHARS: Final = 256
_MOST_FAILURE_CHARS: Final = 256
_MOST_URL_CHARS: Final = 8192
_MOST_SIZE_BYTES: Final = 2**53 - 1
"""The largest integer that every JSON library keeps exactly."""
_DEEPEST: Final = 64
_MILLISECONDS_FROM: Final = 10**11
"""Numbers from here on are milliseconds since 1970: as seconds they would be in the year 5138."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises MalformedDelivery."""
    return object_in(_parsed(body))


def object_in(value: object) -> dict[str, Any]:
    """`value` if it is a JSON object that is not nested too deeply. Raises MalformedDelivery."""
    if not isinstance(value, dict):
        raise MalformedDelivery("The body is not a JSON object.")
    _check_depth(value)
    return value


@contextmanager
def of_response() -> Iterator[None]:
    """Reads a response of an API: turns MalformedDelivery into ProviderError."""
    try:
        yield
    except MalformedDelivery as error:
        text = f"The API responded with something else than it documents. {error}"
        raise ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, text) from None


def _parsed(body: bytes) -> Any:
    try:
        value = json.loads(body.decode(), parse_constant=_not_json, parse_float=_finite)
        if rb"\ud" in body or rb"\uD" in body:
            # Half of an emoji, where a provider has cut a title. Text with it could not be encoded later.
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise MalformedDelivery("The body is not JSON in UTF-8.") from None
    return value


def _not_json(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise MalformedDelivery(f"The body is nested more than {_DEEPEST} levels deep.")


def _children(value: object) -> list[Any]:
    """The objects and lists directly in `value`."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [child for child in values if isinstance(child, dict | list)]


def member(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object with this name; an empty one if it is missing or something else."""
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def objects(parent: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in the list with this name; none if it is missing or no list."""
    found = parent.get(name)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def text(parent: Mapping[str, Any], name: str, *, most_chars: int = MOST_ID_CHARS) -> str:
    """A text in one line, cut to `most_chars`; empty if it is missing or no text."""
    found = parent.get(name)
    return one_line(found, most_chars=most_chars) if isinstance(found, str) else ""


def one_line(value: str, *, most_chars: int) -> str:
    """`value` without line breaks and characters that cannot be printed, cut to `most_chars`."""
    printable = "".join(char if char.isprintable() else " " for char in value[: 4 * most_chars])
    return " ".join(printable.split())[:most_chars].strip()


def failure_text(code: str, message: str) -> str:
    """`CODE: message`, or the one that is there, without the secret parts of URLs. It becomes public."""
    return one_line(mask_urls(": ".join(part for part in (code, message) if part)), most_chars=_MOST_FAILURE_CHARS)


def identifier(parent: Mapping[str, Any], name: str, *, field: str) -> str:
    """An id that must be there. `field` is its path for the message. Raises MalformedDelivery."""
    found = parent.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found.strip():
        raise MalformedDelivery(f"{field} is missing. Expected an id.")
    if len(found) > MOST_ID_CHARS or not found.isprintable():
        raise MalformedDelivery(f"{field} is not an id of 1 to {MOST_ID_CHARS} printable characters.")
    return found


def url(parent: Mapping[str, Any], name: str, *, field: str) -> str | None:
    """An http(s) URL; None if it is missing, null or empty. Raises MalformedDelivery for anything else."""
    found = parent.get(name)
    return None if found is None or found == "" else checked_url(found, field=field)


def checked_url(value: object, *, field: str) -> str:
    """`value` if it is an http(s) URL. Raises MalformedDelivery."""
    try:
        if not isinstance(value, str) or len(value) > _MOST_URL_CHARS:
            raise InvalidUrlError
        parse_url(value)
    except InvalidUrlError:
        raise MalformedDelivery(
            f"{field} is not an http or https URL of at most {_MOST_URL_CHARS} characters."
        ) from None
    return value


def size(value: object) -> int | None:
    """A number of bytes, also as text; None if it is something else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(_MOST_SIZE_BYTES)):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST_SIZE_BYTES else None


def instant(value: object) -> datetime | None:
    """A time as ISO 8601, or as seconds or milliseconds since 1970; None if it is something else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(_MOST_SIZE_BYTES)):
        value = int(value)
    try:
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
