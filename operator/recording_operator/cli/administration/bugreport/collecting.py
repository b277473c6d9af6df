"""Collects the files of a bug report: objects, Events, logs, metrics, versions. Secrets are never requested."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from recording_operator import __version__
from recording_operator.api.names import API_VERSION
from recording_operator.cli.administration.bugreport.redaction import ReportRedaction
from recording_operator.cli.administration.checks.checked import missing_right
from recording_operator.cli.administration.checks.operator import settings_maps
from recording_operator.cli.administration.checks.server import server_version
from recording_operator.cli.administration.installation import PART_OF, SeveralOperatorsError, find_operator, pods_of
from recording_operator.cli.caller import Cluster
from recording_operator.cli.verb import explained
from recording_operator.kube.errors import Forbidden, KubeError
from recording_operator.kube.lease import LEASE_NAME
from recording_operator.kube.resources import (
    CRDS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    LOCATIONS,
    RECORDINGS,
    REPORTS,
    SINKS,
    SOURCES,
    ResourceKind,
)

_METRICS: Final = "operator/metrics/"
_MOST_LOG_BYTES: Final = 4 * 2**20
_PORTS: Final = ("metrics", "http")
_OUR_KINDS: Final[Mapping[str, tuple[ResourceKind, str]]] = {
    "recordings": (RECORDINGS, "Recording"),
    "recordingsources": (SOURCES, "RecordingSource"),
    "eventsinks": (SINKS, "EventSink"),
    "storagelocations": (LOCATIONS, "StorageLocation"),
    "storagereports": (REPORTS, "StorageReport"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedFile:
    """One file of the report, redacted."""

    path: str
    text: str


@dataclass(slots=True, kw_only=True)
class Collected:
    """What was found before it was redacted, and what was not."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By path."""
    listed: list[dict[str, Any]] = field(default_factory=list)
    """Objects that are not in the report. Their names and secrets may be in its texts."""
    documents: dict[str, Any] = field(default_factory=dict)
    """JSON without objects, by path."""
    texts: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Sentences about what is not in the report."""

    def files(self, redaction: ReportRedaction) -> list[CollectedFile]:
        """All files without secrets."""
        redaction.learn(one for found in (*self.objects.values(), self.listed) for one in found)
        for path, text in self.texts.items():
            if path.startswith(_METRICS):
                redaction.learn_labels(text)
        files = [
            CollectedFile(path=path, text=_document([redaction.manifest(one) for one in found]))
            for path, found in self.objects.items()
        ]
        files += [
            CollectedFile(path=path, text=_json(redaction.document(found))) for path, found in self.documents.items()
        ]
        files += [CollectedFile(path=path, text=redaction.text(text)) for path, text in self.texts.items()]
        missing = "".join(f"{line}\n" for line in self.missing) or "Nothing is missing.\n"
        return [*files, CollectedFile(path="missing.txt", text=redaction.text(missing))]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """What is collected."""

    namespace: str | None
    """None: all."""
    operator_namespace: str | None
    most_recordings: int
    log_lines: int


class Collector:
    """Collects one report with the rights of the caller."""

    def __init__(self, cluster: Cluster, options: CollectOptions) -> None:
        self._cluster = cluster
        self._options = options
        self._found = Collected()

    def collect(self) -> Collected:
        """Everything that the caller may see. Raises KubeError if the API server does not respond."""
        version = server_version(self._cluster)
        self._found.documents["versions.json"] = {"kubectl-recordings": __version__, "kubernetes": version}
        for name, (kind, singular) in _OUR_KINDS.items():
            self._objects(f"objects/{name}.json", partial(self._of_kind, kind, singular))
        self._objects("objects/events.json", self._events)
        self._objects("objects/customresourcedefinitions.json", self._definitions)
        self._operator()
        return self._found

    def _objects(self, path: str, read: Callable[[], Sequence[dict[str, Any]]]) -> None:
        try:
            self._found.objects[path] = list(read())
        except KubeError as error:
            self._miss(path, error)

    def _text(self, path: str, read: Callable[[], str]) -> None:
        try:
            self._found.texts[path] = read()
        except KubeError as error:
            self._miss(path, error)

    def _miss(self, path: str, error: KubeError) -> None:
        why = missing_right(error) if isinstance(error, Forbidden) else explained(error)
        self._found.missing.append(f"{path}: {why}")

    # Objects

    def _of_kind(self, kind: ResourceKind, singular: str) -> list[dict[str, Any]]:
        items = list(self._cluster.resources.list(kind, namespace=self._options.namespace))
        if kind is RECORDINGS and len(items) > self._options.most_recordings:
            most = self._options.most_recordings
            self._found.missing.append(
                f"objects/recordings.json: It contains {most} of {len(items)} Recordings: first those that are not "
                "Complete, then the newest."
            )
            self._found.listed += items
            items = sorted(items, key=_by_interest, reverse=True)[:most]
        return [{"apiVersion": API_VERSION, "kind": singular, **one} for one in items]

    def _events(self) -> list[dict[str, Any]]:
        selector = f"involvedObject.apiVersion={API_VERSION}"
        return list(self._cluster.resources.list(EVENTS, namespace=self._options.namespace, fields=selector))

    def _definitions(self) -> list[dict[str, Any]]:
        names = [f"{name}.recordings.dev" for name in _OUR_KINDS]
        return [_without_schema(self._cluster.resources.get(CRDS, name)) for name in names]

    # The operator

    def _operator(self) -> None:
        try:
            place = find_operator(self._cluster, self._options.operator_namespace)
        except Forbidden as error:
            self._miss("operator/", error)
            return
        except SeveralOperatorsError as error:
            self._found.missing.append(f"operator/: {error.message}")
            return
        if place is None:
            self._found.missing.append("operator/: No operator was found.")
            return
        namespace = place.namespace
        resources = self._cluster.resources
        self._objects(
            "operator/deployments.json",
            lambda: list(resources.list(DEPLOYMENTS, namespace=namespace, labels=PART_OF)),
        )
        self._objects("operator/lease.json", lambda: [resources.get(LEASES, LEASE_NAME, namespace=namespace)])
        self._objects("operator/settings.json", lambda: settings_maps(self._cluster, namespace))
        self._objects("operator/pods.json", lambda: pods_of(self._cluster, namespace))
        for pod in self._found.objects.get("operator/pods.json", ()):
            self._pod(namespace, pod)

    def _pod(self, namespace: str, pod: Mapping[str, Any]) -> None:
        name = pod["metadata"]["name"]
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"
        for container in pod["spec"].get("containers") or ():
            for suffix, previous in (("", "false"), (".previous", "true")):
                query: dict[str, str | int] = {
                    "container": container["name"],
                    "previous": previous,
                    "tailLines": self._options.log_lines,
                    "limitBytes": _MOST_LOG_BYTES,
                    "timestamps": "true",
                }
                if previous == "true" and not _has_restarted(pod, container["name"]):
                    continue
                file = f"operator/logs/{name}/{container['name']}{suffix}.log"
                self._text(file, partial(self._cluster.rest.text, f"{path}/log", query=query))
        port = _metrics_port(pod)
        if port is not None:
            self._text(f"{_METRICS}{name}.txt", lambda: self._cluster.rest.text(f"{path}:{port}/proxy/metrics"))


def _by_interest(recording: Mapping[str, Any]) -> tuple[bool, str]:
    phase = (recording.get("status") or {}).get("phase")
    return phase != "Complete", str(recording["metadata"].get("creationTimestamp"))


def _without_schema(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition without its schema, which is long; `check` compares it."""
    versions = [{**one, "schema": "left out"} for one in definition["spec"]["versions"]]
    return {**definition, "spec": {**definition["spec"], "versions": versions}}


def _has_restarted(pod: Mapping[str, Any], container: str) -> bool:
    statuses: Iterator[Mapping[str, Any]] = iter((pod.get("status") or {}).get("containerStatuses") or ())
    return any(one.get("name") == container and one.get("restartCount") for one in statuses)


def _metrics_port(pod: Mapping[str, Any]) -> int | None:
    ports = [port for container in pod["spec"].get("containers") or () for port in container.get("ports") or ()]
    for name in _PORTS:
        for port in ports:
            if port.get("name") == name:
                return int(port["containerPort"])
    return None


def _document(items: Sequence[Mapping[str, Any]]) -> str:
    return _json({"apiVersion": "v1", "kind": "List", "items": items})


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
