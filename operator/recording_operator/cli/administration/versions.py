"""The versions of this program, the CRDs, the operator and the API server, for `version`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from recording_operator import __version__
from recording_operator.api.names import API_VERSION
from recording_operator.cli.administration.checks.checked import missing_right
from recording_operator.cli.administration.checks.definitions import check_definitions
from recording_operator.cli.administration.checks.server import server_version
from recording_operator.cli.administration.installation import (
    SeveralOperatorsError,
    find_operator,
    image_of,
    installed_in,
    version_of,
)
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.screen.text import clean
from recording_operator.kube.errors import Forbidden

_WIDTH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRequest:
    """The command line."""

    cluster: ClusterOptions
    operator_namespace: str | None
    client: bool
    output: str


def print_versions(request: VersionRequest) -> None:
    """Print the versions. Raises KubeError if the API server does not respond."""
    found = {"client": __version__}
    if not request.client:
        with open_cluster(request.cluster) as cluster:
            found["kubernetes"] = str(server_version(cluster).get("gitVersion") or "unknown")
            found["crds"] = _definitions(cluster)
            found |= dict(_installed(cluster, request.operator_namespace))
    if request.output == "json":
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return
    for name, text in found.items():
        sys.stdout.write(f"{name + ':':<{_WIDTH + 2}}{clean(text)}\n")


def _definitions(cluster: Cluster) -> str:
    """Whether the CRDs are those of this program; a CRD has no version of its own."""
    found = list(check_definitions(cluster))
    worse = [one for one in found if one.state != "ok"]
    if not worse:
        return f"{API_VERSION}, as of version {__version__}"
    return f"{API_VERSION}; {worse[0].name}: {worse[0].message}"


def _installed(cluster: Cluster, given: str | None) -> Iterator[tuple[str, str]]:
    try:
        place = find_operator(cluster, given)
        if place is None:
            yield "operator", "not found"
            return
        installed = installed_in(cluster, place.namespace)
    except Forbidden as error:
        yield "operator", f"unknown. {missing_right(error)}"
        return
    except SeveralOperatorsError as error:
        yield "operator", f"unknown. {error.message}"
        return
    for name, workloads in (("operator", installed.operator), ("receiver", installed.receiver)):
        for one in workloads:
            yield name, f"{version_of(one) or 'unknown'}, image {image_of(one)}"
    if not installed.operator:
        yield "operator", f"unknown: namespace {place.namespace} has no Deployment of the chart"
