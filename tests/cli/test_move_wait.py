"""`move --wait` on a real API server. No operator runs: the tests write the status."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import PROGRAM, People, Person
from tests.cli.test_wait import COMPLETE, has_watch, path_of
from tests.kube.objects import JsonObject, a_recording, set_status
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

TO = "archive-eu"
MOVING: dict[str, Any] = {
    "phase": "Complete",
    "reason": "Moving",
    "progress": "45.1%",
    "storageLocation": "archive",
    "observedGeneration": 2,
    "move": {"to": TO},
}
MESSAGE = "The objects could not be moved to archive-eu, and stay at archive."


def stored(admin: RestClient, namespace: str, name: str) -> JsonObject:
    return set_status(admin, a_recording(admin, namespace, name), {**COMPLETE, "storageLocation": "archive"})


def now(admin: RestClient, recording: JsonObject, **status: Any) -> JsonObject:
    """Write the status, into the newest state of the Recording."""
    return set_status(admin, admin.request("GET", path_of(recording)), {**MOVING, **status})


@contextmanager
def moving(person: Person, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`move --wait` in the background, without a terminal."""
    with subprocess.Popen(
        [PROGRAM, "move", *arguments, "--to", TO, "--yes", "--wait"],
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


def test_it_returns_when_the_moves_are_over(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    first, second = stored(admin, namespace, "first"), stored(admin, namespace, "second")
    with moving(people.tenant, "first", "second") as process:
        eventually(partial(has_watch, cluster, namespace))
        now(admin, first)
        now(admin, first, storageLocation=TO, reason="Moving", move={"from": "archive"})
        now(admin, second, storageLocation=TO, reason="Stored", move=None)
        assert process.poll() is None, "the old objects are being removed"
        now(admin, first, storageLocation=TO, reason="Stored", move=None)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    begun = [f"recording.recordings.dev/{name} moves to {TO}" for name in ("first", "second")]
    assert out.splitlines() == [
        *begun,
        "recording.recordings.dev/second moved",
        "recording.recordings.dev/first moved",
    ]


def test_a_move_that_fails_is_a_failure(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    recording = stored(admin, namespace, "weekly")
    with moving(people.tenant, "weekly") as process:
        eventually(partial(has_watch, cluster, namespace))
        stalled = {"type": "Stalled", "status": "True", "reason": "LocationNotFound"}
        stalled |= {"message": "m", "lastTransitionTime": "2026-11-30T12:00:00Z"}
        now(admin, recording, message="It waits for archive-eu.", conditions=[stalled])
        now(admin, recording, reason="MoveFailed", message=MESSAGE)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "weekly moved" in out) == (1, False)
    assert "kubectl recordings: weekly waits. It waits for archive-eu." in err
    assert f"kubectl recordings: weekly is Complete, not moved. {MESSAGE} MoveFailed: " in err


def test_a_move_that_has_begun_is_waited_for(people: People, admin: RestClient, namespace: str) -> None:
    recording = stored(admin, namespace, "weekly")
    people.tenant.output("move", "weekly", "--to", TO, "--yes")
    now(admin, recording)
    again = ("move", "--from", "archive", "--to", TO, "--yes", "--wait", "--timeout")
    late = people.tenant.run(*again, "1s")
    assert (late.returncode, late.stdout) == (124, "")
    assert "After 1s, 1 of 1 are not moved: weekly (Moving, 45.1%)." in late.stderr


def test_the_right_to_wait_is_checked_before_anything_moves(
    people: People, admin: RestClient, namespace: str, cluster: ControlPlane
) -> None:
    recording = stored(admin, namespace, "weekly")
    rules = [{"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["get", "patch"]}]
    rbac, name = "rbac.authorization.k8s.io", "mover"
    subjects = [{"apiGroup": rbac, "kind": "User", "name": name}]
    metadata = {"name": name, "namespace": namespace}
    cluster.kubectl.apply(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": subjects,
        },
    )
    eventually(lambda: people.admin.run("status", "weekly", "--as", name).returncode == 0)
    move = ("move", "weekly", "--to", TO, "--yes")
    refused = people.admin.run(*move, "--wait", "--as", name)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"You may not list recordings in namespace {namespace}, which is needed for --wait." in refused.stderr
    assert admin.request("GET", path_of(recording))["spec"]["storageLocation"] == "archive"
    assert "--timeout is for --wait" in people.admin.run(*move, "--timeout", "5s").stderr
