"""A difference that the API server computes (Argo CD's ServerSideDiff) is empty, also for defaults inside lists."""

import json

import pytest

from localcluster import ControlPlane
from tests.api.bad_reports import a_report
from tests.api.good_manifests import GOOD_LOCATIONS
from tests.api.manifests import JsonObject, a_location, a_recording

pytestmark = pytest.mark.cluster


def applied(cluster: ControlPlane, manifest: JsonObject, *, dry_run: bool) -> JsonObject:
    """The object after a server-side apply, without the record of managers, which a comparison leaves out."""
    options = ["--server-side", "--field-manager=argocd-controller", "--force-conflicts", "-o", "json", "-f", "-"]
    options += ["--dry-run=server"] if dry_run else []
    found: JsonObject = json.loads(cluster.kubectl("apply", *options, stdin=json.dumps(manifest)))
    found["metadata"].pop("managedFields", None)
    return found


@pytest.mark.parametrize("kind", ["Recording", "StorageLocation", "StorageReport"])
def test_a_manifest_that_is_applied_again_changes_nothing(cluster: ControlPlane, namespace: str, kind: str) -> None:
    manifest = {
        "Recording": a_recording(name="diff", owner={"org": "acme"}),
        "StorageLocation": a_location() | {"spec": GOOD_LOCATIONS["everything"]["spec"]},
        "StorageReport": a_report(budget={"amount": "50", "thresholds": [{"percent": 80}]}),
    }[kind]
    manifest["metadata"] = {"name": f"diff-{namespace}"} | ({"namespace": namespace} if kind == "Recording" else {})

    live = applied(cluster, manifest, dry_run=False)

    assert live["spec"] != manifest["spec"], "the API server adds defaults"
    assert applied(cluster, manifest, dry_run=True) == live
    if kind != "Recording":
        cluster.kubectl("delete", kind.lower(), live["metadata"]["name"])
