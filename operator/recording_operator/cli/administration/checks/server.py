"""Checks of the API server, this machine's clock, and the rights of the caller."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from recording_operator.api.names import (
    EVENT_SINK_PLURAL,
    GROUP,
    RECORDING_PLURAL,
    RECORDING_SOURCE_PLURAL,
    STORAGE_LOCATION_PLURAL,
    STORAGE_REPORT_PLURAL,
)
from recording_operator.cli.administration.checks.checked import Checked, failed, ok, warning
from recording_operator.cli.caller import Cluster
from recording_operator.kube.readiness import Right, is_allowed

OLDEST_MINOR: Final = 32
"""The oldest Kubernetes is 1.32, as in the chart: older ones ignore rules of the CRDs."""
_CLOCK_WARNING: Final = timedelta(seconds=30)
_CLOCK_FAILED: Final = timedelta(minutes=15)
"""S3 rejects requests that are signed with a time further away."""
_NUMBER: Final = re.compile(r"\d+")


def check_api_server(cluster: Cluster) -> Iterator[Checked]:
    """Whether the version of the API server is supported."""
    version = server_version(cluster)
    text = str(version.get("gitVersion") or "of an unknown version")
    minor = _NUMBER.match(str(version.get("minor") or ""))
    if minor is None or (version.get("major") == "1" and int(minor[0]) < OLDEST_MINOR):
        yield failed("api-server", f"Kubernetes is {text}, expected 1.{OLDEST_MINOR} or newer. Upgrade the cluster.")
    else:
        yield ok("api-server", f"Kubernetes is {text}; 1.{OLDEST_MINOR} and newer are supported.")


def server_version(cluster: Cluster) -> dict[str, Any]:
    """What the API server says about itself. Raises KubeError."""
    return cluster.rest.request("GET", "/version")


def check_clock(cluster: Cluster) -> Iterator[Checked]:
    """Whether this machine and the API server have the same time."""
    offset = cluster.clock_offset
    if offset is None:
        yield warning("clock", "The API server sends no time to compare this machine's with.")
    elif abs(offset) < _CLOCK_WARNING:
        yield ok("clock", "This machine and the API server have the same time.")
    else:
        way = "behind" if offset > timedelta(0) else "ahead of"
        seconds = round(abs(offset).total_seconds())
        report = failed if abs(offset) >= _CLOCK_FAILED else warning
        yield report(
            "clock",
            f"The clock of this machine is {seconds} s {way} that of the API server. Correct the one that is wrong.",
        )


def check_rights(cluster: Cluster) -> Iterator[Checked]:
    """What the caller may do. It is no failure if that is little."""
    may: list[str] = []
    may_not: list[str] = []
    for words, right in _everyday_rights(cluster.namespace).items():
        (may if is_allowed(cluster.rest, right) else may_not).append(words)
    where = f"In namespace {cluster.namespace}"
    sentences = [f"{where} you may {', '.join(may)}." if may else f"{where} you may do nothing with recordings."]
    if may and may_not:
        sentences.append(f"You may not {', '.join(may_not)}.")
    yield ok("rights", " ".join(sentences))


def _everyday_rights(namespace: str) -> dict[str, Right]:
    recordings = {
        f"{verb} Recordings": Right(verb=verb, group=GROUP, resource=RECORDING_PLURAL, namespace=namespace)
        for verb in ("list", "create", "patch", "delete")
    }
    return {
        **recordings,
        "create Secrets": Right(verb="create", group="", resource="secrets", namespace=namespace),
        "list Events": Right(verb="list", group="", resource="events", namespace=namespace),
        "list RecordingSources": Right(verb="list", group=GROUP, resource=RECORDING_SOURCE_PLURAL, namespace=namespace),
        "list EventSinks": Right(verb="list", group=GROUP, resource=EVENT_SINK_PLURAL, namespace=namespace),
        "list StorageLocations": Right(verb="list", group=GROUP, resource=STORAGE_LOCATION_PLURAL),
        "list StorageReports": Right(verb="list", group=GROUP, resource=STORAGE_REPORT_PLURAL),
    }
