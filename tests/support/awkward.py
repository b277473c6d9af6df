"""Unusual values: an object with one field changed, in every way."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

JsonObject = dict[str, Any]
Place = tuple[str | int, ...]
CRDS: Final = Path(__file__).parents[2] / "crds"
ABSENT: Final = object()
WHEN: Final = "2026-11-22T10:00:00Z"
OF_ANY_KIND: Final[tuple[Any, ...]] = (ABSENT, None, "", 1, True, [], {})
TEXTS: Final = (" ", "x", "é\u2028\u0000", "-1", "1e400", "NaN", "1.5", "0s", "1e9h", "9" * 30, WHEN)
TIMES: Final = (  # the server's format takes some of them, its rules others
    "x", "1", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
    "2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+23:60", "2026-11-22T10:00:00-99:99", "2026-11-22T10:00:00x5Z",
    "2026-11-22T10:00:00Ztail", "2026-11-22T10:00:00+24:00Ztail", "2026-11-22t10:00:00z",
    "2026-11-22T10:00:00.123456789012Z", "2026-02-30T10:00:00Z",
)  # fmt: skip
NUMBERS: Final = (-1, 0, 1.0, 1.5, 2**31 - 1, 2**31, 2**63 - 1, 2**63)


def varied(whole: JsonObject) -> Iterator[tuple[Place, JsonObject]]:
    """The object with one field changed."""
    for place, value in leaves(whole):
        for awkward in (*OF_ANY_KIND, *awkward_for(value)):
            changed = copy.deepcopy(whole)
            inner: Any = changed
            for step in place[:-1]:
                inner = inner[step]
            if awkward is not ABSENT:
                inner[place[-1]] = awkward
            elif isinstance(inner, dict):
                del inner[place[-1]]
            yield place, changed


def awkward_for(value: Any) -> tuple[Any, ...]:
    """Values of the same kind."""
    if isinstance(value, str):
        return TIMES if value == WHEN else TEXTS
    return NUMBERS if type(value) is int else ()


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every field and every list within, with its place."""
    if place:
        yield place, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from leaves(item, (*place, key))


def schema_of(kind: str) -> JsonObject:
    """The schema of this kind in its CRD."""
    for file in CRDS.glob("*.yaml"):
        crd = yaml.safe_load(file.read_text())
        if crd["spec"]["names"]["kind"] == kind:
            schema: JsonObject = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            return schema
    raise KeyError(kind)


def filled(schema: JsonObject) -> Any:
    """A value with every field of the schema."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {name: filled(field) for name, field in schema["properties"].items()}
        case "object" if schema.get("x-kubernetes-preserve-unknown-fields"):
            return {"x": "1"}
        case "object":
            return {"x": filled(schema["additionalProperties"])}
        case "array":
            return [filled(schema["items"])]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return WHEN if schema.get("format") == "date-time" else "1"
