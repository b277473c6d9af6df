"""`kubectl recordings location list|status|check`, with a real API server, store and operator."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane, OperatorProcess, S3Server
from localcluster.install import OPERATOR_NAMESPACE
from localcluster.s3server import Credentials
from recording_operator.capabilities import CAPABILITY_WORDS
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from recording_operator.stores.capabilities import Capabilities
from tests.cli.conftest import People
from tests.conftest import TENANT, LocationFactory
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

WHERE = ("--operator-namespace", OPERATOR_NAMESPACE)


def is_ready(admin: RestClient, name: str) -> bool:
    status = admin.request("GET", f"/apis/recordings.dev/v1alpha1/storagelocations/{name}").get("status") or {}
    return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())


@contextmanager
def may_read_locations(cluster: ControlPlane, people: People) -> Iterator[None]:
    """Lets the tenant see StorageLocations, but no Secret of the operator."""
    rbac = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["recordings.dev"], "resources": ["storagelocations"], "verbs": ["get", "list"]}]
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": people.tenant.namespace}}
    binding = {
        **role,
        "kind": "ClusterRoleBinding",
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": people.tenant.namespace},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": TENANT}],
    }
    cluster.kubectl.apply({**role, "rules": rules}, binding)
    try:
        eventually(lambda: people.tenant.run("location", "list").returncode == 0)
        yield
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", people.tenant.namespace)


def left_in(s3: S3Server, bucket: str) -> list[Any]:
    client = s3.client()
    versions = client.list_object_versions(Bucket=bucket)
    uploads = client.list_multipart_uploads(Bucket=bucket)
    return [
        *versions.get("Versions", ()),
        *versions.get("DeleteMarkers", ()),
        *uploads.get("Uploads", ()),
    ]


def test_every_capability_is_said_in_words() -> None:
    assert set(CAPABILITY_WORDS) == set(Capabilities().as_status())


def test_a_check_leaves_nothing_behind(people: People, location: LocationFactory, s3: S3Server, bucket: str) -> None:
    name = location()
    done = people.admin.run("location", "check", name, *WHERE, timeout_s=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"s3://{bucket}/ can be written to. Objects are verified by FullObjectCRC64NVME.\n")
    assert "yes conditional writes an existing object is never overwritten" in " ".join(done.stdout.split())
    assert done.stderr.startswith(f"kubectl recordings: Test objects are written to s3://{bucket}")
    assert left_in(s3, bucket) == []


def test_a_store_that_rejects_the_keys(people: People, location: LocationFactory) -> None:
    name = location(credentials=Credentials(access_key="nobody", secret_key="nothing-at-all"))
    done = people.admin.run("location", "check", name, *WHERE, "-o", "json", timeout_s=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "kubectl recordings: CredentialsInvalid: The store does not accept the location's credentials "
        "(PutObject: InvalidAccessKeyId)."
    )
    assert "nothing-at-all" not in done.stderr


def test_list_status_and_the_last_check(
    people: People,
    location: LocationFactory,
    operators: Callable[..., OperatorProcess],
    admin: RestClient,
    cluster: ControlPlane,
    bucket: str,
) -> None:
    name = location(spec={"quotas": [{"org": "acme", "bytes": "5G"}]})
    operators().start()
    eventually(partial(is_ready, admin, name), within_s=60)
    lines = people.admin.output("location", "list").splitlines()
    row = next(line for line in lines if line.startswith(name)).split()
    assert lines[0].split()[:4] == ["NAME", "READY", "REASON", "STORE"]
    assert row[1:4] == ["True", "ProbeSucceeded", f"s3://{bucket}/"]
    assert f"storagelocation.recordings.dev/{name}" in people.admin.output("location", "list", "-o", "name")
    page = people.admin.output("location", "status", name)  # the namespace of the operator is that of its Lease
    for expected in (
        f"Store:        s3://{bucket}/",
        "Ready is True since ",
        "yes   conditional writes",
        "There are no rules: objects stay as they are.",
        "organisation acme: 0 B of 5G (0%)",
        f"Secret {OPERATOR_NAMESPACE}/{name} has both keys.",
    ):
        assert expected in page
    assert json.loads(people.admin.output("location", "status", name, "-o", "json"))["metadata"]["name"] == name
    shown = people.admin.run("check").stdout  # it may name locations of other tests that have failed
    assert re.search(rf"^ok +location {name} +It can be written to\.$", shown, re.MULTILINE)
    assert re.search(r"^ok +leader +\S+ renewed the Lease \d+s ago\.$", shown, re.MULTILINE)

    # a tenant who may see locations, and not their Secrets
    forbidden = people.tenant.run("location", "status", name)
    assert (forbidden.returncode, forbidden.stdout) == (1, "")
    assert f"You may not get storagelocations {name}." in forbidden.stderr
    with may_read_locations(cluster, people):
        done = people.tenant.run("location", "check", name, *WHERE)
        page = people.tenant.output("location", "status", name, *WHERE)
    assert done.returncode == 1
    assert "yes   conditional writes" in done.stdout, "what the operator found last"
    assert "The operator checked it" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"kubectl recordings: The store was not checked now. You may not read Secret '{name}' in the operator's "
        f"namespace '{OPERATOR_NAMESPACE}'. --operator-namespace names the operator's namespace."
    )
    assert f"Secret {name} was not checked. You may not get secrets {name} in namespace {OPERATOR_NAMESPACE}." in page


def test_a_location_that_the_operator_has_not_seen(
    people: People, location: LocationFactory, admin: RestClient
) -> None:
    name = location()
    path = f"/apis/recordings.dev/v1alpha1/storagelocations/{name}/status"
    admin.request("PATCH", path, body={"status": {"observedGeneration": 0}}, content_type=MERGE_PATCH)
    page = people.admin.output("location", "status", name, *WHERE)
    assert "Checked:      not yet" in page
    assert "Behind:       the operator has seen generation 0 of 1 of the spec" in page
    assert people.admin.run("location", "status", "nowhere").returncode == 1


def test_a_directory_is_checked_by_the_operator_only(people: People, cluster: ControlPlane, tmp_path: Path) -> None:
    name = f"directory-{uuid.uuid4().hex[:8]}"
    spec = {"filesystem": {"path": str(tmp_path)}}
    manifest = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageLocation",
        "metadata": {"name": name},
        "spec": spec,
    }
    cluster.kubectl.apply(manifest)
    try:
        refused = people.admin.run("location", "check", name)
    finally:
        cluster.kubectl("delete", "storagelocation", name)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is a directory in the operator's pods. Only the operator can check it." in refused.stderr
    assert list(tmp_path.glob(".recording-operator*")) == []
