"""A bad manifest and the expected message, in the formats of the API server."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from tests.api.manifests import JsonObject

_UNCHECKED: Final = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


# Kubernetes 1.32 shows the type of a value that breaks a rule. 1.36 shows the value, unless it is an object.
_TYPE: Final = re.compile(r'Invalid value: "(?:string|object|array|integer|boolean|number|null)": ')
_VALUE: Final = re.compile(r'Invalid value: (?:"(?:[^"\\]|\\.)*"|null|true|false|-?\d+): ')


def shows_types(message: str) -> bool:
    """Whether the server shows types in the place of values, as older ones do."""
    return _TYPE.search(message) is not None


def is_message(message: str, expected: str) -> bool:
    """Whether the server returned this, in any order of errors, worded as in the newest or the oldest version."""
    said, wanted = _errors(message), _errors(expected)
    other, missed = said - wanted, wanted - said
    older = all(_TYPE.search(error) for error in other)
    return older and _without_values(other) == _without_values(missed)


def _errors(message: str) -> Counter[str]:
    return Counter(message.strip("[]").split(", "))


def _without_values(errors: Counter[str]) -> Counter[str]:
    return Counter(_VALUE.sub("Invalid value: ", error) for error in errors.elements())


@dataclass(frozen=True, slots=True)
class Case:
    """One bad manifest (or patch) and the exact message that it gets."""

    name: str
    manifest: JsonObject
    message: str
    older: str = ""
    """The message of Kubernetes 1.32, if it differs in more than the format of a value."""

    def matches(self, message: str) -> bool:
        """Whether the server returned this. Every version matches."""
        return is_message(message, self.message) or (self.older != "" and is_message(message, self.older))


def rejected(field: str, message: str, *, value: str | None = None) -> str:
    """A broken rule. `value` is set if the server repeats the value."""
    shown = "" if value is None else f"{json.dumps(value, ensure_ascii=False)}: "
    return f"{field}: Invalid value: {shown}{message}"


def missing(field: str) -> str:
    """A required field is missing."""
    return f"{field}: Required value"


def wrong_type(field: str, wanted: str, *, got: str) -> str:
    """A value of another type. `got` is the type, or for times the value."""
    return f'{field}: Invalid value: "{got}": {field} in body must be of type {wanted}: "{got}"'


def unsupported(field: str, value: str, *values: str) -> str:
    """Not one of the values of an enumeration."""
    return f"{field}: Unsupported value: {json.dumps(value)}: supported values: {', '.join(map(json.dumps, values))}"


def out_of_bounds(field: str, value: int, bound: str) -> str:
    """A number outside its bounds."""
    return f"{field}: Invalid value: {value}: {field} in body should {bound}"


def too_long(field: str, limit: int) -> str:
    """A text that is too long. Its value is not repeated."""
    return f"{field}: Too long: may not be more than {limit} bytes"


def several(*errors: str) -> str:
    """More than one error."""
    return f"[{', '.join(errors)}]"


def blocked(*errors: str) -> str:
    """Errors of the schema. After them the server reports that it checked no rules."""
    return several(*errors, _UNCHECKED)


def unknown(kind: str, *fields: str) -> str:
    """Fields that the schema does not have."""
    listed = ", ".join(f'unknown field "{field}"' for field in fields)
    return f'{kind} in version "v1alpha1" cannot be handled as a {kind}: strict decoding error: {listed}'
