"""The fields that providers publish, and the fields that our code reads."""

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from livekit.protocol.webhook import WebhookEvent

import recording_operator.providers

_CODE = Path(recording_operator.providers.__path__[0])
_SCHEMAS = Path(__file__).parent / "schemas"
_READERS = frozenset({"text", "member", "objects", "identifier", "url", "get", "_token", "_key", "_exact_text"})
_NO_FIELDS = frozenset({"headers", "credentials"})
"""Mappings whose keys are not fields of a payload."""


@cache
def sdk(name: str) -> Mapping[str, Any]:
    """What `schemas/extract.py` has found in the SDK of a provider."""
    found = json.loads((_SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def published_fields(name: str) -> set[str]:
    """Names of all fields in the SDK and in the documentation of a provider."""
    documented = json.loads((_SCHEMAS / "documented.json").read_text(encoding="utf-8"))[name]["fields"]
    paths = list(documented)
    if name == "livekit":
        return {*paths, *_protobuf_fields(WebhookEvent.DESCRIPTOR)}
    if (_SCHEMAS / f"{name}.json").exists():
        paths += [path for fields in sdk(name)["fields"].values() for path in fields]
    return {segment for path in paths for segment in path.split(".")}


def _protobuf_fields(message: Any, *, depth: int = 4) -> set[str]:
    """Names in protojson of the fields of a message, and of the messages in it."""
    found = {field.json_name for field in message.fields}
    inner = [field.message_type for field in message.fields if field.message_type is not None] if depth else []
    return found.union(*(_protobuf_fields(other, depth=depth - 1) for other in inner))


def fields_read(*modules: str) -> set[str]:
    """The literal names of fields that modules of `providers` read."""
    trees = [ast.parse((_CODE / f"{module}.py").read_text(encoding="utf-8")) for module in modules]
    return {name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) for name in _names(node)}


def _names(call: ast.Call) -> Iterator[str]:
    function = call.func
    if isinstance(function, ast.Attribute):
        owner = function.value
        if function.attr != "get" or (isinstance(owner, ast.Attribute) and owner.attr in _NO_FIELDS):
            return
        reader = "get"
    else:
        reader = function.id if isinstance(function, ast.Name) else ""
    if reader in _READERS:
        yield from (
            arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str) and arg.value
        )


def document(paths: list[str], values: Mapping[str, Any], *, lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A document with all of `paths`. A field without a value by its name contains an empty text."""
    parents = {path.rpartition(".")[0] for path in paths}
    built: dict[str, Any] = {}
    for path in sorted(paths):
        *above, last = path.split(".")
        node = built
        for segment in above:
            inner = node[segment]
            node = inner[0] if isinstance(inner, list) else inner
        content: Any = {} if path in parents else values.get(last, "")
        node[last] = [content] if last in lists else content
    return built
