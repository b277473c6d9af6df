"""Write the CRDs from the models: `python -m recording_operator.api.crd --write crds/` (or `--check crds/`).

The models are the only source of the schemas; a test fails when `crds/` differs from what this module writes.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from recording_operator.api import names
from recording_operator.api.columns import (
    EVENT_SINK_COLUMNS,
    RECORDING_COLUMNS,
    RECORDING_SOURCE_COLUMNS,
    STORAGE_LOCATION_COLUMNS,
    STORAGE_REPORT_COLUMNS,
    Column,
)
from recording_operator.api.eventsink import EventSink
from recording_operator.api.meta import ApiModel
from recording_operator.api.recording import Recording
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.api.schema import structural_schema
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport


class _Dumper(yaml.SafeDumper):
    """Writes no anchors and aliases, because several tools of Kubernetes do not support them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        """Never use aliases."""
        return True


_HEADER: Final = "# Generated from the models in operator/recording_operator/api by `make crds`; do not edit.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of the API."""

    kind: str
    plural: str
    short_names: tuple[str, ...]
    scope: str
    model: type[ApiModel]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()

    @property
    def crd_name(self) -> str:
        """Name of the CustomResourceDefinition."""
        return f"{self.plural}.{names.GROUP}"


RESOURCES: Final = (
    Resource(
        kind=names.RECORDING_KIND,
        plural=names.RECORDING_PLURAL,
        short_names=("rec", "recs"),
        scope="Namespaced",
        model=Recording,
        columns=RECORDING_COLUMNS,
        selectable=(".status.phase", ".status.settled"),
    ),
    Resource(
        kind=names.STORAGE_LOCATION_KIND,
        plural=names.STORAGE_LOCATION_PLURAL,
        short_names=("sloc",),
        scope="Cluster",
        model=StorageLocation,
        columns=STORAGE_LOCATION_COLUMNS,
    ),
    Resource(
        kind=names.STORAGE_REPORT_KIND,
        plural=names.STORAGE_REPORT_PLURAL,
        short_names=("srep",),
        scope="Cluster",
        model=StorageReport,
        columns=STORAGE_REPORT_COLUMNS,
    ),
    Resource(
        kind=names.RECORDING_SOURCE_KIND,
        plural=names.RECORDING_SOURCE_PLURAL,
        short_names=("recsrc",),
        scope="Namespaced",
        model=RecordingSource,
        columns=RECORDING_SOURCE_COLUMNS,
    ),
    Resource(
        kind=names.EVENT_SINK_KIND,
        plural=names.EVENT_SINK_PLURAL,
        short_names=("esink",),
        scope="Namespaced",
        model=EventSink,
        columns=EVENT_SINK_COLUMNS,
    ),
)


def crd(resource: Resource) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    version: dict[str, Any] = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": structural_schema(resource.model)},
        "additionalPrinterColumns": [column.as_crd() for column in resource.columns],
    }
    if resource.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in resource.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.crd_name},
        "spec": {
            "group": names.GROUP,
            "scope": resource.scope,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "shortNames": list(resource.short_names),
                "categories": [names.CATEGORY],
            },
            "versions": [version],
        },
    }


def rendered() -> Iterator[tuple[str, str]]:
    """File name and text of every CustomResourceDefinition."""
    for resource in RESOURCES:
        text = yaml.dump(crd(resource), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
        yield f"{resource.crd_name}.yaml", _HEADER + text


def differing(folder: Path) -> list[str]:
    """Names of the files in `folder` that are missing, not as generated, or not generated at all."""
    wanted = dict(rendered())
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return sorted(name for name in wanted | present if wanted.get(name) != present.get(name))


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m recording_operator.api.crd", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", metavar="DIR", type=Path, help="write the CustomResourceDefinitions into DIR")
    action.add_argument("--check", metavar="DIR", type=Path, help="fail if DIR differs from what would be written")
    options = parser.parse_args(arguments)
    if options.check:
        stale = differing(options.check)
        if stale:
            sys.stderr.write(f"Not as the models say: {', '.join(stale)}. Run `make crds`.\n")
        return 1 if stale else 0
    options.write.mkdir(parents=True, exist_ok=True)
    for name, text in rendered():
        (options.write / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
