"""Write the schema of a kind as a reference page: every field, its bounds, and the messages of its rules."""

from collections.abc import Iterator
from typing import Any

from recording_operator.api import names
from recording_operator.api.crd import Resource, crd

_TYPES = {"integer": "number", "boolean": "true or false"}


def reference_page(resource: Resource) -> str:
    """The page of one kind in Markdown."""
    schema = crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    scope = "is namespaced" if resource.scope == "Namespaced" else "is cluster-scoped"
    short = " or ".join(f"`{name}`" for name in resource.short_names)
    lines = [
        f"# {resource.kind}",
        "",
        (
            f"{schema['description']} It {scope}. Its `apiVersion` is `{names.API_VERSION}`. "
            f"Short names for kubectl: {short}."
        ),
        "",
        *_rules_of(schema),
        *_columns(resource),
    ]
    for part in ("spec", "status"):
        lines += _section(part, schema["properties"][part])
    return "\n".join(lines).rstrip() + "\n"


def _columns(resource: Resource) -> Iterator[str]:
    yield "`kubectl get` prints these columns:"
    yield ""
    yield "| Column | Description |"
    yield "|---|---|"
    for column in resource.columns:
        yield f"| {column.name}{' (wide)' if column.wide else ''} | {column.description} |"
    yield ""


def _section(path: str, node: dict[str, Any]) -> Iterator[str]:
    """A table of the fields of an object, then a section for each field that is an object itself."""
    yield f"## {path}"
    yield ""
    yield node["description"]
    yield ""
    required = set(node.get("required", ()))
    yield "| Field | Type | Description |"
    yield "|---|---|---|"
    for name, field in node["properties"].items():
        must = " **Required.**" if name in required else ""
        yield f"| `{name}` | {_type(field)} | {_cell(field['description'])}{must} |"
    yield ""
    yield from _rules_of(node)
    for name, field in node["properties"].items():
        inner = field["items"] if field["type"] == "array" else field
        if "properties" in inner:
            mark = "[]" if field["type"] == "array" else ""
            yield from _section(f"{path}.{name}{mark}", {**inner, "description": field["description"]})


def _rules_of(node: dict[str, Any]) -> Iterator[str]:
    """The messages of an object's rules and of its fields' rules."""
    messages = [(rule.get("fieldPath", ""), rule["message"]) for rule in node.get("x-kubernetes-validations", ())]
    for name, field in node.get("properties", {}).items():
        for holder, mark in ((field, ""), (field.get("items", {}), "[]")):
            if "properties" in holder:
                continue
            messages += [(f".{name}{mark}", rule["message"]) for rule in holder.get("x-kubernetes-validations", ())]
    if messages:
        yield "The API server rejects values that break these rules, with these messages:"
        yield ""
        for path, message in dict.fromkeys(messages):
            yield f"- {f'`{path[1:]}`: ' if path else ''}{_escaped(message)}"
        yield ""


def _type(field: dict[str, Any]) -> str:
    """The type, the bounds and the default of a field, if they are not obvious."""
    if field["type"] == "array":
        return f"list of {_type(field['items'])}, at most {field['maxItems']}{_default(field)}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}, at most {field['maxProperties']}"
    return f"{_plain_type(field)}{_default(field)}"


def _plain_type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if field.get("format") == "date-time":
        return "time"
    if "maximum" in field:
        return f"number {field['minimum']} to {field['maximum']}"
    if "maxLength" in field:
        return f"text, at most {field['maxLength']} characters"
    kind = field["type"]
    return str(_TYPES.get(kind, kind))


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    if default in (None, ""):
        return ""
    if isinstance(default, list):
        return f"; default `[{', '.join(default)}]`"
    return f"; default `{str(default).lower() if isinstance(default, bool) else default}`"


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")
