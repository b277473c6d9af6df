"""Checks of the CustomResourceDefinitions: whether they are served, and have the fields that this program knows."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from recording_operator import __version__
from recording_operator.api.crd import RESOURCES, Resource, crd
from recording_operator.api.names import API_VERSION, VERSION
from recording_operator.cli.administration.checks.checked import (
    Checked,
    failed,
    missing_right,
    not_checked,
    ok,
    warning,
)
from recording_operator.cli.caller import Cluster
from recording_operator.kube.errors import Forbidden, NotFound
from recording_operator.kube.resources import CRDS

_MOST_NAMED: Final = 5
_REMEDY: Final = "Apply the CRDs of this version (kubectl apply --server-side -f crds/, or helm upgrade)."
_TEXTS: Final = frozenset({"description", "title", "properties", "items", "additionalProperties"})


def check_definitions(cluster: Cluster) -> Iterator[Checked]:
    """One line for each kind."""
    served = _served(cluster)
    for resource in RESOURCES:
        name = f"crd {resource.plural}"
        if resource.plural not in served:
            yield failed(name, f"The API server does not serve {resource.crd_name} ({VERSION}). {_REMEDY}")
            continue
        try:
            yield _compared(name, resource, cluster.resources.get(CRDS, resource.crd_name))
        except Forbidden as error:
            yield not_checked(name, f"It is served. Its fields were not compared: {missing_right(error)}")


def _served(cluster: Cluster) -> set[str]:
    try:
        found = cluster.rest.request("GET", f"/apis/{API_VERSION}").get("resources") or ()
    except NotFound:
        return set()
    return {str(one.get("name")) for one in found}


def _compared(name: str, resource: Resource, installed: Mapping[str, Any]) -> Checked:
    conditions = {one["type"]: one["status"] for one in (installed.get("status") or {}).get("conditions") or ()}
    for kind in ("Established", "NamesAccepted"):
        if conditions.get(kind) != "True":
            return failed(name, f"Its condition {kind} is {conditions.get(kind, 'missing')}, expected True.")
    versions = {one["name"]: one for one in installed["spec"]["versions"]}
    differences = schema_differences(_schema(versions.get(VERSION, {})), _schema(crd(resource)["spec"]["versions"][0]))
    if differences.missing:
        return failed(
            name,
            f"It does not have {_listed(differences.missing)}, which version {__version__} of this program knows; the "
            f"API server drops them. {_REMEDY}",
        )
    if differences.unknown:
        return warning(
            name,
            f"It has {_listed(differences.unknown)}, which version {__version__} of this program does not know. "
            "Use a newer version of this program.",
        )
    if differences.other:
        return warning(
            name, f"The rules for {_listed(differences.other)} are not those of version {__version__} of this program."
        )
    return ok(name, f"It is served, with the fields of version {__version__}.")


class SchemaDifferences:
    """Paths of fields: missing in the cluster, unknown to this program, and with another type or other rules."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.unknown: list[str] = []
        self.other: list[str] = []


def schema_differences(installed: Mapping[str, Any], own: Mapping[str, Any]) -> SchemaDifferences:
    """Compare two schemas by their fields. Descriptions are not compared."""
    found = SchemaDifferences()
    _compare(installed, own, "", found)
    return found


def _compare(installed: Mapping[str, Any], own: Mapping[str, Any], path: str, found: SchemaDifferences) -> None:
    theirs, ours = installed.get("properties") or {}, own.get("properties") or {}
    found.missing += [_joined(path, name) for name in ours if name not in theirs]
    found.unknown += [_joined(path, name) for name in theirs if name not in ours]
    for name in ours:
        if name in theirs:
            _compare(theirs[name], ours[name], _joined(path, name), found)
    for key, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(installed.get(key), Mapping) and isinstance(own.get(key), Mapping):
            _compare(installed[key], own[key], f"{path}{suffix}", found)
    if _rules(installed) != _rules(own):
        found.other.append(path or "the whole object")


def _rules(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in _TEXTS}


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _schema(version: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return schema


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:_MOST_NAMED])
    rest = len(paths) - _MOST_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
