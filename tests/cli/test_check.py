"""`kubectl recordings check`, on a real API server, as three people."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator import __version__
from recording_operator.api.crd import RESOURCES, crd
from recording_operator.api.names import RECORDING_PLURAL
from recording_operator.cli.administration.checks.definitions import schema_differences
from recording_operator.cli.administration.checks.operator import policy_in_words
from recording_operator.egress.policy import SourcePolicy
from recording_operator.kube.errors import ApiUnavailable
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.chart.cluster import remove_crds
from tests.cli.conftest import People, Person
from tests.kube.objects import a_recording, set_status
from tests.support.node_api import node, own_address, pod
from tests.support.skewed_clock import SkewedClock, needs_compiler
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

STALLED = {
    "type": "Stalled",
    "status": "True",
    "reason": "SourceNotFound",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def checked(person: Person, *arguments: str) -> dict[str, tuple[str, str]]:
    done = person.run("check", "-o", "json", *arguments)
    document = json.loads(done.stdout)
    states = [one["state"] for one in document["checks"]]
    assert done.returncode == (1 if "failed" in states else 0)
    assert document["failed"] == states.count("failed")
    return {one["name"]: (one["state"], one["message"]) for one in document["checks"]}


@pytest.fixture
def lease(admin: RestClient) -> Iterator[dict[str, Any]]:
    """A Lease of the operator that somebody renewed a long time ago."""
    folder = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases"
    spec = {"holderIdentity": "pod-1", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}
    body = {"metadata": {"name": "recording-operator"}, "spec": spec}
    yield admin.request("POST", folder, body=body)
    admin.request("DELETE", f"{folder}/recording-operator")


def a_deployment(admin: RestClient, namespace: str) -> str:
    """A Deployment of the chart whose pods never run, because there is no node. Returns its path."""
    folder = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    labels = {"app.kubernetes.io/part-of": "recording-operator", "app.kubernetes.io/version": "0.0.1"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "operator", "image": "example.com/op:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    body = {"metadata": {"name": "op", "labels": labels}, "spec": spec}
    admin.request("POST", folder, body=body)
    return f"{folder}/op"


@pytest.fixture
def deployment(admin: RestClient, namespace: str) -> Iterator[None]:
    """One that is gone after the test."""
    path = a_deployment(admin, namespace)
    yield
    admin.request("DELETE", path)


def test_an_administrator_sees_everything(people: People, lease: dict[str, Any]) -> None:  # noqa: ARG001 - it exists
    found = checked(people.admin)
    assert found["api-server"][0] == "ok"
    assert found["clock"] == ("ok", "This machine and the API server have the same time.")
    for resource in RESOURCES:
        assert found[f"crd {resource.plural}"] == ("ok", "It is served, with the fields of version 0.1.0.")
    assert found["operator"][0] == "warning"
    assert found["leader"][0] == "failed"
    assert "The operator does not run." in found["leader"][1]
    assert found["receiver"][0] == found["webhooks"][0] == found["admission"][0] == "ok"
    assert found["source policy"][0] == "not checked"
    assert "You may not" not in found["rights"][1].replace("delete Recordings, ", "")


def test_a_tenant_sees_what_it_may(people: People, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "bad"), {"phase": "Failed", "reason": "SourceNotFound"})
    for person, may in ((people.tenant, "create Recordings"), (people.viewer, "list Recordings")):
        found = checked(person)
        assert found["crd recordings"][1] == (
            "It is served. Its fields were not compared: You may not get customresourcedefinitions "
            "recordings.recordings.dev."
        )
        assert found["operator"] == (
            "not checked",
            "You may not list leases. --operator-namespace names the namespace of the operator.",
        )
        assert found["locations"] == ("not checked", "You may not list storagelocations.")
        assert found["sources"] == ("ok", f"There are no RecordingSources in namespace {namespace}.")
        assert may in found["rights"][1].partition("You may not")[0]
    assert "create Recordings" in checked(people.viewer)["rights"][1].partition("You may not")[2]


def test_the_table_and_its_exit_status(people: People, lease: dict[str, Any]) -> None:  # noqa: ARG001 - it exists
    done = people.admin.run("check")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "failed       leader " in done.stdout
    assert done.stderr.startswith("kubectl recordings: ")
    assert re.search(r"\b[1-9]\d* failed", done.stderr), "other tests may have failing objects in the cluster"
    tenant = people.tenant.run("check")
    assert tenant.returncode == 0, tenant.stdout


def test_recordings_that_failed_or_are_stuck(people: People, admin: RestClient, namespace: str) -> None:
    assert checked(people.tenant)["recordings"][0] == "ok"
    today = admin.request("GET", f"/api/v1/namespaces/{namespace}")["metadata"]["creationTimestamp"]
    failed = {"phase": "Failed", "reason": "SourceNotFound", "completedAt": today}
    set_status(admin, a_recording(admin, namespace, "failed"), failed)
    long_ago = {**failed, "completedAt": "2026-01-01T00:00:00Z"}
    set_status(admin, a_recording(admin, namespace, "failed-before"), long_ago)
    set_status(admin, a_recording(admin, namespace, "stalled"), {"phase": "Pending", "conditions": [STALLED]})
    overdue = {"phase": "Pending", "nextRetryTime": "2026-01-01T00:00:00Z"}
    set_status(admin, a_recording(admin, namespace, "overdue"), overdue)
    found = checked(people.tenant)
    assert found["recordings failed"] == ("warning", "1 failed in the last day (1 SourceNotFound).")
    assert found["recordings stuck"] == (
        "warning",
        f"2 do not continue: {namespace}/overdue, {namespace}/stalled.",
    )


@pytest.mark.usefixtures("deployment")
def test_the_pods_of_the_chart(people: People, namespace: str) -> None:
    found = checked(people.admin, "--operator-namespace", namespace)
    assert found["operator"] == (
        "failed",
        f"0 of 2 pods are ready, image example.com/op:1. kubectl -n {namespace} get pods says why.",
    )
    assert found["leader"] == (
        "failed",
        f"There is no Lease {namespace}/recording-operator: no operator has started here.",
    )


def test_the_settings_of_the_chart(people: People, admin: RestClient, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    labels = {"app.kubernetes.io/part-of": "recording-operator"}
    body = {
        "metadata": {"name": "op-settings", "labels": labels},
        "data": {"settings.yaml": "sourcePolicy: {ports: []}\n"},
    }
    admin.request("POST", path, body=body)
    assert checked(people.admin, "--operator-namespace", namespace)["source policy"] == (
        "ok",
        "Sources are read by https on any port, from any public host.",
    )
    change = {"data": {"settings.yaml": "sourcePolice: {}\n"}}
    admin.request("PATCH", f"{path}/op-settings", body=change, content_type=MERGE_PATCH)
    assert checked(people.admin, "--operator-namespace", namespace)["source policy"] == (
        "failed",
        "ConfigMap op-settings: sourcePolice is not a setting; check the spelling.",
    )


def test_the_receiver_is_asked_through_the_api_server(
    people: People, admin: RestClient, namespace: str, tmp_path: Path
) -> None:
    address = own_address()
    if address is None:
        pytest.skip("the API server proxies only to addresses that are not loopback")
    where = ("--operator-namespace", namespace)
    labels = {"app.kubernetes.io/part-of": "recording-operator", "app.kubernetes.io/component": "receiver"}
    ports = [{"name": "metrics", "port": 8081, "targetPort": "http"}]
    body = {"metadata": {"name": "op-metrics", "labels": labels}, "spec": {"ports": ports, "selector": labels}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/services", body=body)
    state, message = checked(people.admin, *where)["webhooks"]
    assert state == "failed"
    assert message.startswith("The receiver does not respond at /readyz of Service op-metrics: ")
    spec = {"containers": [{"name": "receiver", "image": "example.com/op:1"}], "automountServiceAccountToken": False}
    metadata = {"name": "receiver", "namespace": namespace, "labels": labels}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    with node(admin, tmp_path, {}), pod(admin, manifest, address=address, pages={"/readyz": "ok"}):
        proxy = f"/api/v1/namespaces/{namespace}/services/op-metrics:metrics/proxy/readyz"
        eventually(lambda: _responds(admin, proxy))
        assert checked(people.admin, *where)["webhooks"] == (
            "ok",
            "The receiver responds at /readyz of Service op-metrics.",
        )


def _responds(admin: RestClient, path: str) -> bool:
    try:
        return admin.text(path) == "ok"
    except ApiUnavailable:
        return False


def test_an_api_server_without_the_kinds(bare_cluster: ControlPlane, people: People) -> None:
    remove_crds(bare_cluster)
    person = Person(kubeconfig=bare_cluster.kubeconfig, namespace="default")
    found = checked(person)
    assert found["crd recordings"][0] == "failed"
    assert found["crd recordings"][1].startswith("The API server does not serve recordings.recordings.dev (v1alpha1).")
    assert people.admin.run("check", "--kubeconfig", "/nowhere").returncode == 1


def test_an_older_definition_is_recognised(people: People, admin: RestClient, cluster: ControlPlane) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/eventsinks.recordings.dev"
    own = next(crd(one) for one in RESOURCES if one.plural == "eventsinks")
    older = json.loads(json.dumps(own))
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["presign"]
    try:
        admin.request("PATCH", path, body={"spec": older["spec"]}, content_type=MERGE_PATCH)
        state, message = checked(people.admin)["crd eventsinks"]
    finally:
        cluster.kubectl.apply(own)
        eventually(lambda: people.admin.run("sink", "list").returncode == 0)  # the API server stores them anew
    assert state == "failed"
    assert message.startswith("It does not have spec.presign, which version 0.1.0 of this program knows;")


def test_versions(people: People, request: pytest.FixtureRequest, namespace: str) -> None:
    assert "operator:   unknown. You may not list leases." in people.tenant.output("version")
    request.getfixturevalue("deployment")
    found = json.loads(people.admin.output("version", "-o", "json", "--operator-namespace", namespace))
    assert found["client"] == __version__
    assert found["kubernetes"].startswith("v1.")
    assert found["crds"] == f"recordings.dev/v1alpha1, as of version {__version__}"
    assert found["operator"] == "0.0.1, image example.com/op:1"
    assert people.tenant.output("version", "--client") == f"client:     {__version__}\n"


@needs_compiler
def test_the_clock_of_this_machine(people: People, tmp_path: Path) -> None:
    clock = SkewedClock(tmp_path)
    for ahead_s, state, way in ((-60, "warning", "behind"), (1200, "failed", "ahead of")):
        clock.set(ahead_s=ahead_s)
        line = people.tenant.run("check", env=clock.environment).stdout.splitlines()[1]
        assert re.fullmatch(
            rf"{state} +clock +The clock of this machine is \d+ s {way} that of the API server\. "
            r"Correct the one that is wrong\.",
            line,
        )


def test_differences_of_schemas_name_the_fields() -> None:
    resource = next(one for one in RESOURCES if one.plural == RECORDING_PLURAL)
    own = crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    other = json.loads(json.dumps(own))
    spec = other["properties"]["spec"]["properties"]
    spec["artifacts"]["items"]["properties"]["hue"] = {"type": "string"}
    spec["title"]["maxLength"] = 3
    spec["owner"]["description"] = "Another text."
    found = schema_differences(other, own)
    assert (found.missing, found.unknown, found.other) == ([], ["spec.artifacts[].hue"], ["spec.title"])


def test_a_policy_in_words() -> None:
    assert policy_in_words(SourcePolicy()) == "Sources are read by https on port 443, from any public host."
    wide = SourcePolicy.model_validate(
        {"schemes": ["http", "https"], "ports": [], "allowPrivateCIDRs": ["10.0.0.0/8"], "proxy": "http://proxy:3128"}
    )
    assert policy_in_words(wide) == (
        "Sources are read by https and http on any port, from any public host. Private addresses are allowed in "
        "10.0.0.0/8. All requests go through http://proxy:3128."
    )
