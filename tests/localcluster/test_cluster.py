"""The control plane and S3 server of the tests themselves."""

import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from localcluster import API_SERVER, ETCD, ControlPlane, Credentials, KubectlError, S3Server
from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, secrets_binding
from tests.conftest import TENANT, LocationFactory

pytestmark = pytest.mark.cluster

DEADLINE_S = 30.0


def wait_for(fact: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not fact():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:g} s: {what}"
        time.sleep(0.05)


def can_i(cluster: ControlPlane, question: str) -> bool:
    kubeconfig = cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT)
    return cluster.kubectl_as(kubeconfig).run("auth", "can-i", *question.split()).stdout.strip() == "yes"


def test_serves_our_resources(cluster: ControlPlane, namespace: str, location: LocationFactory) -> None:
    name = location()
    found = cluster.kubectl.json("get", "storagelocation", name)
    assert found["spec"]["allowedNamespaces"]["names"] == [namespace]
    assert found["spec"]["retry"]["delays"] == ["2s", "4s", "8s"]


def test_is_the_chosen_kubernetes_with_garbage_collection(cluster: ControlPlane, namespace: str) -> None:
    version = cluster.kubectl.json("version")["serverVersion"]
    assert f"{version['major']}.{version['minor']}" == (os.environ.get("KUBERNETES") or "1.36")
    configmap = f"--namespace={namespace}"
    cluster.kubectl("create", "configmap", "owner", configmap)
    uid = cluster.kubectl.json("get", "configmap", "owner", configmap)["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    metadata = {"name": "owned", "namespace": namespace, "ownerReferences": [owner]}
    cluster.kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    cluster.kubectl("delete", "configmap", "owner", configmap)
    wait_for(
        lambda: cluster.kubectl.run("get", "configmap", "owned", configmap).returncode != 0,
        what="garbage collection of what the deleted ConfigMap owned",
    )


@pytest.mark.parametrize(
    "question",
    [
        "list recordings.recordings.dev --all-namespaces",
        "patch recordings.recordings.dev --subresource=status",
        "patch storagelocations.recordings.dev --subresource=status",
        "create events.events.k8s.io --namespace=default",
        f"get secrets --namespace={OPERATOR_NAMESPACE}",
        f"update leases.coordination.k8s.io --namespace={OPERATOR_NAMESPACE}",
    ],
)
def test_operator_may(cluster: ControlPlane, question: str) -> None:
    assert can_i(cluster, question)


@pytest.mark.parametrize(
    "question",
    [
        "create recordings.recordings.dev --namespace=default",
        "update recordings.recordings.dev --subresource=status",
        "delete storagelocations.recordings.dev",
        "get secrets --namespace=default",
        f"list secrets --namespace={OPERATOR_NAMESPACE}",
        "get leases.coordination.k8s.io --namespace=default",
        "get customresourcedefinitions",
        "get pods --namespace=default",
        "* *",
    ],
)
def test_operator_may_not(cluster: ControlPlane, question: str) -> None:
    assert not can_i(cluster, question)


def test_operator_reads_secrets_where_the_namespace_binds_the_role(cluster: ControlPlane, namespace: str) -> None:
    question = f"get secrets --namespace={namespace}"
    assert not can_i(cluster, question)
    cluster.kubectl.apply(secrets_binding(namespace))
    wait_for(lambda: can_i(cluster, question), what="the API server to know of the binding")


def test_tenant_has_no_rights(cluster: ControlPlane, namespace: str) -> None:
    tenant = cluster.kubectl_as(cluster.user_kubeconfig(TENANT))
    with pytest.raises(KubectlError, match='User "tenant" cannot list resource "recordings"'):
        tenant("get", "recordings", f"--namespace={namespace}")


def test_audit_log_tells_who_called_what(cluster: ControlPlane, namespace: str) -> None:
    tenant = cluster.kubectl_as(cluster.user_kubeconfig(TENANT))
    tenant.run("get", "recordings", f"--namespace={namespace}")

    def refused() -> bool:
        return any(
            event["user"].get("username") == TENANT
            and event["verb"] == "list"
            and event["objectRef"].get("namespace") == namespace
            and event["responseStatus"]["code"] == 403
            for event in cluster.audit_events()
        )

    wait_for(refused, what="the refused call in the audit log")


def test_wrong_and_restricted_keys_are_rejected_by_s3(s3: S3Server, bucket: str) -> None:
    s3.client().put_object(Bucket=bucket, Key="k", Body=b"bytes")
    wrong = s3.client(Credentials(access_key=s3.root.access_key, secret_key="not-the-secret"))
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        wrong.get_object(Bucket=bucket, Key="k")
    reader = Credentials(access_key=f"reader-{bucket}", secret_key="reader-secret")
    s3.create_user(reader)
    s3.allow(reader, bucket=bucket, actions=("s3:GetObject",))
    assert s3.client(reader).get_object(Bucket=bucket, Key="k")["Body"].read() == b"bytes"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.client(reader).put_object(Bucket=bucket, Key="k", Body=b"other")


def test_s3_keeps_versions_and_comes_back_on_its_port_and_data(tmp_path: Path) -> None:
    with S3Server(tmp_path) as s3:
        s3.start()
        s3.create_bucket("kept", versioned=True)
        first = s3.client().put_object(Bucket="kept", Key="a/k", Body=b"one")
        s3.client().put_object(Bucket="kept", Key="a/k", Body=b"two")
        s3.kill()
        s3.start()
        assert s3.client().get_object(Bucket="kept", Key="a/k")["Body"].read() == b"two"
        old = s3.client().get_object(Bucket="kept", Key="a/k", VersionId=first["VersionId"])
        assert old["Body"].read() == b"one"


def test_components_die_and_come_back_at_their_address(tmp_path: Path) -> None:
    with ControlPlane(tmp_path) as control_plane:
        control_plane.start()
        control_plane.kubectl("create", "configmap", "kept")
        for component in (API_SERVER, ETCD):
            control_plane.kill_component(component)
            assert not control_plane.processes[component].running
            control_plane.start_component(component)
        wait_for(
            lambda: control_plane.kubectl.run("get", "configmap", "kept").returncode == 0,
            what="the API server to serve what etcd kept",
        )
        control_plane.freeze_component(API_SERVER)
        with pytest.raises(OSError, match="timed out"):
            urllib.request.urlopen(f"{control_plane.server}/healthz", timeout=0.5)
        control_plane.thaw_component(API_SERVER)
        assert control_plane.kubectl("get", "configmap", "kept", "-o", "name") == "configmap/kept\n"
        pids = [process.pid for process in control_plane.processes.values()]
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
