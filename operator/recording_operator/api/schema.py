"""Turn a pydantic model into the structural OpenAPI v3 schema that a CustomResourceDefinition needs.

Structural means: no `$ref`, no `anyOf` with null, no `title`; every node has a type.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from datetime import timedelta
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from recording_operator.api.meta import ApiModel
from recording_operator.api.units import format_duration

_API_VERSION: Final = "Version of the schema of this object: recordings.dev/v1alpha1."
_KIND: Final = "Kind of this object."
_ORDER: Final = (
    "description",
    "type",
    "format",
    "default",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "x-kubernetes-validations",
)
_DROPPED: Final = frozenset({"title", "$defs"})


class _Generator(GenerateJsonSchema):
    """Writes durations in defaults as the API does; pydantic would write ISO 8601."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return format_duration(dft)
        if isinstance(dft, tuple):
            return [self.encode_default(item) for item in dft]
        return super().encode_default(dft)


def structural_schema(model: type[ApiModel]) -> dict[str, Any]:
    """The `openAPIV3Schema` of a kind whose model has metadata, spec and status."""
    document = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    root = _structural(document, document.get("$defs", {}))
    root["properties"] = {
        "apiVersion": {"description": _API_VERSION, "type": "string"},
        "kind": {"description": _KIND, "type": "string"},
        "metadata": {"type": "object"},
        "spec": root["properties"]["spec"],
        "status": root["properties"]["status"],
    }
    root["required"] = ["spec"]
    return root


def _structural(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One node without references, nulls and titles; raises ValueError if it has no structural form."""
    node = _without_null(node)
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        return _structural({**target, **{key: value for key, value in node.items() if key != "$ref"}}, definitions)
    unknown = node.keys() - set(_ORDER) - _DROPPED
    if unknown:
        raise ValueError(f"no structural form for {', '.join(sorted(unknown))}")
    schema: dict[str, Any] = {key: node[key] for key in _ORDER if key in node}
    if schema.get("default", "") in ([], {}, None):
        del schema["default"]
    if "properties" in schema:
        schema["properties"] = {name: _structural(field, definitions) for name, field in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = _structural(schema[key], definitions)
    return schema


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """An optional field as the field itself: in Kubernetes a field is left out, not null."""
    if "anyOf" not in node:
        return node
    choices = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
    if len(choices) != 1:
        raise ValueError("a field must have one type")
    return {**choices[0], **{key: value for key, value in node.items() if key != "anyOf"}}
