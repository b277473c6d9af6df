"""The output of kubectl for RecordingSources and EventSinks."""

from typing import Any

import pytest

from localcluster import ControlPlane
from tests.api.apiserver import ApiServer
from tests.api.manifests import JsonObject
from tests.api.sink_cases import a_sink
from tests.api.source_cases import with_recording
from tests.api.test_kubectl_view import columns

pytestmark = pytest.mark.cluster
READY = {"type": "Ready", "status": "True", "reason": "", "message": "", "lastTransitionTime": "2026-11-21T12:00:00Z"}


def stored(cluster: ControlPlane, manifest: JsonObject, namespace: str, *, reason: str, **status: Any) -> None:
    """Create the object, with its status."""
    api = ApiServer(cluster.kubeconfig)
    manifest["metadata"]["namespace"] = namespace
    assert api.create(manifest, dry_run=False).message == "accepted"
    written = {"conditions": [{**READY, "reason": reason}], "observedGeneration": 1, **status}
    assert api.patch(manifest, {"status": written}, status=True, dry_run=False).message == "accepted"


def shown(cluster: ControlPlane, namespace: str, *arguments: str) -> dict[str, str]:
    """The last line of kubectl's table, by column."""
    table = cluster.kubectl("get", *arguments, f"--namespace={namespace}")
    return dict(zip(table.splitlines()[0].split(), columns(table), strict=True))


def test_get_of_a_source_shows_what_arrived(cluster: ControlPlane, namespace: str) -> None:
    source = with_recording(storageLocation="archive")
    path = f"/v1/sources/{namespace}/calls"
    counts = {"accepted": 1204, "duplicates": 31, "rejected": 2, "failed": 1}
    stored(cluster, source, namespace, reason="Receiving", path=path, lastDeliveryTime="2026-11-21T12:00:00Z", **counts)

    assert list(shown(cluster, namespace, "recsrc", "calls")) == [
        "NAME", "PROVIDER", "READY", "REASON", "ACCEPTED", "REJECTED", "LAST-DELIVERY", "AGE",
    ]  # fmt: skip
    wide = shown(cluster, namespace, "recordingsources", "-o", "wide")
    assert {name: wide[name] for name in ("PROVIDER", "READY", "REASON", "ACCEPTED", "REJECTED")} == {
        "PROVIDER": "MeetingBaaS",
        "READY": "True",
        "REASON": "Receiving",
        "ACCEPTED": "1204",
        "REJECTED": "2",
    }
    assert (wide["DUPLICATES"], wide["FAILED"], wide["PATH"], wide["LOCATION"]) == ("31", "1", path, "archive")


def test_get_of_a_sink_shows_what_was_delivered(cluster: ControlPlane, namespace: str) -> None:
    sink = a_sink(events=["Completed", "Failed"])
    counts = {"delivered": 17, "pending": 3, "failed": 0}
    stored(cluster, sink, namespace, reason="SinkUnavailable", lastDeliveryTime="2026-11-21T12:00:00Z", **counts)

    wide = shown(cluster, namespace, "esink", "app", "-o", "wide")

    assert list(wide) == [
        "NAME", "READY", "REASON", "DELIVERED", "PENDING", "FAILED", "LAST-DELIVERY", "EVENTS", "AGE",
    ]  # fmt: skip
    assert [wide[name] for name in ("REASON", "DELIVERED", "PENDING", "FAILED", "EVENTS")] == [
        "SinkUnavailable", "17", "3", "0", '["Completed","Failed"]',
    ]  # fmt: skip
    # The address may contain a token.
    assert "example.com" not in " ".join(wide.values())


@pytest.mark.parametrize(
    "path",
    ["recordingsource.spec.recording", "recordingsource.status", "recordingsource.spec.mapping", "eventsink.spec"],
)
def test_explain_describes_every_field(cluster: ControlPlane, path: str) -> None:
    blocks = cluster.kubectl("explain", path).split("FIELDS:")[1].strip().split("\n\n")
    blocks = [block.strip() for block in blocks if block.strip()]
    assert len(blocks) > 5
    assert [block for block in blocks if len(block.splitlines()) < 2] == []
