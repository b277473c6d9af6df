"""`kubectl recordings wait`, on a real API server, as three people."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.conftest import PROGRAM, People, Person
from tests.kube.objects import JsonObject, a_recording, set_status
from tests.support.terminal import Terminal
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

STORED = {"name": "video", "phase": "Complete", "reason": "Stored"}
COMPLETE = {"phase": "Complete", "reason": "Stored", "observedGeneration": 1, "artifacts": [STORED]}
PARTIAL = {**COMPLETE, "reason": "PartiallyStored", "artifacts": [{**STORED, "phase": "Failed"}]}
UPLOADING = {"phase": "Uploading", "reason": "Uploading", "progress": "45.1%", "observedGeneration": 1}
FAILED = {
    "phase": "Failed",
    "reason": "SourceNotFound",
    "message": "video: The source responded with 404.",
    "observedGeneration": 1,
}


@contextmanager
def waiting(person: Person, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`wait` in the background, without a terminal."""
    with subprocess.Popen(
        [PROGRAM, "wait", *arguments],
        env=person.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def watches(cluster: ControlPlane, namespace: str) -> int:
    return sum(
        event["verb"] == "watch" and event["objectRef"].get("namespace") == namespace
        for event in cluster.audit_events()
    )


def has_watch(cluster: ControlPlane, namespace: str) -> bool:
    return watches(cluster, namespace) > 0


def path_of(stored: JsonObject) -> str:
    metadata = stored["metadata"]
    return f"/apis/recordings.dev/v1alpha1/namespaces/{metadata['namespace']}/recordings/{metadata['name']}"


def test_it_returns_when_all_are_complete(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    first, second = (a_recording(admin, namespace, name) for name in ("first", "second"))
    set_status(admin, first, COMPLETE)
    with waiting(people.tenant, "first", f"{namespace}/second") as process:
        eventually(partial(has_watch, cluster, namespace))
        uploading = set_status(admin, second, UPLOADING)
        assert process.poll() is None
        set_status(admin, uploading, COMPLETE)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines() == ["recording.recordings.dev/first complete", "recording.recordings.dev/second complete"]


@pytest.mark.parametrize("person", ["admin", "tenant", "viewer"])
def test_everybody_who_may_watch_can_wait(person: str, people: People, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "r"), COMPLETE)
    assert getattr(people, person).output("wait", "r") == "recording.recordings.dev/r complete\n"


def test_a_failure_says_why_and_what_to_do(people: People, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "r"), FAILED)
    done = people.tenant.run("wait", "r")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "kubectl recordings: r is Failed, not complete. video: The source responded with 404. "
        "SourceNotFound: The source responded with 404 or 410"
    )
    assert "apply a fresh one" in done.stderr
    assert people.tenant.run("wait", "r", "--for", "failed").returncode == 0


def test_an_end_before_the_last_edit_does_not_count(people: People, admin: RestClient, namespace: str) -> None:
    failed = set_status(admin, a_recording(admin, namespace, "r"), FAILED)
    edit = {"spec": {"retryToken": "again"}}
    edited = admin.request("PATCH", path_of(failed), body=edit, content_type=MERGE_PATCH)
    assert people.tenant.run("wait", "r", "--timeout", "0").returncode == 124
    set_status(admin, edited, {**COMPLETE, "observedGeneration": 2})
    assert people.tenant.run("wait", "r", "--timeout", "0").returncode == 0


def test_stored_means_the_optional_artifacts_too(people: People, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "part"), PARTIAL)
    set_status(admin, a_recording(admin, namespace, "whole"), COMPLETE)
    assert people.tenant.run("wait", "part", "whole").returncode == 0
    assert people.tenant.run("wait", "whole", "--for", "stored").returncode == 0
    missed = people.tenant.run("wait", "part", "--for", "stored")
    assert missed.returncode == 1
    assert "part is Complete, not stored. PartiallyStored: " in missed.stderr


def test_after_the_timeout_it_says_which_are_left(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "new")
    set_status(admin, a_recording(admin, namespace, "half"), UPLOADING)
    late = people.tenant.run("wait", "half", "new", "--timeout", "1s")
    assert (late.returncode, late.stdout) == (124, "")
    assert late.stderr == (
        "kubectl recordings: After 1s, 2 of 2 are not complete: half (Uploading, 45.1%), new (Pending).\n"
    )


def test_a_deletion_is_a_failure_unless_it_is_waited_for(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")
    with waiting(people.tenant, "r") as one, waiting(people.viewer, "r", "--for", "deleted") as other:
        eventually(lambda: watches(cluster, namespace) >= 2)
        admin.request("DELETE", path_of(stored))
        assert one.communicate(timeout=30)[1] == "kubectl recordings: r was deleted before it was complete.\n"
        assert other.communicate(timeout=30)[0] == "recording.recordings.dev/r deleted\n"
    assert (one.returncode, other.returncode) == (1, 0)
    missing = people.tenant.run("wait", "r")
    assert missing.returncode == 1
    assert missing.stderr == (
        f"kubectl recordings: There is no Recording r in namespace {namespace}. Check the name and -n.\n"
    )


def labelled(admin: RestClient, namespace: str, name: str, status: dict[str, Any]) -> JsonObject:
    stored = a_recording(admin, namespace, name)
    body = {"metadata": {"labels": {"team": "sales"}}}
    return set_status(admin, admin.request("PATCH", path_of(stored), body=body, content_type=MERGE_PATCH), status)


def test_a_selector_means_those_that_have_the_labels_now(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    uploading = labelled(admin, namespace, "uploading", UPLOADING)
    moved = labelled(admin, namespace, "moved", UPLOADING)
    labelled(admin, namespace, "complete", COMPLETE)
    set_status(admin, a_recording(admin, namespace, "another"), FAILED)
    with waiting(people.tenant, "-l", "team=sales") as process:
        eventually(partial(has_watch, cluster, namespace))
        labelled(admin, namespace, "later", UPLOADING)
        body = {"metadata": {"labels": {"team": None}}}
        admin.request("PATCH", path_of(moved), body=body, content_type=MERGE_PATCH)
        set_status(admin, uploading, COMPLETE)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [line.split()[0].partition("/")[2] for line in out.splitlines()] == ["complete", "uploading"]
    assert err == "kubectl recordings: moved no longer has the labels team=sales, and is not waited for.\n"

    nothing = people.tenant.run("wait", "-l", "team=none")
    assert nothing.returncode == 1
    assert nothing.stderr == f"kubectl recordings: No Recording in namespace {namespace} has the labels team=none.\n"


def test_when_none_has_the_labels_any_more_it_fails(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    stored = labelled(admin, namespace, "moved", UPLOADING)
    with waiting(people.tenant, "-l", "team=sales") as process:
        eventually(partial(has_watch, cluster, namespace))
        body = {"metadata": {"labels": {"team": None}}}
        admin.request("PATCH", path_of(stored), body=body, content_type=MERGE_PATCH)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[-1] == "kubectl recordings: No Recording is left to wait for."


def test_a_missing_right_is_named(people: People, cluster: ControlPlane, admin: RestClient, namespace: str) -> None:
    refused = people.viewer.run("wait", "r", "-n", "default")
    assert refused.returncode == 1
    assert "You may not list recordings in namespace default." in refused.stderr
    lists_only = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "lister", "namespace": namespace},
        "rules": [{"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["list"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "lister", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lister"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "lister"}],
    }
    cluster.kubectl.apply(lists_only, binding)
    eventually(lambda: people.admin.run("list", "--as", "lister").returncode == 0)
    a_recording(admin, namespace, "r")
    refused = people.admin.run("wait", "r", "--as", "lister")
    assert refused.returncode == 1
    assert f"You may not watch recordings in namespace {namespace}." in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Write either names or --selector."),
        (("r", "-l", "a=b"), "Write either names or --selector."),
        (("r", "-A"), "-A needs --selector."),
        (("r", "--for", "done"), "'complete', 'stored', 'failed', 'deleted'"),
    ],
)
def test_usage_errors(people: People, arguments: tuple[str, ...], said: str) -> None:
    wrong = people.tenant.run("wait", *arguments)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert said in wrong.stderr


def test_progress_is_one_line_on_a_terminal_and_is_gone_at_the_end(
    people: People, admin: RestClient, namespace: str
) -> None:
    uploading = set_status(admin, a_recording(admin, namespace, "a-recording-with-a-rather-long-name"), UPLOADING)
    name = uploading["metadata"]["name"]
    with Terminal([PROGRAM, "wait", name], env=people.tenant.environment, columns=60) as terminal:
        assert terminal.wait_for("Waiting for ") == f"Waiting for {name} Uploading,…"
        terminal.resize(columns=100, lines=24)
        uploading = set_status(admin, uploading, {**UPLOADING, "progress": "77.0%"})
        assert terminal.wait_for("77.0%") == f"Waiting for {name} Uploading, 77.0%"
        set_status(admin, uploading, COMPLETE)
        assert terminal.wait_exit() == 0
        assert terminal.text == f"recording.recordings.dev/{name} complete"


def test_ctrl_c_ends_it_with_130(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "r")
    with Terminal([PROGRAM, "wait", "r"], env=people.tenant.environment) as terminal:
        terminal.wait_for("Waiting for r Pending")
        terminal.type("\x03")
        assert terminal.wait_exit() == 130
        assert terminal.text == ""


@pytest.mark.timeout(180)
def test_a_restart_of_the_api_server_does_not_end_it(rough_cluster: ControlPlane, namespace: str) -> None:
    admin = RestClient(connection(kubeconfig=rough_cluster.kubeconfig))
    rough_cluster.kubectl("create", "namespace", namespace)
    stored = a_recording(admin, namespace, "r")
    person = Person(kubeconfig=rough_cluster.kubeconfig, namespace=namespace)
    with waiting(person, f"{namespace}/r") as process:
        eventually(partial(has_watch, rough_cluster, namespace))
        rough_cluster.kill_component("kube-apiserver")
        assert process.stderr is not None
        assert process.stderr.readline() == (
            "kubectl recordings: The API server does not respond. The request is repeated.\n"
        )
        rough_cluster.start_component("kube-apiserver")
        set_status(admin, stored, COMPLETE)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "recording.recordings.dev/r complete\n", "")


def test_without_a_terminal_a_reason_to_wait_is_said(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")
    with waiting(people.tenant, "r") as process:
        eventually(partial(has_watch, cluster, namespace))
        status = {"phase": "Pending", "reason": "SecretNotFound", "message": "video: There is no Secret a."}
        stuck = set_status(admin, stored, status)
        assert process.stderr is not None
        assert "r is Pending. video: There is no Secret a. SecretNotFound: " in process.stderr.readline()
        set_status(admin, stuck, COMPLETE)
        assert process.wait(30) == 0
