"""The part of an API server that keeps ConfigMaps."""

import base64
from collections.abc import Mapping
from typing import Any

from recording_operator.kube.errors import AlreadyExists, Conflict, Forbidden, KubeError, NotFound
from recording_operator.kube.rest import MERGE_PATCH


class ConfigMapRest:
    """Implements `Rest` for ConfigMaps of one namespace; `calls` are the verbs so far. `denied` verbs are forbidden."""

    def __init__(self, namespace: str = "operator") -> None:
        self.maps: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.denied: set[str] = set()
        self.conflicts = 0
        self._folder = f"/api/v1/namespaces/{namespace}/configmaps"
        self._version = 0

    def binary(self, name: str) -> dict[str, bytes]:
        """The binary entries of a ConfigMap."""
        return {key: base64.b64decode(value) for key, value in self.maps[name].get("binaryData", {}).items()}

    def request(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, content_type: str = "", **_: Any
    ) -> dict[str, Any]:
        """See `Rest.request`."""
        self.calls.append(method)
        if method in self.denied:
            raise Forbidden(f"{method} {path}: 403", status=403)
        name = path.removeprefix(self._folder).removeprefix("/")
        if method == "POST" and not name and body is not None:
            return self._create(dict(body))
        if name not in self.maps:
            raise NotFound(f"{method} {path}: 404", status=404)
        if method == "PATCH" and body is not None:
            assert content_type == MERGE_PATCH
            return self._patch(name, body)
        if method != "GET":
            raise KubeError(f"{method} {path}: not expected")
        return self.maps[name]

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if name in self.maps:
            raise AlreadyExists("POST: 409", status=409)
        return self._store(name, body)

    def _patch(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        stored = self.maps[name]
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("PATCH: 409", status=409)
        if body["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"]:
            raise Conflict("PATCH: 409", status=409)
        data = {**stored.get("binaryData", {}), **body["binaryData"]}
        return self._store(name, {**stored, "binaryData": {k: v for k, v in data.items() if v is not None}})

    def _store(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        size = sum(len(base64.b64decode(value)) for value in body.get("binaryData", {}).values())
        assert size <= 2**20, "Kubernetes accepts at most 1 MiB"
        self.maps[name] = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        return self.maps[name]
