"""The responses of the real API server to manifests."""

import base64
import json
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recording_operator.api.names import API_VERSION

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """HTTP status, the response as text, and the message of a rejection."""

    code: int
    body: str

    @property
    def message(self) -> str:
        """The message without the object's name; `accepted` if the object was accepted."""
        if self.code < 300:
            return "accepted"
        message: str = json.loads(self.body)["message"]
        return message.split(" is invalid: ", 1)[-1]

    @property
    def object(self) -> JsonObject:
        """The object as stored, or as it would be."""
        stored: JsonObject = json.loads(self.body)
        return stored


class ApiServer:
    """Calls the API server as kubectl does: strict about fields."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server = cluster["server"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile(mode="wb") as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            self._context.load_cert_chain(pair.name)

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = True) -> ApiResponse:
        """Create an object from a manifest."""
        return self._call("POST", self._collection(manifest), manifest, dry_run=dry_run)

    def patch(
        self, manifest: Mapping[str, Any], patch: Mapping[str, Any], *, status: bool = False, dry_run: bool = True
    ) -> ApiResponse:
        """Merge a patch into the object of a manifest, or into its status."""
        path = f"{self._collection(manifest)}/{manifest['metadata']['name']}" + ("/status" if status else "")
        return self._call("PATCH", path, patch, dry_run=dry_run, content_type="application/merge-patch+json")

    def replace(self, manifest: Mapping[str, Any], *, dry_run: bool = True) -> ApiResponse:
        """Put the manifest in the place of the object with its name."""
        path = f"{self._collection(manifest)}/{manifest['metadata']['name']}"
        return self._call("PUT", path, manifest, dry_run=dry_run)

    def apply(self, manifest: Mapping[str, Any]) -> ApiResponse:
        """Server-side apply, for real."""
        path = f"{self._collection(manifest)}/{manifest['metadata']['name']}"
        return self._call(
            "PATCH", f"{path}?fieldManager=test", manifest, dry_run=False, content_type="application/apply-patch+yaml"
        )

    @staticmethod
    def _collection(manifest: Mapping[str, Any]) -> str:
        if manifest["kind"] in ("StorageLocation", "StorageReport"):
            return f"/apis/{API_VERSION}/{manifest['kind'].lower()}s"
        namespace = manifest["metadata"].get("namespace", "default")
        return f"/apis/{API_VERSION}/namespaces/{namespace}/{manifest['kind'].lower()}s"

    def _call(
        self, method: str, path: str, body: Any, *, dry_run: bool, content_type: str = "application/json"
    ) -> ApiResponse:
        query = ("&" if "?" in path else "?") + "fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        request = urllib.request.Request(
            f"{self._server}{path}{query}",
            data=json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": content_type, "Accept": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=30) as response:
                return ApiResponse(code=response.status, body=response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return ApiResponse(code=error.code, body=error.read().decode())
