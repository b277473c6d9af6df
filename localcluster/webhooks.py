"""The RecordingSource `meetings` of `make cluster` and `make demo`, and the EventSink of the demo."""

import base64
import secrets
from pathlib import Path
from typing import Final

from localcluster.kubectl import JsonObject
from localcluster.pki import write_private

SOURCE: Final = "meetings"
SINK: Final = "application"
_NAMESPACE: Final = "default"
_API: Final = "recordings.dev/v1alpha1"
_KEY_BYTES: Final = 32


def new_key() -> str:
    """Return a new key of Standard Webhooks: `whsec_` and Base64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"


def kept_key(path: Path) -> str:
    """Return the key in this file, the same at each start."""
    if not path.exists():
        write_private(path, new_key().encode())
    return path.read_text()


def source_objects(*, key: str, location: str, api: str | None = None, api_key: str = "") -> list[JsonObject]:
    """Return the RecordingSource `meetings` with its Secrets. `api`: URL of the provider's API."""
    spec: JsonObject = {
        "provider": "MeetingBaaS",
        "webhook": {"secretRef": {"name": f"{SOURCE}-webhook"}},
        "recording": {
            "storageLocation": location,
            "owner": {"org": {"from": "extra.org_id", "default": "acme"}},
        },
    }
    if api is None:
        return [_secret(f"{SOURCE}-webhook", {"key": key}), _object("RecordingSource", SOURCE, spec)]
    hosts = {"recordings.dev/allowed-hosts": "127.0.0.1"}  # the key may be sent to another host than the provider's
    return [
        _secret(f"{SOURCE}-webhook", {"key": key}),
        _secret(f"{SOURCE}-api", {"apiKey": api_key}, annotations=hosts),
        _object("RecordingSource", SOURCE, {**spec, "api": {"secretRef": {"name": f"{SOURCE}-api"}, "endpoint": api}}),
    ]


def sink_objects(*, uri: str, key: str) -> list[JsonObject]:
    """Return the EventSink `application` with its Secret."""
    spec = {"uri": uri, "secretRef": {"name": f"{SINK}-key"}, "events": ["Completed", "Failed"]}
    return [_secret(f"{SINK}-key", {"key": key}), _object("EventSink", SINK, spec)]


def _secret(name: str, data: dict[str, str], *, annotations: dict[str, str] | None = None) -> JsonObject:
    metadata = {"name": name, "namespace": _NAMESPACE, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def _object(kind: str, name: str, spec: JsonObject) -> JsonObject:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name, "namespace": _NAMESPACE}, "spec": spec}
