"""Lists StorageLocations and shows one, for `location list` and `location status`."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from recording_operator.api.names import API_VERSION, STORAGE_LOCATION_KIND
from recording_operator.api.units import format_bytes
from recording_operator.capabilities import capability_lines
from recording_operator.cli.administration.checks.objects import ready_condition
from recording_operator.cli.administration.installation import SeveralOperatorsError, secrets_namespace
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.screen.formats import as_list, without_managed_fields, write_document
from recording_operator.cli.screen.text import clean, table
from recording_operator.cli.verb import explained, note
from recording_operator.kube.errors import KubeError, NotFound
from recording_operator.kube.resources import LOCATIONS, SECRETS
from recording_operator.times import age, relative

_COLUMNS: Final = ("NAME", "READY", "REASON", "STORE", "QUOTAS", "ORPHANS", "CHECKED", "AGE")
_WIDE_COLUMNS: Final = (*_COLUMNS, "WEIGHT", "ENDPOINT", "LIFECYCLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationListRequest:
    """The command line of `location list`."""

    cluster: ClusterOptions
    selector: str | None
    output: str
    no_headers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationStatusRequest:
    """The command line of `location status`."""

    cluster: ClusterOptions
    name: str
    operator_namespace: str | None
    output: str


def list_locations(request: LocationListRequest) -> None:
    """Print the StorageLocations. Raises KubeError."""
    with open_cluster(request.cluster) as cluster:
        found = sorted(
            cluster.resources.list(LOCATIONS, labels=request.selector), key=lambda one: str(one["metadata"]["name"])
        )
        now = cluster.now
    if request.output in {"json", "yaml"}:
        write_document(as_list(found, api_version=API_VERSION, kind=STORAGE_LOCATION_KIND), request.output)
    elif request.output == "name":
        sys.stdout.write("".join(f"storagelocation.recordings.dev/{one['metadata']['name']}\n" for one in found))
    elif found:
        wide = request.output == "wide"
        headers = _WIDE_COLUMNS if wide else _COLUMNS
        rows = [[*_cells(one, now=now), *(_wide_cells(one) if wide else ())] for one in found]
        sys.stdout.write(table(() if request.no_headers else headers, rows))
    else:
        note("There are no StorageLocations.")


def show_location(request: LocationStatusRequest) -> None:
    """Print one StorageLocation. Raises KubeError."""
    with open_cluster(request.cluster) as cluster:
        found = cluster.resources.get(LOCATIONS, request.name)
        if request.output != "text":
            write_document(without_managed_fields(found), request.output)
            return
        sections = list(_sections(cluster, found, request.operator_namespace))
    for title, lines in sections:
        if lines:
            sys.stdout.write(f"{title}\n" + "".join(f"  {clean(line)}\n" for line in lines))


def store_address(manifest: Mapping[str, Any]) -> str:
    """Bucket and prefix, or directory."""
    spec = manifest["spec"]
    s3, directory = spec.get("s3"), spec.get("filesystem") or {}
    if s3:
        return f"s3://{s3['bucket']}/{s3.get('prefix', '')}"
    return f"file://{directory.get('path', '')}/{directory.get('prefix', '')}"


def _cells(manifest: Mapping[str, Any], *, now: datetime) -> list[str]:
    status, ready = manifest.get("status") or {}, ready_condition(manifest)
    orphans = status.get("orphans")
    return [
        manifest["metadata"]["name"],
        str(ready.get("status") or ""),
        str(ready.get("reason") or ""),
        store_address(manifest),
        _quotas_cell(status),
        format_bytes(orphans["bytes"]) if orphans else "",
        relative(status.get("lastProbeTime"), now=now),
        age(manifest["metadata"].get("creationTimestamp"), now=now),
    ]


def _wide_cells(manifest: Mapping[str, Any]) -> list[str]:
    spec, status = manifest["spec"], manifest.get("status") or {}
    conditions = {one["type"]: one.get("reason") for one in status.get("conditions") or ()}
    return [
        str((spec.get("placement") or {}).get("weight", 0)),
        str((spec.get("s3") or {}).get("endpoint") or ""),
        str(conditions.get("LifecycleApplied") or ""),
    ]


def _quotas_cell(status: Mapping[str, Any]) -> str:
    quotas = status.get("quotas") or ()
    if not quotas:
        return ""
    fullest = max(int(one.get("usedPercent") or 0) for one in quotas)
    exceeded = sum(1 for one in quotas if one.get("exceeded"))
    return f"{fullest}%" + (f" ({exceeded} of {len(quotas)} full)" if exceeded else "")


# One location


def _sections(
    cluster: Cluster, manifest: Mapping[str, Any], operator_namespace: str | None
) -> Iterator[tuple[str, list[str]]]:
    spec, status = manifest["spec"], manifest.get("status") or {}
    yield manifest["metadata"]["name"], list(_overview(manifest, cluster))
    yield "Conditions", [_condition_line(one, cluster) for one in status.get("conditions") or ()]
    lines = capability_lines(status.get("capabilities") or {})
    yield "Capabilities", table((), lines).splitlines() if lines else []
    yield "Lifecycle", _lifecycle(spec.get("lifecycle"), status.get("lifecycle"), cluster)
    yield "Quotas", [_quota_line(one, status) for one in spec.get("quotas") or ()]
    yield "Credentials", list(_credentials(cluster, spec, operator_namespace))


def _overview(manifest: Mapping[str, Any], cluster: Cluster) -> Iterator[str]:
    spec, status = manifest["spec"], manifest.get("status") or {}
    yield f"Store:        {store_address(manifest)}"
    if endpoint := (spec.get("s3") or {}).get("endpoint"):
        yield f"Endpoint:     {endpoint}"
    yield f"Namespaces:   {_namespaces(spec.get('allowedNamespaces') or {})}"
    yield f"Weight:       {(spec.get('placement') or {}).get('weight', 0)}"
    yield f"Checked:      {relative(status.get('lastProbeTime'), now=cluster.now) or 'not yet'}"
    if orphans := status.get("orphans"):
        counted = relative(orphans["countedTime"], now=cluster.now)
        yield f"Orphans:      {orphans['objects']} objects, {format_bytes(orphans['bytes'])}, counted {counted}"
    seen, newest = status.get("observedGeneration", 0), manifest["metadata"].get("generation", 0)
    if seen < newest:
        yield f"Behind:       the operator has seen generation {seen} of {newest} of the spec"


def _namespaces(allowed: Mapping[str, Any]) -> str:
    names = ", ".join(allowed.get("names") or ())
    selector = "those that a selector matches" if allowed.get("selector") else ""
    return " and ".join(part for part in (names, selector) if part) or "none, so it cannot be used"


def _condition_line(condition: Mapping[str, Any], cluster: Cluster) -> str:
    since = age(condition.get("lastTransitionTime"), now=cluster.now)
    return f"{condition['type']} is {condition['status']} since {since}. {condition['reason']}: {condition['message']}"


def _lifecycle(rules: Any, applied: Mapping[str, Any] | None, cluster: Cluster) -> list[str]:
    if not rules:
        return ["There are no rules: objects stay as they are."]
    if not applied:
        return ["The rules are not carried out yet."]
    by = "the bucket" if applied.get("enforcedBy") == "Bucket" else "the operator"
    since = age(applied["appliedTime"], now=cluster.now)
    return [f"{applied.get('rules', 0)} rules are carried out by {by}, since {since}."]


def _quota_line(quota: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    who = f"organisation {quota['org']}" if quota.get("org") else f"namespace {quota.get('namespace')}"
    same = ("org", "namespace")
    used: Mapping[str, Any] = next(
        (one for one in status.get("quotas") or () if all(one.get(key, "") == quota.get(key, "") for key in same)), {}
    )
    parts = (
        [f"{format_bytes(int(used.get('bytes') or 0))} of {quota['bytes']}"] if quota.get("bytes") is not None else []
    )
    if quota.get("recordings") is not None:
        parts.append(f"{used.get('recordings', 0)} of {quota['recordings']} recordings")
    waiting = f", {used['waiting']} wait" if used.get("waiting") else ""
    return (
        f"{who}: {', '.join(parts)} ({used.get('usedPercent', 0)}%{', full' if used.get('exceeded') else ''}){waiting}"
    )


def _credentials(cluster: Cluster, spec: Mapping[str, Any], operator_namespace: str | None) -> Iterator[str]:
    s3 = spec.get("s3")
    if s3 is None:
        yield "A directory needs none."
        return
    given = s3.get("credentials") or {}
    role = given.get("assumeRole")
    if role:
        yield f"The role {role.get('roleArn')} is assumed."
    name = (role or given).get("secretName")
    if not name:
        yield "The identity of the operator's pod is used."
        return
    try:
        namespace = secrets_namespace(cluster, operator_namespace)
        data = cluster.resources.get(SECRETS, name, namespace=namespace).get("data") or {}
    except NotFound:
        yield f"Secret {namespace}/{name} does not exist. Create it."
        return
    except SeveralOperatorsError as error:
        yield f"Secret {name} was not checked. {error.message}"
        return
    except KubeError as error:
        yield f"Secret {name} was not checked. {explained(error)}"
        return
    needed = [key for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if key not in data]
    yield f"Secret {namespace}/{name} " + (f"has no key {', '.join(needed)}." if needed else "has both keys.")
