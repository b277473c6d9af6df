"""The receiver's requests to the API server: Recordings and their Secrets, and the status of RecordingSources.

All methods are thread-safe and raise KubeError (errors.py). Each waits for a response for a few seconds only, because a
provider waits for the receiver's.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from recording_operator.api.names import API_VERSION
from recording_operator.kube.errors import Invalid
from recording_operator.kube.rest import MERGE_PATCH, Rest

READ_TIMEOUT_S: Final = 5.0
_API: Final = f"/apis/{API_VERSION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedSecret:
    """A Secret of a Recording. `repr` does not show its values."""

    resource_version: str
    owner_uids: frozenset[str]
    labels: Mapping[str, str]
    data: Mapping[str, str] = field(repr=False)
    """As the API server has it, in base64."""


class ReceiverApi:
    """Requests for the objects that the receiver reads and writes."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def create_recording(self, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a Recording. Raises AlreadyExists."""
        return self._request("POST", f"{_API}/namespaces/{_segment(namespace)}/recordings", body=body)

    def get_recording(self, namespace: str, name: str) -> dict[str, Any]:
        """The stored Recording. Raises NotFound."""
        return self._request("GET", _recording(namespace, name))

    def change_recording(
        self,
        namespace: str,
        name: str,
        *,
        resource_version: str,
        annotations: Mapping[str, str],
        artifacts: Sequence[Mapping[str, Any]] | None,
        retry_token: str | None = None,
    ) -> dict[str, Any]:
        """Set annotations, and all artifacts and the retryToken unless None, if it still has `resource_version`.

        Raises Conflict if it has changed since, NotFound if it was deleted.
        """
        body: dict[str, Any] = {
            "metadata": {"resourceVersion": resource_version, "annotations": dict(annotations)},
        }
        spec = {
            **({"artifacts": list(artifacts)} if artifacts is not None else {}),
            **({"retryToken": retry_token} if retry_token is not None else {}),
        }
        if spec:
            body["spec"] = spec
        return self._request("PATCH", _recording(namespace, name), body=body, content_type=MERGE_PATCH)

    def create_secret(self, namespace: str, body: Mapping[str, Any]) -> None:
        """Create a Secret. Raises AlreadyExists."""
        self._request("POST", f"/api/v1/namespaces/{_segment(namespace)}/secrets", body=body)

    def get_owned_secret(self, namespace: str, name: str) -> OwnedSecret:
        """A Secret of a Recording. Raises NotFound, Forbidden."""
        stored = self._request("GET", _secret(namespace, name))
        metadata = stored["metadata"]
        return OwnedSecret(
            resource_version=metadata["resourceVersion"],
            owner_uids=frozenset(one["uid"] for one in metadata.get("ownerReferences") or ()),
            labels=metadata.get("labels") or {},
            data=stored.get("data") or {},
        )

    def change_secret(self, namespace: str, name: str, *, resource_version: str, body: Mapping[str, Any]) -> None:
        """Merge `body` into a Secret that still has `resource_version`. Raises Conflict, NotFound."""
        metadata = {**body.get("metadata", {}), "resourceVersion": resource_version}
        patch = {**body, "metadata": metadata}
        self._request("PATCH", _secret(namespace, name), body=patch, content_type=MERGE_PATCH)

    def secret_values(self, namespace: str, name: str) -> tuple[bytes, ...]:
        """The values of a Secret, decoded, in the order of their keys. Raises NotFound, Forbidden."""
        data = self._request("GET", _secret(namespace, name)).get("data") or {}
        return tuple(base64.b64decode(data[key]) for key in sorted(data))

    def get_source(self, namespace: str, name: str) -> dict[str, Any]:
        """The stored RecordingSource. Raises NotFound."""
        return self._request("GET", _source(namespace, name))

    def patch_source_status(
        self, namespace: str, name: str, *, resource_version: str, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Merge `status` if the RecordingSource still has `resource_version`. Raises Conflict, NotFound."""
        body = {"metadata": {"resourceVersion": resource_version}, "status": dict(status)}
        return self._request("PATCH", f"{_source(namespace, name)}/status", body=body, content_type=MERGE_PATCH)

    def _request(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        return self._rest.request(method, path, body=body, content_type=content_type, read_timeout_s=READ_TIMEOUT_S)


def _recording(namespace: str, name: str) -> str:
    return f"{_API}/namespaces/{_segment(namespace)}/recordings/{_segment(name)}"


def _source(namespace: str, name: str) -> str:
    return f"{_API}/namespaces/{_segment(namespace)}/recordingsources/{_segment(name)}"


def _secret(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{_segment(namespace)}/secrets/{_segment(name)}"


def _segment(name: str) -> str:
    if name in {"", ".", ".."}:
        raise Invalid("A name that is empty or consists of dots cannot be requested.")
    return quote(name, safe="")
