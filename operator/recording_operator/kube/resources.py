"""Requests for objects of any kind, for programs that people call. Objects are plain dicts.

Every method raises KubeError (errors.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from recording_operator.api.names import API_VERSION
from recording_operator.kube.errors import Gone, Invalid, UnexpectedAnswer, error_from_response
from recording_operator.kube.rest import MERGE_PATCH, WATCH, StreamingRest

_PAGE: Final = 500
WATCH_S: Final = 60
"""The server ends a watch after this time, and the next one continues where it ended."""
_SILENCE_S: Final = 15
"""A watch that has not ended so long after its time is a broken connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceKind:
    """Where the objects of a kind are in the API."""

    api_version: str
    plural: str
    namespaced: bool = True

    def collection(self, namespace: str | None) -> str:
        """Path of all objects, or of those of a namespace."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        within = f"/namespaces/{_segment(namespace)}" if namespace and self.namespaced else ""
        return f"{root}{within}/{self.plural}"

    def path(self, namespace: str | None, name: str) -> str:
        """Path of one object."""
        return f"{self.collection(namespace)}/{_segment(name)}"


RECORDINGS: Final = ResourceKind(api_version=API_VERSION, plural="recordings")
LOCATIONS: Final = ResourceKind(api_version=API_VERSION, plural="storagelocations", namespaced=False)
REPORTS: Final = ResourceKind(api_version=API_VERSION, plural="storagereports", namespaced=False)
SOURCES: Final = ResourceKind(api_version=API_VERSION, plural="recordingsources")
SINKS: Final = ResourceKind(api_version=API_VERSION, plural="eventsinks")
SECRETS: Final = ResourceKind(api_version="v1", plural="secrets")
NAMESPACES: Final = ResourceKind(api_version="v1", plural="namespaces", namespaced=False)
PODS: Final = ResourceKind(api_version="v1", plural="pods")
EVENTS: Final = ResourceKind(api_version="v1", plural="events")
CONFIG_MAPS: Final = ResourceKind(api_version="v1", plural="configmaps")
SERVICES: Final = ResourceKind(api_version="v1", plural="services")
DEPLOYMENTS: Final = ResourceKind(api_version="apps/v1", plural="deployments")
LEASES: Final = ResourceKind(api_version="coordination.k8s.io/v1", plural="leases")
CRDS: Final = ResourceKind(api_version="apiextensions.k8s.io/v1", plural="customresourcedefinitions", namespaced=False)
ADMISSION_POLICIES: Final = ResourceKind(
    api_version="admissionregistration.k8s.io/v1", plural="validatingadmissionpolicies", namespaced=False
)
ADMISSION_BINDINGS: Final = ResourceKind(
    api_version="admissionregistration.k8s.io/v1", plural="validatingadmissionpolicybindings", namespaced=False
)


class ChangeType(StrEnum):
    """What a watch reports about an object. A deletion is also reported if it no longer matches the selectors."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    """Only the version is new, from which the next watch continues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChange:
    """A change that a watch has reported."""

    type: ChangeType
    object: dict[str, Any]

    @property
    def version(self) -> str:
        """The resourceVersion."""
        return str((self.object.get("metadata") or {}).get("resourceVersion") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSnapshot:
    """All objects at one moment, and the version from which a watch continues."""

    items: tuple[dict[str, Any], ...]
    version: str


class Resources:
    """Reads and writes objects."""

    def __init__(self, rest: StreamingRest) -> None:
        self._rest = rest

    def get(self, kind: ResourceKind, name: str, *, namespace: str | None = None) -> dict[str, Any]:
        """One object. Raises NotFound."""
        return self._rest.request("GET", kind.path(namespace, name))

    def list(
        self,
        kind: ResourceKind,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """All objects (of one namespace, if given) that match the selectors, page by page."""
        for page in self.pages(kind, namespace=namespace, labels=labels, fields=fields):
            yield from page.items

    def pages(
        self,
        kind: ResourceKind,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        page_size: int = _PAGE,
    ) -> Iterator[ObjectSnapshot]:
        """The same, page by page. Each is of one moment; a later page may be of a later one."""
        query: dict[str, str | int] = {"limit": page_size, **_selectors(labels, fields)}
        while True:
            try:
                page = self._rest.request("GET", kind.collection(namespace), query=query)
            except Gone as gone:
                # The token has expired: the server returns another one, which continues with the newest state.
                query["continue"] = gone.continue_token or ""
                continue
            metadata = page.get("metadata") or {}
            yield ObjectSnapshot(
                items=tuple(page.get("items") or ()), version=str(metadata.get("resourceVersion") or "")
            )
            token = metadata.get("continue")
            if not token:
                return
            query["continue"] = token

    def snapshot(
        self,
        kind: ResourceKind,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> ObjectSnapshot:
        """All objects that match the selectors, all of the same moment, with the version to watch from."""
        query: dict[str, str | int] = {"limit": _PAGE, **_selectors(labels, fields)}
        items: list[dict[str, Any]] = []
        while True:
            try:
                page = self._rest.request("GET", kind.collection(namespace), query=query)
            except Gone:
                # A list that continues with the newest state would not be of one moment: read all of it at once.
                query, items = dict(_selectors(labels, fields)), []
                continue
            items += page.get("items") or ()
            metadata = page.get("metadata") or {}
            token = metadata.get("continue")
            if not token:
                return ObjectSnapshot(items=tuple(items), version=str(metadata.get("resourceVersion") or ""))
            query["continue"] = token

    def watch(
        self,
        kind: ResourceKind,
        *,
        version: str,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        duration_s: int = WATCH_S,
    ) -> Iterator[ObjectChange]:
        """The changes after `version`, bookmarks included, until the server ends the watch after `duration_s`.

        Raises Gone if the version is too old; ApiUnavailable if the connection breaks.
        """
        path = kind.collection(namespace)
        query: dict[str, str | int] = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": duration_s,
            **_selectors(labels, fields),
        }
        for line in self._rest.stream(path, query=query, read_timeout_s=duration_s + _SILENCE_S):
            yield _change(line, request=f"{WATCH} {path}")

    def create(
        self,
        kind: ResourceKind,
        body: Mapping[str, Any],
        *,
        namespace: str | None = None,
        dry_run: bool = False,
        is_strict: bool = False,
    ) -> dict[str, Any]:
        """Create an object; with `dry_run`, only let the server check it. Raises AlreadyExists, Invalid.

        `is_strict`: fields that the server does not know are an error. Otherwise it ignores them.
        """
        query = {**_dry_run(dry_run), **({"fieldValidation": "Strict"} if is_strict else {})}
        return self._rest.request("POST", kind.collection(namespace), body=body, query=query)

    def patch(
        self,
        kind: ResourceKind,
        name: str,
        change: Mapping[str, Any],
        *,
        namespace: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Merge `change` into an object. With metadata.resourceVersion in it, only into that state of the object.

        Raises NotFound, Conflict, Invalid.
        """
        path = kind.path(namespace, name)
        return self._rest.request("PATCH", path, body=change, content_type=MERGE_PATCH, query=_dry_run(dry_run))

    def delete(
        self, kind: ResourceKind, name: str, *, uid: str, version: str | None = None, namespace: str | None = None
    ) -> None:
        """Delete exactly this object; with `version`, only in that state. Raises NotFound, Conflict."""
        conditions = {"uid": uid, **({"resourceVersion": version} if version else {})}
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": conditions}
        self._rest.request("DELETE", kind.path(namespace, name), body=options)


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    return {**({"labelSelector": labels} if labels else {}), **({"fieldSelector": fields} if fields else {})}


def _change(line: Mapping[str, Any], *, request: str) -> ObjectChange:
    kind, found = line.get("type"), line.get("object") or {}
    if kind == "ERROR":
        raise error_from_response(status=int(found.get("code") or 0), body=found, retry_after=None, request=request)
    if kind not in tuple(ChangeType):
        raise UnexpectedAnswer(f"{request}: the watch has reported an unknown type of change")
    return ObjectChange(type=ChangeType(kind), object=dict(found))


def _dry_run(wanted: bool) -> dict[str, str]:
    return {"dryRun": "All"} if wanted else {}


def _segment(name: str) -> str:
    """Quote a path segment. An empty one, or one of dots, would name another resource. Raises Invalid."""
    if name in {"", ".", ".."}:
        raise Invalid("A name that is empty or consists of dots cannot be requested.")
    return quote(name, safe="")
