"""A StorageReport of one test, on the real control plane."""

import json
import os
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from localcluster import ControlPlane, S3Server
from recording_operator.api.names import MANIFEST_FILE
from tests.support.accesslogs import turn_back
from tests.support.recordings import a_recording, inline
from tests.support.waiting import eventually

JsonObject = dict[str, Any]
TEMPLATE: Final = "{org}/{uid}/{artifact}{ext}"
SOON_S: Final = 60.0
GB: Final = 10**9


class Report:
    """A StorageReport of one test."""

    def __init__(self, cluster: ControlPlane, name: str) -> None:
        self.name = name
        self._kubectl = cluster.kubectl

    def get(self) -> JsonObject:
        return self._kubectl.json("get", "storagereport", self.name)

    def status(self) -> JsonObject:
        return dict(self.get().get("status", {}))

    def edit(self, **spec: Any) -> None:
        self._patch({"spec": spec})

    def edit_status(self, **status: Any) -> None:
        self._patch({"status": status}, "--subresource=status")

    def condition(self, kind: str) -> JsonObject:
        found = self.status().get("conditions", [])
        return next((dict(one) for one in found if one["type"] == kind), {})

    def wait(self, fact: Callable[[JsonObject], Any], *, within_s: float = SOON_S, what: str = "") -> JsonObject:
        eventually(lambda: fact(self.status()), within_s=within_s, what=f"{what}: {self.name}")
        return self.status()

    def wait_refreshed(self, token: str = "") -> JsonObject:
        """Wait until a refresh has processed the newest spec (and token)."""

        def answered(status: JsonObject) -> bool:
            current = status.get("observedGeneration") == self.get()["metadata"]["generation"]
            return current and status.get("lastRefreshToken", "") == token and self.ready() == "Refreshed"

        return self.wait(answered, what="refreshed")

    def ready(self) -> str:
        return str(self.condition("Ready").get("reason"))

    def events(self, reason: str) -> list[JsonObject]:
        listing = self._kubectl.json("get", "events.events.k8s.io", "--namespace=default")
        return [
            event
            for event in listing["items"]
            if event.get("regarding", {}).get("name") == self.name and event["reason"] == reason
        ]

    def _patch(self, patch: JsonObject, *more: str) -> None:
        self._kubectl("patch", "storagereport", self.name, "--type=merge", f"--patch={json.dumps(patch)}", *more)


ReportFactory = Callable[..., Report]


def record(cluster: ControlPlane, namespace: str, location: str, *, org: str, text: str) -> JsonObject:
    """Store a text as a Recording of an organisation and wait until it is Complete, and has its manifest."""
    name = f"meeting-{uuid.uuid4().hex[:8]}"
    manifest = a_recording(namespace, inline(text), name=name, location=location, owner={"org": org})
    cluster.kubectl.apply(manifest)
    cluster.kubectl(
        "wait",
        "--for=jsonpath={.status.settled}=true",
        "--timeout=30s",
        f"--namespace={namespace}",
        f"recording/{name}",
    )
    return cluster.kubectl.json("get", "recording", name, f"--namespace={namespace}")


def manifest_bytes(s3: S3Server, bucket: str, *, org: str = "") -> int:
    """Size of the manifests of all Recordings, or of those of an organisation that stores at TEMPLATE."""
    listed = s3.client().list_objects_v2(Bucket=bucket, Prefix=org and f"{org}/").get("Contents", [])
    return sum(one["Size"] for one in listed if one["Key"].endswith(f"/{MANIFEST_FILE}"))


def put_sparse(s3: S3Server, *, bucket: str, key: str, size_bytes: int, at: datetime) -> None:
    """Store an object of this size, uploaded at this time. It takes no room."""
    s3.client().put_object(Bucket=bucket, Key=key, Body=b"x")
    resize(s3, bucket=bucket, key=key, size_bytes=size_bytes, at=at)


def resize(s3: S3Server, *, bucket: str, key: str, size_bytes: int, at: datetime) -> None:
    """Let the server say that an object has this size and was uploaded at this time."""
    os.truncate(s3.data / bucket / key, size_bytes)
    turn_back(s3, bucket=bucket, key=key, to=at)
