"""The output of kubectl for the resources, and the names and fields by which it finds them."""

import json

import pytest

from localcluster import ControlPlane
from recording_operator.api.recording import Phase, RecordingStatus
from tests.api.apiserver import ApiServer
from tests.api.manifests import a_location, a_recording
from tests.api.statuses import dumped

pytestmark = pytest.mark.cluster

STATUS = RecordingStatus.model_validate(
    {
        "phase": "Uploading",
        "reason": "Uploading",
        "progress": "45.1%",
        "size": "480.0 MB",
        "attempts": 1,
        "nextRetryTime": "2999-01-01T12:00:00Z",
        "expiresAt": "2999-01-01T13:00:00Z",
        "storageLocation": "archive",
    }
)


@pytest.fixture
def weekly(cluster: ControlPlane, namespace: str) -> str:
    """A Recording that is half way, and one that is Complete; their namespace."""
    api = ApiServer(cluster.kubeconfig)
    for name, status in (("weekly", STATUS), ("done", RecordingStatus(phase=Phase.COMPLETE))):
        manifest = a_recording(name=name, owner={"org": "acme"})
        manifest["metadata"]["namespace"] = namespace
        assert api.create(manifest, dry_run=False).message == "accepted"
        assert api.patch(manifest, {"status": dumped(status)}, status=True, dry_run=False).message == "accepted"
    return namespace


def columns(table: str) -> list[str]:
    """The cells of the last line of a table of kubectl: two spaces or more part them, and texts have single ones."""
    return [cell.strip() for cell in table.splitlines()[-1].split("  ") if cell.strip()]


def test_get_shows_the_useful_columns(cluster: ControlPlane, weekly: str) -> None:
    table = cluster.kubectl("get", "rec", "weekly", f"--namespace={weekly}")
    assert table.splitlines()[0].split() == [
        "NAME", "PHASE", "PROGRESS", "SIZE", "ATTEMPTS", "NEXT-RETRY", "EXPIRES", "LOCATION", "AGE",
    ]  # fmt: skip
    # Times to come as they are, not `<invalid>`.
    assert columns(table)[:-1] == [
        "weekly", "Uploading", "45.1%", "480.0 MB", "1", "2999-01-01T12:00:00Z", "2999-01-01T13:00:00Z", "archive",
    ]  # fmt: skip


def test_get_wide_shows_more(cluster: ControlPlane, weekly: str) -> None:
    table = cluster.kubectl("get", "recs", "weekly", f"--namespace={weekly}", "-o", "wide")
    assert table.splitlines()[0].split()[7:] == ["LOCATION", "ORG", "REASON", "AGE"]
    assert columns(table)[7:-1] == ["archive", "acme", "Uploading"]


def test_recordings_are_found_by_their_phase(cluster: ControlPlane, weekly: str) -> None:
    unfinished = "status.phase!=Complete,status.phase!=Failed"
    found = cluster.kubectl.json("get", "recordings", f"--namespace={weekly}", f"--field-selector={unfinished}")
    assert [item["metadata"]["name"] for item in found["items"]] == ["weekly"]


def test_get_of_a_location_shows_whether_it_is_ready(cluster: ControlPlane) -> None:
    api = ApiServer(cluster.kubeconfig)
    location = a_location(name="viewed")
    assert api.create(location, dry_run=False).message == "accepted"
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "BucketNotFound",
        "message": "",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }
    api.patch(location, {"status": {"conditions": [condition]}}, status=True, dry_run=False)
    table = cluster.kubectl("get", "sloc", "viewed")
    assert columns(table)[:-1] == ["viewed", "False", "BucketNotFound", "recordings"]
    cluster.kubectl("delete", "sloc", "viewed")


def test_the_category_finds_both_kinds(cluster: ControlPlane, weekly: str) -> None:
    # kubectl looks for a category only in what it has cached, perhaps before the resources existed.
    cluster.kubectl("api-resources", "--api-group=recordings.dev", "--cached=false")
    found = json.loads(cluster.kubectl("get", "recording-operator", f"--namespace={weekly}", "-o", "json"))
    assert {"Recording"} <= {item["kind"] for item in found["items"]} <= {"Recording", "StorageLocation"}


@pytest.mark.parametrize("path", ["recording.spec.artifacts.source", "recording.status", "storagelocation.spec.s3"])
def test_explain_describes_every_field(cluster: ControlPlane, path: str) -> None:
    text = cluster.kubectl("explain", path)
    fields = text.split("FIELDS:")[1]
    blocks = [block.strip() for block in fields.strip().split("\n\n") if block.strip()]
    assert len(blocks) > 5
    assert [block for block in blocks if len(block.splitlines()) < 2] == []


def test_the_usage_of_quotas_fits_into_lines(cluster: ControlPlane) -> None:
    api = ApiServer(cluster.kubeconfig)
    location = a_location(
        name="limited", quotas=[{"org": "acme", "bytes": "1Gi"}, {"namespace": "team-b", "bytes": "1Ti"}]
    )
    assert api.create(location, dry_run=False).message == "accepted"
    used = [
        {"org": "acme", "namespace": "", "usedPercent": 100, "recordings": 8120, "waiting": 12},
        {"org": "", "namespace": "team-b", "usedPercent": 3, "recordings": 71, "waiting": 0},
    ]
    assert api.patch(location, {"status": {"quotas": used}}, status=True, dry_run=False).message == "accepted"
    path = "{range .status.quotas[*]}{.org}{.namespace} {.usedPercent}% {.recordings} {.waiting}{'\\n'}{end}"

    shown = cluster.kubectl("get", "storagelocation", "limited", "-o", f"jsonpath={path}")

    assert shown.split("\n")[:2] == ["acme 100% 8120 12", "team-b 3% 71 0"]
