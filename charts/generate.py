"""Write what the chart takes from the code: `PYTHONPATH=operator python charts/generate.py --write` (or `--check`).

files/crds/ is crds/ word for word; files/not-public.yaml holds the addresses that no source may have, for the
NetworkPolicy; values.schema.json joins charts/values_schema.py with the schema of the settings file.
"""

import argparse
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


def differing() -> list[str]:
    """Names of the files that are missing, not as generated, or not generated at all."""
    wanted = dict(rendered())
    there = {str(path.relative_to(CHART)) for path in (CHART / _CRDS).glob("*")} | set(wanted)
    return sorted(name for name in there if wanted.get(name) != _text(CHART / name))


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python charts/generate.py", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the files into the chart")
    action.add_argument("--check", action="store_true", help="fail if the chart's files differ")
    if parser.parse_args(arguments).check:
        stale = differing()
        if stale:
            sys.stderr.write(f"Not as the code says: {', '.join(stale)}. Run `make chart`.\n")
        return 1 if stale else 0
    for name, text in rendered():
        (CHART / name).parent.mkdir(parents=True, exist_ok=True)
        (CHART / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
