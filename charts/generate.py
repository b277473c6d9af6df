"""Write what the chart takes from the code: `PYTHONPATH=operator python charts/generate.py --write` (or `--check`).

files/crds/ is crds/ word for word; files/not-public.yaml holds the addresses that no source may have, for the
NetworkPolicy; values.schema.json joins charts/values_schema.py with the schema of the settings file.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, TypeAdapter
from pydantic.fields import FieldInfo

sys.path.insert(0, str(Path(__file__).resolve().parent))
from values_schema import VALUES

from recording_operator.api import crd
from recording_operator.api.generated import command_line
from recording_operator.settings import Settings
from recording_operator.transfer.addresses import NOT_PUBLIC_IPV4, NOT_PUBLIC_IPV6

CHART: Final = Path(__file__).resolve().parent / "recording-operator"
_CRDS: Final = "files/crds"


def settings_schema(model: type[BaseModel] = Settings) -> dict[str, Any]:
    """The strict JSON schema of the settings file: every key that the operator reads, and no other."""
    properties = {field.alias or name: _field(field) for name, field in model.model_fields.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _field(field: FieldInfo) -> dict[str, Any]:
    if any(isinstance(extra, BeforeValidator) for extra in field.metadata):
        return {"type": ["string", "number"]}  # durations, sizes and rates: the operator reads them
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return settings_schema(field.annotation)
    return _without(TypeAdapter(field.annotation).json_schema(), unwanted=("format", "title"))


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
    }
    header = "# Generated from operator/recording_operator/transfer/addresses.py by charts/generate.py; do not edit.\n"
    yield "files/not-public.yaml", header + yaml.safe_dump(not_public)
    schema = {**VALUES, "properties": {**VALUES["properties"], "settings": settings_schema()}}
    yield "values.schema.json", json.dumps(schema, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; returns the exit status."""
    files = [(CHART / name, text) for name, text in rendered()]
    found = (CHART / _CRDS).glob("*")
    return command_line(files, arguments, prog="python charts/generate.py", remedy="make chart", found=found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
