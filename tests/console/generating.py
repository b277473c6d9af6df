"""Calls that are generated from the description of the HTTP API, about Recordings that there are."""

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemathesis.checks import CHECKS, load_all_checks

from recording_operator.api.names import API_VERSION, RECORDING_KIND
from recording_operator.api.recording import Recording
from recording_operator.console.api import uploads
from recording_operator.engine.placement import key_of
from recording_operator.kube.rest import RestClient
from recording_operator.stores.objects import ObjectSpec
from tests.console.conftest import Visitor
from tests.console.stored import location_named, store_at
from tests.kube.objects import set_status
from tests.support.recordings import path_of

STORED: Final = "weekly"
AWAITED: Final = "incoming"
ARTIFACT: Final = "video"
PART_BYTES: Final = 5 * 2**20
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
load_all_checks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A namespace with a stored Recording, and one whose file a client sends."""

    visitor: Visitor
    namespace: str
    uid: str
    """Of the stored Recording."""
    upload_id: str
    report: str
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def send(self, case: Any) -> None:
        """Send the call, and compare the response with the description."""
        if case.method.upper() != case.operation.method.upper():
            return  # methods that no operation has: tests/console/security
        self.place(case)
        self.check(case, case.call(base_url=self.visitor.url, headers=self.headers))

    def check(self, case: Any, response: Any) -> None:
        """Compare a response with the description. Raises AssertionError."""
        self.statuses[case.operation.label, response.status_code] += 1
        case.validate_response(response, checks=[one for one in CHECKS.get_all() if one.__name__ in _CHECKS])

    @property
    def headers(self) -> dict[str, str]:
        """Those of each call."""
        return {"Authorization": f"Bearer {self.visitor.token}"}

    def place(self, case: Any) -> None:
        """Let the call be about what there is. What it removes is not there."""
        # The HTTP server responds to a message without a valid length before the API sees it.
        for name in [name for name in case.headers or {} if name.lower() == "transfer-encoding"]:
            del case.headers[name]
        path = case.path_parameters or {}
        if case.method != "DELETE":
            there = {"artifact": ARTIFACT, "uploadId": self.upload_id, "uid": self.uid, "name": self._name(case.path)}
            path.update({name: value for name, value in there.items() if name in path})
        self.stay(case)

    def _name(self, path: str) -> str:
        if path.startswith("/api/v1/reports"):
            return self.report
        if path.startswith("/api/v1/locations"):
            return self.namespace
        return AWAITED if "/uploads" in path else STORED

    def stay(self, case: Any) -> None:
        """Let the call be about the namespace."""
        for part in (case.path_parameters, case.body):
            if isinstance(part, dict) and "namespace" in part:
                part["namespace"] = self.namespace


def with_companion(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description, and the same operations below the paths that Uppy uses."""
    extended = copy.deepcopy(dict(description))
    for path, operations in description["paths"].items():
        if "/uploads" in path:
            more = copy.deepcopy(operations)
            for operation in more.values():
                operation["operationId"] += "Companion"
            extended["paths"][path.replace(uploads.router.prefix, uploads.companion_router.prefix)] = more
    return extended


def await_file(admin: RestClient, namespace: str, *, location: str, roots: tuple[str, ...] = ()) -> str:
    """A Recording whose upload is open, as the operator opens it. Returns the id of the upload."""
    source = {"upload": {"maxSize": "100Mi"}}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": RECORDING_KIND,
        "metadata": {"namespace": namespace, "name": AWAITED},
        "spec": {
            "storageLocation": location,
            "owner": {"org": "acme"},
            "artifacts": [{"name": ARTIFACT, "kind": "Video", "contentType": "video/mp4", "source": source}],
        },
    }
    stored = admin.request("POST", path_of(namespace), body=manifest)
    recording, where = Recording.model_validate(stored), location_named(admin, location)
    store = store_at(admin, where, roots=roots)
    try:
        spec = ObjectSpec(
            key=key_of(recording, ARTIFACT, where),
            content_type="video/mp4",
            kind="Video",
            recording_uid=recording.metadata.uid,
            artifact=ARTIFACT,
            org="acme",
        )
        upload_id = store.create_upload(spec, part_size_bytes=PART_BYTES, by_client=True)
    finally:
        store.close()
    state = {
        "name": ARTIFACT,
        "phase": "Pending",
        "reason": "WaitingForUpload",
        "uploadId": upload_id,
        "partSize": PART_BYTES,
        "uploadExpiresAt": (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    status = {"phase": "Pending", "storageLocation": location, "bucket": where.store.bucket, "artifacts": [state]}
    set_status(admin, stored, status)
    return upload_id
