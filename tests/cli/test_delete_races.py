"""`kubectl recordings delete` when something changes while it asks, and when it is interrupted. No operator runs."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.recordings.deleting import DeleteRequest, ObjectChoice, run_delete
from recording_operator.cli.selection_options import Selection
from recording_operator.cli.verb import Failure
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.conftest import PROGRAM, People
from tests.cli.test_delete import context_of
from tests.kube.objects import a_recording, set_status
from tests.support.recordings import path_of
from tests.support.terminal import Terminal

pytestmark = pytest.mark.cluster

STORED: dict[str, Any] = {
    "phase": "Complete",
    "storageLocation": "archive",
    "artifacts": [{"name": "video", "phase": "Complete", "reason": "Stored", "bytesTotal": 60_000_000}],
}
HOLD = "example.com/hold"


def edit(admin: RestClient, namespace: str, name: str, body: dict[str, Any]) -> None:
    admin.request("PATCH", f"{path_of(namespace)}/{name}", body=body, content_type=MERGE_PATCH)


def finalized_by(admin: RestClient, namespace: str, name: str, finalizers: list[str] | None) -> None:
    edit(admin, namespace, name, {"metadata": {"finalizers": finalizers}})


def get(admin: RestClient, namespace: str, name: str) -> dict[str, Any]:
    return admin.request("GET", f"{path_of(namespace)}/{name}")


def test_ctrl_c_puts_the_policy_back_and_does_not_begin_to_wait(
    people: People, admin: RestClient, namespace: str
) -> None:
    for name in ("first", "second"):
        set_status(admin, a_recording(admin, namespace, name), STORED)
    finalized_by(admin, namespace, "first", ["recordings.dev/delete-object"])
    arguments: list[str | Path] = [PROGRAM, "delete", "first", "second", "--objects", "--yes", "--wait"]
    with Terminal(arguments, env=people.tenant.environment, columns=200) as terminal:
        terminal.wait_for("first deleted")
        terminal.type("\x03")
        assert terminal.wait_exit() == 130
        screen = terminal.text
    finalized_by(admin, namespace, "first", None)
    second = get(admin, namespace, "second")
    assert second["spec"]["deletionPolicy"] == "Retain"
    if second["metadata"]["generation"] > 1:  # it was written already
        assert f"{namespace}/second: spec.deletionPolicy is Retain again." in screen


def test_without_an_operator_the_policy_is_put_back_and_no_other_is_tried(
    people: People, admin: RestClient, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        set_status(admin, a_recording(admin, namespace, name), STORED)
    request = DeleteRequest(
        cluster=ClusterOptions(kubeconfig=people.admin.kubeconfig),
        selection=Selection(names=("a", "b", "c"), labels=None),
        objects=ObjectChoice.DELETE,
        yes=True,
        wait=True,
        timeout=None,
        dry_run=None,
        prepared_within=timedelta(),
    )
    with pytest.raises(Failure) as failed:
        run_delete(request)
    assert f"{namespace}/a was not deleted: the operator has not added its finalizer" in failed.value.message
    assert failed.value.message.endswith("2 Recordings not tried.")
    assert f"{namespace}/a: spec.deletionPolicy is Retain again.\n" in capsys.readouterr().err
    stored = [get(admin, namespace, name) for name in ("a", "b", "c")]
    assert [one["spec"]["deletionPolicy"] for one in stored] == ["Retain"] * 3
    assert [one["metadata"]["generation"] for one in stored] == [3, 1, 1]


def test_keep_objects_counts_although_the_policy_was_changed_meanwhile(
    people: People, admin: RestClient, namespace: str
) -> None:
    set_status(admin, a_recording(admin, namespace, "weekly"), STORED)
    finalized_by(admin, namespace, "weekly", [HOLD])
    with Terminal([PROGRAM, "delete", "weekly", "--keep-objects"], env=people.tenant.environment) as terminal:
        terminal.wait_for("[y/N]")
        edit(admin, namespace, "weekly", {"spec": {"deletionPolicy": "Delete"}})
        terminal.type("y\n")
        assert terminal.wait_exit() == 0
    deleted = get(admin, namespace, "weekly")
    assert deleted["metadata"]["deletionTimestamp"]
    assert deleted["spec"]["deletionPolicy"] == "Retain"
    finalized_by(admin, namespace, "weekly", None)


def test_only_what_was_shown_is_deleted(people: People, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "weekly"), STORED)
    with Terminal([PROGRAM, "delete", "weekly"], env=people.tenant.environment, columns=200) as terminal:
        terminal.wait_for("[y/N]")
        edit(admin, namespace, "weekly", {"spec": {"deletionPolicy": "Delete"}})
        terminal.type("y\n")
        assert terminal.wait_exit() == 1
        assert "weekly was not deleted: its deletionPolicy or its stored files have changed" in terminal.text
    assert "deletionTimestamp" not in get(admin, namespace, "weekly")["metadata"]
    with Terminal([PROGRAM, "delete", "weekly"], env=people.tenant.environment, columns=200) as terminal:
        terminal.wait_for("[y/N]")
        edit(admin, namespace, "weekly", {"spec": {"title": "Other changes do not matter"}})
        terminal.type("y\n")
        assert terminal.wait_exit() == 0
        assert "weekly deleted" in terminal.text


def test_a_recording_that_is_being_deleted_is_not_counted_but_waited_for(
    people: People, admin: RestClient, namespace: str
) -> None:
    for name in ("old", "new"):
        a_recording(admin, namespace, name)
    finalized_by(admin, namespace, "old", [HOLD])
    people.tenant.output("delete", "old", "--yes")
    unasked = people.tenant.run("delete", "old", "new")
    assert unasked.stderr.startswith("kubectl recordings: 1 Recording will be deleted: new.\n")
    late = people.tenant.run("delete", "old", "--wait", "--timeout", "1s")
    assert (late.returncode, late.stdout) == (124, "")
    assert f"{namespace}/old is not gone after 1s." in late.stderr
    finalized_by(admin, namespace, "old", None)


def test_the_question_counts_a_recording_once_and_says_where_it_is(
    people: People, admin: RestClient, namespace: str
) -> None:
    context = context_of(people.admin.kubeconfig)
    for where in (namespace, "default"):
        set_status(admin, a_recording(admin, where, namespace), STORED)
    twice = people.admin.run("delete", namespace, f"{namespace}/{namespace}")
    assert twice.stderr.startswith(
        f"kubectl recordings: 1 Recording will be deleted: {namespace}.\n  Context {context}, namespace {namespace}.\n"
        "  Their objects in archive stay: 60.0 MB.\n"
    )
    both = people.admin.run("delete", namespace, f"default/{namespace}")
    assert both.stderr.startswith(
        f"kubectl recordings: 2 Recordings will be deleted: {namespace}/{namespace}, default/{namespace}.\n"
        f"  Context {context}, 2 namespaces.\n"
    )
    moved = people.admin.run("move", f"default/{namespace}", f"default/{namespace}", "--to", "b", "--dry-run", "client")
    assert moved.stdout == f"recording.recordings.dev/{namespace} moves to b (dry run)\n"
    other = people.admin.run("delete", f"{namespace}/{namespace}", "-n", "default", "--yes")
    assert (other.returncode, other.stdout) == (2, "")
    assert "is not in namespace default. Leave out -n." in " ".join(other.stderr.split())
    people.admin.output("delete", f"default/{namespace}", "--yes")
