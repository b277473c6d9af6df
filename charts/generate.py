"""Write what the chart takes from the code: `PYTHONPATH=operator python charts/generate.py --write` (or `--check`).

files/crds/ is crds/ word for word; files/not-public.yaml holds the addresses that no source may have, for the
NetworkPolicy; values.schema.json joins charts/values_schema.py with the schema of the settings file. Its descriptions
are the comments of values.yaml and the docstrings of the settings.
"""

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv6Network, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, TypeAdapter
from pydantic.fields import FieldInfo

sys.path.insert(0, str(Path(__file__).resolve().parent))
from values_schema import VALUES

from recording_operator.api import crd
from recording_operator.api.generated import command_line
from recording_operator.egress.addresses import (
    NAT64,
    NEVER_AN_ENDPOINT,
    NOT_PUBLIC_IPV4,
    NOT_PUBLIC_IPV6,
    AnyNetwork,
)
from recording_operator.settings import Settings

CHART: Final = Path(__file__).resolve().parent / "recording-operator"
_CRDS: Final = "files/crds"
_COMMENT: Final = re.compile(r" *# (-- )?(.*)")
_KEY: Final = re.compile(r"( *)(\w+):")


def settings_schema(model: type[BaseModel] = Settings) -> dict[str, Any]:
    """The strict JSON schema of the settings file: every key that the operator reads, and no other."""
    texts = _attribute_docstrings(model)
    properties = {
        field.alias or name: {"description": texts.get(name) or _purpose(field), **_field(field)}
        for name, field in model.model_fields.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _attribute_docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """The text below each attribute of a class and of those that it extends, by attribute."""
    ours = [base for base in reversed(model.__mro__) if issubclass(base, BaseModel) and base is not BaseModel]
    return {name: text for base in ours for name, text in _own_docstrings(base).items()}


def _own_docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    source = ast.parse(textwrap.dedent(inspect.getsource(model)))
    body = next(node.body for node in source.body if isinstance(node, ast.ClassDef))
    return {
        attribute.target.id: text.value.value
        for attribute, text in pairwise(body)
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _purpose(field: FieldInfo) -> str:
    """The docstring of a part of the settings. Raises ValueError for an attribute that nothing describes."""
    model = field.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel) and model.__doc__):
        raise ValueError(f"Write a docstring below the attribute {field.alias} of the settings.")
    return model.__doc__.splitlines()[0]


def _field(field: FieldInfo) -> dict[str, Any]:
    if any(isinstance(extra, BeforeValidator) for extra in field.metadata):
        return {"type": ["string", "number"]}  # durations, sizes and rates: the operator reads them
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return settings_schema(field.annotation)
    return _without(TypeAdapter(field.annotation).json_schema(), unwanted=("format", "title"))


def described(schema: dict[str, Any], texts: Mapping[str, str], path: str = "") -> dict[str, Any]:
    """The schema with the description of each value. Raises KeyError for a value that has none."""
    if "properties" not in schema:
        return schema
    properties = {
        name: {"description": texts[f"{path}{name}"], **described(inner, texts, f"{path}{name}.")}
        for name, inner in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def descriptions(values: str) -> dict[str, str]:
    """What the comments of values.yaml (`# -- …`) say, by the path of the value below them, like `image.tag`."""
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in values.splitlines():
        if text := _COMMENT.match(line):
            comment = [text[2]] if text[1] else [*comment, text[2]]
        elif key := _KEY.match(line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                found[".".join(path)] = " ".join(comment)
            comment = []
        else:
            comment = []
    return found


def _without(schema: Any, *, unwanted: Sequence[str]) -> Any:
    if isinstance(schema, dict):
        return {key: _without(value, unwanted=unwanted) for key, value in schema.items() if key not in unwanted}
    return [_without(value, unwanted=unwanted) for value in schema] if isinstance(schema, list) else schema


def rendered() -> Iterator[tuple[str, str]]:
    """File name (within the chart) and text of everything that is generated."""
    for name, text in crd.rendered():
        yield f"{_CRDS}/{name}", text
    not_public = {
        "ipv4": [str(network) for network in NOT_PUBLIC_IPV4],
        "ipv6": [str(network) for network in NOT_PUBLIC_IPV6],
        "nat64": [str(_behind_nat64(network)) for network in NOT_PUBLIC_IPV4],
        # By the default networks of the API server: the metadata services within them.
        "metadata": {cidr: _metadata_within(cidr) for cidr in _api_server_cidrs() if _metadata_within(cidr)},
    }
    header = "# Generated from operator/recording_operator/egress/addresses.py by charts/generate.py; do not edit.\n"
    yield "files/not-public.yaml", header + yaml.safe_dump(not_public)
    texts = descriptions((CHART / "values.yaml").read_text(encoding="utf-8"))
    settings = {"description": texts["settings"], **settings_schema()}
    own = described(VALUES, texts)
    schema = {**own, "properties": {**own["properties"], "settings": settings}}
    yield "values.schema.json", json.dumps(schema, indent=2) + "\n"


def _behind_nat64(network: AnyNetwork) -> IPv6Network:
    return IPv6Network((int(NAT64.network_address) + int(network.network_address), 96 + network.prefixlen))


def _api_server_cidrs() -> list[str]:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    return list(values["networkPolicy"]["apiServer"]["cidrs"])


def _metadata_within(cidr: str) -> list[str]:
    outer = ip_network(cidr)
    same = [network for network in NEVER_AN_ENDPOINT if network.version == outer.version]
    return [str(network) for network in same if network != outer and network.subnet_of(outer)]  # type: ignore[arg-type]


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; returns the exit status."""
    files = [(CHART / name, text) for name, text in rendered()]
    found = (CHART / _CRDS).glob("*")
    return command_line(files, arguments, prog="python charts/generate.py", remedy="make chart", found=found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
