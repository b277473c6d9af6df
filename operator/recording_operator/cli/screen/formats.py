"""The formats of `-o` for programs: json, yaml, name and csv."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recording_operator.cells import no_formula


def without_managed_fields(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """An object as `kubectl get -o yaml` shows it."""
    metadata = {key: value for key, value in (manifest.get("metadata") or {}).items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def as_list(items: Sequence[Mapping[str, Any]], *, api_version: str, kind: str) -> dict[str, Any]:
    """Objects of one kind as the List that kubectl prints. Items of a list of the API server do not name their kind."""
    shown = [{"apiVersion": api_version, "kind": kind, **without_managed_fields(item)} for item in items]
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": shown}


def write_document(document: Mapping[str, Any], output: str) -> None:
    """Write an object or a List to standard output, as `json` or `yaml`."""
    if output == "json":
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    import yaml  # noqa: PLC0415 - only for this format

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    yaml.dump(document, sys.stdout, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write comma-separated values to standard output. No cell is a formula for a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    if headers:
        writer.writerow(headers)
    writer.writerows([no_formula(cell) for cell in row] for row in rows)
    sys.stdout.write(text.getvalue())
