"""`create`, `add-artifact` and `refresh-url` when the API server has done what was asked, but its response is lost."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import PROGRAM, People, Person
from tests.cli.test_edits import URL, recording_of, secrets, status_of
from tests.kube.objects import a_recording, set_status
from tests.support.cutting_proxy import CuttingProxy
from tests.support.recordings import path_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


@pytest.fixture
def proxy(cluster: ControlPlane) -> Iterator[CuttingProxy]:
    with CuttingProxy(cluster.server, str(cluster.pki.path("ca.crt"))) as started:
        yield started


@pytest.fixture
def tenant(people: People, cluster: ControlPlane, proxy: CuttingProxy, tmp_path: Path) -> Person:
    """The tenant, whose requests go through the proxy."""
    path = tmp_path / "through-proxy"
    path.write_text(people.tenant.kubeconfig.read_text(encoding="utf-8").replace(cluster.server, proxy.url))
    path.chmod(0o600)
    return Person(kubeconfig=path, namespace=people.tenant.namespace)


def ended_while_held(
    person: Person, proxy: CuttingProxy, number: signal.Signals, *arguments: str
) -> tuple[int, str, str]:
    """Call the program, and end it when a request was applied that got no response."""
    with subprocess.Popen(
        [PROGRAM, *arguments],
        env=person.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(URL)
            process.stdin.close()
            process.stdin = None
            assert proxy.held.wait(60)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out, err


def names(admin: RestClient, namespace: str) -> list[str]:
    return [one["metadata"]["name"] for one in admin.request("GET", path_of(namespace))["items"]]


def source_of(recording: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one["source"] for one in recording["spec"]["artifacts"] if one["name"] == name)
    return found


# add-artifact


def test_an_added_artifact_keeps_its_secret(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str
) -> None:
    a_recording(admin, namespace, "weekly")
    proxy.lose("PATCH", "/recordings/weekly")
    added = tenant.run("add-artifact", "weekly", "--audio", "-", stdin=URL)
    assert (added.returncode, added.stdout) == (0, "recording.recordings.dev/weekly has audio now\n"), added.stderr
    assert f"There was no response, but {namespace}/weekly has audio now." in added.stderr
    ((name, values),) = secrets(admin, namespace).items()
    assert (values, source_of(recording_of(admin, namespace), "audio")["urlSecretRef"]["name"]) == (
        {"audio": URL},
        name,
    )


def test_a_secret_stays_if_the_recording_cannot_be_read(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str
) -> None:
    a_recording(admin, namespace, "weekly")
    proxy.stays_down = True
    proxy.lose("PATCH", "/recordings/weekly")
    added = tenant.run("add-artifact", "weekly", "--audio", "-", stdin=URL)
    assert (added.returncode, added.stdout) == (1, "")
    (name,) = secrets(admin, namespace)
    assert f"It is not known whether {namespace}/weekly has audio now." in added.stderr
    assert f"Secret {name} was kept, and is deleted with the Recording." in added.stderr
    assert f"kubectl recordings status weekly -n {namespace}" in added.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_artifact_that_was_added_before_the_end_keeps_its_secret(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str, number: signal.Signals
) -> None:
    a_recording(admin, namespace, "weekly")
    proxy.hold("PATCH", "/recordings/weekly")
    status, out, err = ended_while_held(tenant, proxy, number, "add-artifact", "weekly", "--audio", "-")
    assert (status, out) == (130, "")
    assert f"There was no response, but {namespace}/weekly has audio now." in err
    (name,) = secrets(admin, namespace)
    assert source_of(recording_of(admin, namespace), "audio")["urlSecretRef"]["name"] == name


# refresh-url


def test_a_fresh_url_keeps_its_secret(tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "weekly"), status_of("Failed", revision="abc"))
    proxy.lose("PATCH", "/recordings/weekly")
    done = tenant.run("refresh-url", "weekly", "-", stdin=URL)
    assert (done.returncode, done.stdout) == (0, "recording.recordings.dev/weekly has a fresh URL of video\n")
    assert f"There was no response, but {namespace}/weekly has a fresh URL of video now." in done.stderr
    ((name, values),) = secrets(admin, namespace).items()
    assert (values, source_of(recording_of(admin, namespace), "video")["urlSecretRef"]["name"]) == (
        {"video": URL},
        name,
    )


def test_a_fresh_url_that_may_be_used_stays(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str
) -> None:
    a_recording(admin, namespace, "weekly")
    proxy.stays_down = True
    proxy.lose("PATCH", "/recordings/weekly")
    done = tenant.run("refresh-url", "weekly", "-", stdin=URL)
    assert (done.returncode, done.stdout) == (1, "")
    (name,) = secrets(admin, namespace)
    assert f"Secret {name} was kept, and is deleted with the Recording." in done.stderr


def test_a_fresh_url_that_was_set_before_the_end_keeps_its_secret(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str
) -> None:
    a_recording(admin, namespace, "weekly")
    proxy.hold("PATCH", "/recordings/weekly")
    status, out, err = ended_while_held(tenant, proxy, signal.SIGTERM, "refresh-url", "weekly", "-")
    assert (status, out) == (130, "")
    assert f"{namespace}/weekly has a fresh URL of video now." in err
    (name,) = secrets(admin, namespace)
    assert source_of(recording_of(admin, namespace), "video")["urlSecretRef"]["name"] == name


def test_a_secret_is_not_written_if_the_recording_may_not_be(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    people.tenant.output("create", "weekly", "--org", "acme", "--video", "-", stdin=URL)
    rbac = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{rbac}/v1",
        "kind": "Role",
        "metadata": {"name": "secrets-only", "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}],
    }
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "secrets-only", "namespace": namespace},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "secrets-only"},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": "viewer"}],
    }
    cluster.kubectl.apply(role, binding)
    viewer = cluster.kubectl_as(people.viewer.kubeconfig)
    eventually(lambda: viewer.run("auth", "can-i", "patch", "secrets", "-n", namespace).returncode == 0)
    refused = people.viewer.run("refresh-url", "weekly", "-", stdin=URL.replace("v2", "v3"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"You may not patch recordings weekly in namespace {namespace}." in refused.stderr
    assert secrets(admin, namespace) == {"weekly": {"video": URL}}


# create


@pytest.mark.parametrize("with_secret", ["--secret", "--no-secret"])
def test_one_recording_is_created(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str, with_secret: str
) -> None:
    proxy.lose("POST", "/recordings")
    done = tenant.run("create", "--org", "acme", "--title", "Weekly", "--video", "-", with_secret, stdin=URL)
    assert done.returncode == 0, done.stderr
    (name,) = names(admin, namespace)
    assert done.stdout == f"recording.recordings.dev/{name} created\n"
    recording = recording_of(admin, namespace, name)
    assert not recording["spec"].get("suspend")
    assert not recording["metadata"].get("annotations")
    assert secrets(admin, namespace) == ({name: {"video": URL}} if with_secret == "--secret" else {})


@pytest.mark.parametrize("with_secret", ["--secret", "--no-secret"])
def test_the_name_of_what_may_be_created_is_said(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str, with_secret: str
) -> None:
    proxy.stays_down = True
    proxy.lose("POST", "/recordings")
    done = tenant.run("create", "--org", "acme", "--title", "Weekly", "--video", "-", with_secret, stdin=URL)
    assert (done.returncode, done.stdout) == (1, "")
    (name,) = names(admin, namespace)
    assert f"It is not known whether Recording {namespace}/{name} was created." in done.stderr


def test_a_lost_last_step_deletes_nothing(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str
) -> None:
    proxy.lose("PATCH", "/recordings/weekly")
    assert tenant.run("create", "weekly", "--org", "acme", "--video", "-", stdin=URL).returncode == 0
    assert recording_of(admin, namespace)["spec"]["suspend"] is False
    assert secrets(admin, namespace) == {"weekly": {"video": URL}}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_in_the_first_request_leaves_nothing(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str, number: signal.Signals
) -> None:
    proxy.hold("POST", "/recordings")
    status, out, err = ended_while_held(tenant, proxy, number, "create", "weekly", "--org", "acme", "--video", "-")
    assert (status, out) == (130, "")
    assert f"Recording {namespace}/weekly was deleted again" in err
    assert (names(admin, namespace), secrets(admin, namespace)) == ([], {})


def test_an_end_says_that_a_recording_without_secrets_was_created(
    tenant: Person, proxy: CuttingProxy, admin: RestClient, namespace: str
) -> None:
    proxy.hold("POST", "/recordings")
    arguments = ("create", "weekly", "--org", "acme", "--video", "-", "--no-secret")
    status, out, err = ended_while_held(tenant, proxy, signal.SIGTERM, *arguments)
    assert (status, out) == (130, "")
    assert f"Recording {namespace}/weekly was created." in err
    assert names(admin, namespace) == ["weekly"]
