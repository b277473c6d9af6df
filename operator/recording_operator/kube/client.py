"""The operator's requests to the API server. Objects are plain dicts.

All methods are thread-safe, block for at most about 35 s, and raise KubeError (errors.py).
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from recording_operator.api.names import API_VERSION
from recording_operator.kube.errors import Gone, Invalid, NotFound
from recording_operator.kube.ownwrites import OwnWrites
from recording_operator.kube.rest import MERGE_PATCH, Rest

UNFINISHED: Final = "status.phase!=Complete,status.phase!=Failed"
_API: Final = f"/apis/{API_VERSION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretData:
    """A Secret. `repr` does not show its values."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    data: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryConfigMap:
    """The binary entries of a ConfigMap, decoded."""

    resource_version: str
    data: Mapping[str, bytes]


class KubeApi:
    """Requests for the operator's own kinds, Namespaces, Secrets and ConfigMaps."""

    def __init__(self, rest: Rest, *, own_writes: OwnWrites | None = None) -> None:
        """`own_writes` collects the version that each write of a Recording results in."""
        self._rest = rest
        self._own_writes = own_writes or OwnWrites()

    # Recordings

    def get_recording(self, namespace: str, name: str) -> dict[str, Any]:
        """The stored Recording. Raises NotFound."""
        return self._rest.request("GET", _recording(namespace, name))

    def list_recordings(
        self, *, field_selector: str | None = None, namespace: str | None = None, page_size: int = 200
    ) -> Iterator[dict[str, Any]]:
        """All Recordings (of one namespace, if given), page by page: only one page is in memory.

        If a list takes longer than the server keeps its history (about 5 minutes), it continues from the newest state.
        Objects that changed meanwhile may be returned in the old or the new state, or twice. No object that still
        exists is left out.
        """
        return self._pages(_collection("recordings", namespace), field_selector=field_selector, page_size=page_size)

    def create_recording(self, namespace: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create a Recording; with `dry_run`, only check it. Raises AlreadyExists, NotFound (no namespace), Invalid."""
        query = {"dryRun": "All"} if dry_run else {}
        return self._rest.request("POST", f"{_API}/namespaces/{_segment(namespace)}/recordings", body=body, query=query)

    def patch_recording_status(
        self, namespace: str, name: str, *, resource_version: str, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Merge `status` into the stored one if the object still has `resource_version`. Returns the new object.

        This is a merge patch: missing keys are kept, None removes a key, lists are replaced (`merge_patch_between`
        creates one). The resourceVersion prevents writes based on an outdated state, or by a second operator.
        Raises Conflict if the object has changed since, NotFound if it was deleted.
        """
        return self._written(self._patch_status(_recording(namespace, name), resource_version, status))

    def patch_recording_finalizers(
        self, namespace: str, name: str, *, resource_version: str, finalizers: Sequence[str]
    ) -> dict[str, Any]:
        """Replace the finalizers if the object still has `resource_version`. Raises Conflict, NotFound."""
        metadata = {"resourceVersion": resource_version, "finalizers": list(finalizers)}
        path = _recording(namespace, name)
        return self._written(self._rest.request("PATCH", path, body={"metadata": metadata}, content_type=MERGE_PATCH))

    def delete_recording(self, namespace: str, name: str, *, uid: str, resource_version: str | None = None) -> None:
        """Delete exactly this object (in this state, if `resource_version` is given). Raises Conflict, NotFound."""
        preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        self._rest.request("DELETE", _recording(namespace, name), body=options)

    # StorageLocations

    def get_location(self, name: str) -> dict[str, Any]:
        """The stored StorageLocation. Raises NotFound."""
        return self._rest.request("GET", _location(name))

    def list_locations(self, *, page_size: int = 500) -> Iterator[dict[str, Any]]:
        """All StorageLocations, page by page."""
        return self._pages(f"{_API}/storagelocations", field_selector=None, page_size=page_size)

    def patch_location_status(self, name: str, *, resource_version: str, status: Mapping[str, Any]) -> dict[str, Any]:
        """See `patch_recording_status`."""
        return self._patch_status(_location(name), resource_version, status)

    # StorageReports

    def get_report(self, name: str) -> dict[str, Any]:
        """The stored StorageReport. Raises NotFound."""
        return self._rest.request("GET", _report(name))

    def list_reports(self, *, page_size: int = 100) -> Iterator[dict[str, Any]]:
        """All StorageReports."""
        return self._pages(f"{_API}/storagereports", field_selector=None, page_size=page_size)

    def patch_report_status(self, name: str, *, resource_version: str, status: Mapping[str, Any]) -> dict[str, Any]:
        """See `patch_recording_status`."""
        return self._patch_status(_report(name), resource_version, status)

    # RecordingSources and EventSinks

    def get_recording_source(self, namespace: str, name: str) -> dict[str, Any]:
        """The stored RecordingSource. Raises NotFound."""
        return self._rest.request("GET", _namespaced("recordingsources", namespace, name))

    def list_recording_sources(self, *, namespace: str | None = None, page_size: int = 200) -> Iterator[dict[str, Any]]:
        """All RecordingSources (of one namespace, if given), page by page."""
        return self._pages(_collection("recordingsources", namespace), field_selector=None, page_size=page_size)

    def patch_recording_source_status(
        self, namespace: str, name: str, *, resource_version: str, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See `patch_recording_status`."""
        return self._patch_status(_namespaced("recordingsources", namespace, name), resource_version, status)

    def get_event_sink(self, namespace: str, name: str) -> dict[str, Any]:
        """The stored EventSink. Raises NotFound."""
        return self._rest.request("GET", _namespaced("eventsinks", namespace, name))

    def list_event_sinks(self, *, namespace: str | None = None, page_size: int = 200) -> Iterator[dict[str, Any]]:
        """All EventSinks (of one namespace, if given), page by page."""
        return self._pages(_collection("eventsinks", namespace), field_selector=None, page_size=page_size)

    def patch_event_sink_status(
        self, namespace: str, name: str, *, resource_version: str, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See `patch_recording_status`."""
        return self._patch_status(_namespaced("eventsinks", namespace, name), resource_version, status)

    def get_named(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """An object of any kind in a namespace. Raises NotFound, also if there is no such kind, and Forbidden."""
        folder = "/api/v1" if api_version == "v1" else f"/apis/{'/'.join(map(_segment, api_version.split('/')))}"
        for found in self._rest.request("GET", folder).get("resources") or ():
            if found.get("kind") == kind and found.get("namespaced") and "/" not in found.get("name", "/"):
                path = f"{folder}/namespaces/{_segment(namespace)}/{_segment(found['name'])}/{_segment(name)}"
                return self._rest.request("GET", path)
        raise NotFound(f"{api_version} has no kind {kind} with a namespace.", status=404)

    # Namespaces, Secrets and ConfigMaps

    def read_config_map(self, namespace: str, name: str) -> dict[str, str]:
        """The entries of a ConfigMap. Raises NotFound, Forbidden."""
        return dict(self._rest.request("GET", _config_map(namespace, name)).get("data") or {})

    def read_binary_config_map(self, namespace: str, name: str) -> BinaryConfigMap:
        """A ConfigMap and its `binaryData`. Raises NotFound, Forbidden."""
        found = self._rest.request("GET", _config_map(namespace, name))
        data = {key: _decoded(value) for key, value in (found.get("binaryData") or {}).items()}
        return BinaryConfigMap(resource_version=found["metadata"]["resourceVersion"], data=data)

    def create_binary_config_map(self, namespace: str, name: str, data: Mapping[str, bytes]) -> None:
        """Create a ConfigMap with `binaryData`. Raises AlreadyExists, Forbidden."""
        labels = {"app.kubernetes.io/managed-by": "recording-operator"}
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": labels},
            "binaryData": {key: _encoded(value) for key, value in data.items()},
        }
        self._rest.request("POST", f"/api/v1/namespaces/{_segment(namespace)}/configmaps", body=body)

    def patch_binary_config_map(
        self, namespace: str, name: str, *, resource_version: str, data: Mapping[str, bytes | None]
    ) -> None:
        """Set entries of `binaryData`, and remove those that are None. Raises Conflict, NotFound, Forbidden."""
        entries = {key: None if value is None else _encoded(value) for key, value in data.items()}
        body = {"metadata": {"resourceVersion": resource_version}, "binaryData": entries}
        self._rest.request("PATCH", _config_map(namespace, name), body=body, content_type=MERGE_PATCH)

    def namespace_labels(self, name: str) -> dict[str, str]:
        """The labels of a Namespace; `kubernetes.io/metadata.name` is always among them. Raises NotFound."""
        metadata = self._rest.request("GET", f"/api/v1/namespaces/{_segment(name)}")["metadata"]
        return {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": name}

    def namespace_uid(self, name: str) -> str:
        """The uid of a Namespace. The uid of `kube-system` identifies the cluster. Raises NotFound."""
        return str(self._rest.request("GET", f"/api/v1/namespaces/{_segment(name)}")["metadata"]["uid"])

    def read_secret(self, namespace: str, name: str) -> SecretData:
        """A Secret, decoded. Raises NotFound, Forbidden."""
        path = f"/api/v1/namespaces/{_segment(namespace)}/secrets/{_segment(name)}"
        secret = self._rest.request("GET", path)
        metadata = secret["metadata"]
        return SecretData(
            name=name,
            labels=metadata.get("labels") or {},
            annotations=metadata.get("annotations") or {},
            data={key: _decoded(value) for key, value in (secret.get("data") or {}).items()},
        )

    def _written(self, recording: dict[str, Any]) -> dict[str, Any]:
        self._own_writes.add(recording["metadata"]["resourceVersion"])
        return recording

    def _patch_status(self, path: str, resource_version: str, status: Mapping[str, Any]) -> dict[str, Any]:
        body = {"metadata": {"resourceVersion": resource_version}, "status": dict(status)}
        return self._rest.request("PATCH", f"{path}/status", body=body, content_type=MERGE_PATCH)

    def _pages(self, path: str, *, field_selector: str | None, page_size: int) -> Iterator[dict[str, Any]]:
        query: dict[str, str | int] = {"limit": page_size}
        if field_selector:
            query["fieldSelector"] = field_selector
        while True:
            try:
                page = self._rest.request("GET", path, query=query)
            except Gone as gone:
                # The token has expired: the server returns another one, which continues with the newest state.
                query["continue"] = gone.continue_token or ""
                continue
            yield from page.pop("items", None) or ()
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token


def _recording(namespace: str, name: str) -> str:
    return _namespaced("recordings", namespace, name)


def _namespaced(plural: str, namespace: str, name: str) -> str:
    return f"{_API}/namespaces/{_segment(namespace)}/{plural}/{_segment(name)}"


def _collection(plural: str, namespace: str | None) -> str:
    folder = f"/namespaces/{_segment(namespace)}" if namespace else ""
    return f"{_API}{folder}/{plural}"


def _location(name: str) -> str:
    return f"{_API}/storagelocations/{_segment(name)}"


def _report(name: str) -> str:
    return f"{_API}/storagereports/{_segment(name)}"


def _config_map(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{_segment(namespace)}/configmaps/{_segment(name)}"


def _segment(name: str) -> str:
    """Quote a path segment. An empty one, or one of dots, would name another resource. Raises Invalid."""
    if name in {"", ".", ".."}:
        raise Invalid("A name that is empty or consists of dots cannot be requested.")
    return quote(name, safe="")


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return b""
