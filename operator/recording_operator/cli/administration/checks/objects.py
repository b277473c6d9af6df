"""Checks of StorageLocations, RecordingSources, EventSinks, StorageReports and Recordings, by their status."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from recording_operator.cli.administration.checks.checked import Checked, failed, ok, warning
from recording_operator.cli.caller import Cluster
from recording_operator.cli.recordings.last_write import last_status_write
from recording_operator.kube.resources import LOCATIONS, RECORDINGS, REPORTS, SINKS, SOURCES, ResourceKind
from recording_operator.times import age, parse_time

_OVERDUE: Final = timedelta(minutes=15)
_LONGEST_SILENCE: Final = {"Uploading": timedelta(hours=1), "Pending": timedelta(days=1)}
"""While bytes are sent the status is written often. What waits may wait for others, but not for days."""
_RECENT: Final = timedelta(days=1)
_MOST_REASONS: Final = 3
_KINDS: Final[Mapping[str, ResourceKind]] = {"location": LOCATIONS, "source": SOURCES, "sink": SINKS}
_PLURALS: Final = {"location": "StorageLocations", "source": "RecordingSources", "sink": "EventSinks"}


def ready_condition(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition Ready of an object; empty if there is none."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    found: Mapping[str, Any] = next((one for one in conditions if one.get("type") == "Ready"), {})
    return found


def check_locations(cluster: Cluster) -> Iterator[Checked]:
    """One line for each StorageLocation."""
    found = list(cluster.resources.list(LOCATIONS))
    if not found:
        yield warning("locations", "There is no StorageLocation, so nothing can be stored. Create one.")
    for one in found:
        yield _by_condition(f"location {one['metadata']['name']}", one, ready="It can be written to.")


def check_sources(cluster: Cluster, *, namespace: str | None) -> Iterator[Checked]:
    """One line for each RecordingSource that is not Ready, or one for all."""
    yield from _check_kind(cluster, "source", namespace)


def check_sinks(cluster: Cluster, *, namespace: str | None) -> Iterator[Checked]:
    """One line for each EventSink that is not Ready, or one for all."""
    yield from _check_kind(cluster, "sink", namespace)


def _check_kind(cluster: Cluster, kind: str, namespace: str | None) -> Iterator[Checked]:
    plural, where = _PLURALS[kind], f"namespace {namespace}" if namespace else "the cluster"
    found = list(cluster.resources.list(_KINDS[kind], namespace=namespace))
    checked = [_of_namespaced(kind, one, namespace) for one in found]
    bad = [one for one in checked if one.state != "ok"]
    yield from bad
    if not found:
        yield ok(f"{kind}s", f"There are no {plural} in {where}.")
    elif len(found) > len(bad):
        yield ok(f"{kind}s", f"{len(found) - len(bad)} of {len(found)} {plural} in {where} are Ready.")


def _of_namespaced(kind: str, manifest: Mapping[str, Any], namespace: str | None) -> Checked:
    metadata = manifest["metadata"]
    name = f"{kind} {metadata['name']}" if namespace else f"{kind} {metadata['namespace']}/{metadata['name']}"
    if (manifest.get("spec") or {}).get("suspend"):
        return warning(name, "It is suspended. Set spec.suspend to false to continue.")
    return _by_condition(name, manifest, ready="It is Ready.")


def _by_condition(name: str, manifest: Mapping[str, Any], *, ready: str) -> Checked:
    condition = ready_condition(manifest)
    if not condition or condition.get("status") == "Unknown":
        return warning(name, "The operator has not checked it yet.")
    if condition.get("status") == "True":
        if condition.get("observedGeneration", 0) < manifest["metadata"].get("generation", 0):
            return warning(name, "The operator has not checked its newest spec yet.")
        return ok(name, ready)
    return failed(name, f"{condition.get('reason')}: {condition.get('message')}")


def check_reports(cluster: Cluster) -> Iterator[Checked]:
    """One line for each StorageReport that is not fresh, or one for all."""
    found = list(cluster.resources.list(REPORTS))
    checked = [_report(one, cluster) for one in found]
    bad = [one for one in checked if one.state != "ok"]
    yield from bad
    if not found:
        yield ok("reports", "There are no StorageReports.")
    elif len(found) > len(bad):
        yield ok("reports", f"{len(found) - len(bad)} of {len(found)} StorageReports are fresh.")


def _report(manifest: Mapping[str, Any], cluster: Cluster) -> Checked:
    name, status = f"report {manifest['metadata']['name']}", manifest.get("status") or {}
    if (manifest.get("spec") or {}).get("suspend"):
        return warning(name, "It is suspended.")
    checked = _by_condition(name, manifest, ready="It is fresh.")
    due = parse_time(status.get("nextRefreshTime"))
    if checked.state == "ok" and due is not None and cluster.now - due > _OVERDUE:
        return warning(name, f"Its refresh is overdue since {age(status['nextRefreshTime'], now=cluster.now)}.")
    return checked


def check_recordings(cluster: Cluster, *, namespace: str | None) -> Iterator[Checked]:
    """How many Recordings failed in the last day, and how many are stuck."""
    items = cluster.resources.list(RECORDINGS, namespace=namespace, fields="status.phase!=Complete")
    reasons: Counter[str] = Counter()
    stuck: list[str] = []
    unfinished = 0
    for one in items:
        status = one.get("status") or {}
        if status.get("phase") == "Failed":
            at = parse_time(status.get("completedAt"))
            if at is not None and cluster.now - at < _RECENT:
                reasons[str(status.get("reason") or "no reason")] += 1
            continue
        unfinished += 1
        if _is_stuck(one, cluster):
            stuck.append(f"{one['metadata']['namespace']}/{one['metadata']['name']}")
    if reasons:
        named = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common(_MOST_REASONS))
        yield warning("recordings failed", f"{reasons.total()} failed in the last day ({named}).")
    if stuck:
        more = f" and {len(stuck) - _MOST_REASONS} more" if len(stuck) > _MOST_REASONS else ""
        yield warning("recordings stuck", f"{len(stuck)} do not continue: {', '.join(stuck[:_MOST_REASONS])}{more}.")
    if not reasons and not stuck:
        yield ok("recordings", f"None failed in the last day and none is stuck; {unfinished} are not finished.")


def _is_stuck(manifest: Mapping[str, Any], cluster: Cluster) -> bool:
    """Whether only a person can continue it, or its next attempt is overdue, or the operator is silent."""
    status = manifest.get("status") or {}
    if any(one["type"] == "Stalled" and one["status"] == "True" for one in status.get("conditions") or ()):
        return True
    since = status.get("nextRetryTime") if status else manifest["metadata"].get("creationTimestamp")
    due = parse_time(since)
    if due is not None:
        return cluster.now - due > _OVERDUE
    if (manifest.get("spec") or {}).get("suspend"):
        return False
    written, longest = _last_change(manifest), _LONGEST_SILENCE.get(str(status.get("phase")))
    return written is not None and longest is not None and cluster.now - written > longest


def _last_change(manifest: Mapping[str, Any]) -> datetime | None:
    """When it was created, its status was last written, or a condition changed."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    changes = [parse_time(one.get("lastTransitionTime")) for one in conditions]
    metadata = manifest["metadata"]
    times = [parse_time(metadata.get("creationTimestamp")), last_status_write(metadata), *changes]
    return max((time for time in times if time is not None), default=None)
