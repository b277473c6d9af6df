"""Which namespace is that of the operator, and who cannot pretend that it is theirs."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import People
from tests.cli.counted_world import NAMESPACE, ApiServer, a_secret
from tests.cli.stored_world import StoredWorld, stored_world
from tests.cli.test_check import a_deployment, checked
from tests.cli.test_sink import a_sink
from tests.support.sinks import a_sink as an_application
from tests.support.strict_store import StrictStore

pytestmark = pytest.mark.cluster

FUTURE = "2099-01-01T00:00:00.000000Z"


def a_lease(admin: RestClient, namespace: str, renewed: str) -> str:
    """Returns its path."""
    folder = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    spec = {"holderIdentity": "op-1_a", "leaseDurationSeconds": 15, "renewTime": renewed}
    admin.request("POST", folder, body={"metadata": {"name": "recording-operator"}, "spec": spec})
    return f"{folder}/recording-operator"


def a_settings_map(admin: RestClient, namespace: str) -> None:
    labels = {"app.kubernetes.io/part-of": "recording-operator"}
    policy = "sinkPolicy: {schemes: [http], ports: [], allowPrivateCIDRs: [127.0.0.0/8]}\n"
    body = {"metadata": {"name": "op-settings", "labels": labels}, "data": {"settings.yaml": policy}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body=body)


@pytest.fixture
def planted(admin: RestClient, namespace: str) -> Iterator[str]:
    """The namespace of a tenant who has made a Lease that looks newer than that of any operator."""
    path = a_lease(admin, namespace, FUTURE)
    yield namespace
    admin.request("DELETE", path)


@pytest.fixture
def real(admin: RestClient) -> Iterator[str]:
    """The Lease of the operator."""
    path = a_lease(admin, OPERATOR_NAMESPACE, "2026-01-01T00:00:00.000000Z")
    yield OPERATOR_NAMESPACE
    admin.request("DELETE", path)


@pytest.fixture
def deployments(admin: RestClient, planted: str) -> Iterator[None]:
    """None are left after the test."""
    yield
    for namespace in (OPERATOR_NAMESPACE, planted):
        admin.request("DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments")


@pytest.mark.usefixtures("deployments")
def test_a_lease_of_a_tenant_does_not_win(people: People, admin: RestClient, planted: str, real: str) -> None:
    both = ", ".join(sorted((planted, real)))
    asks = "--operator-namespace says which one is meant."
    expected = f"The namespaces {both} each have a Lease recording-operator. {asks}"
    assert checked(people.admin)["operator"] == ("failed", expected)
    assert f"unknown. {expected}" in people.admin.output("version")
    a_deployment(admin, real)
    found = checked(people.admin)
    assert f"kubectl -n {real} get pods" in found["operator"][1]
    assert "The operator does not run." in found["leader"][1]
    a_deployment(admin, planted)  # a tenant can make one, too
    expected = f"The namespaces {both} each have a Deployment of the operator. {asks}"
    assert checked(people.admin)["operator"] == ("failed", expected)


def test_a_lease_from_the_future_is_not_healthy(people: People, planted: str) -> None:
    state, message = checked(people.admin, "--operator-namespace", planted)["leader"]
    assert state == "failed"
    assert message.startswith("The Lease of op-1_a says that it is renewed in ")


def test_the_policy_for_addresses_is_not_that_of_a_tenant(people: People, admin: RestClient, planted: str) -> None:
    a_settings_map(admin, planted)
    with an_application() as application:
        a_sink(admin, planted, application.url)
        done = people.admin.run("sink", "test", "app")
        assert (done.returncode, application.bodies) == (1, [])
    assert "SinkBlocked: " in done.stderr
    assert f"it is not certain that the operator's namespace is {planted}." in done.stderr


@pytest.fixture
def world(strict: StrictStore, tmp_path: Any) -> Iterator[StoredWorld]:
    """A Recording with one artifact."""
    with stored_world(strict, tmp_path) as world:
        world.keep("video", b"the bytes")
        yield world


def test_a_secret_in_the_namespace_of_the_context_is_not_the_operators(world: StoredWorld) -> None:
    world.objects["/api/v1/namespaces/team/secrets/keys"] = a_secret(world.strict, secret_key="theirs")
    folder = world.folder / "team"
    folder.mkdir()
    with ApiServer(world.objects).kubeconfig(folder, namespace="team") as kubeconfig:
        world.kubeconfig = kubeconfig
        assert world.run("cat", "video").stdout == "the bytes"
        for path in ("/apis/apps/v1/deployments", "/apis/coordination.k8s.io/v1/leases"):
            world.objects[path] = 403
        assert world.run("cat", "video").stdout == "the bytes"


def test_an_error_names_the_secret(world: StoredWorld) -> None:
    secret = world.objects[f"/api/v1/namespaces/{NAMESPACE}/secrets/keys"]
    assert isinstance(secret, dict)
    secret["data"]["AWS_SECRET_ACCESS_KEY"] = base64.b64encode(b"another").decode()
    done = world.run("cat", "video")
    assert done.exit_code == 1
    assert f"They are those of Secret {NAMESPACE}/keys." in done.stderr
