"""`kubectl recordings delete` on a real API server, as three people. No operator runs."""

import os
import pty
import select
from pathlib import Path
from typing import Any

import pytest
import yaml

from recording_operator.kube.errors import NotFound
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.conftest import PROGRAM, People, Person
from tests.kube.objects import a_location, a_recording, set_status
from tests.support.recordings import path_of

pytestmark = pytest.mark.cluster

STORED: dict[str, Any] = {
    "phase": "Complete",
    "storageLocation": "archive",
    "artifacts": [
        {"name": "video", "phase": "Complete", "reason": "Stored", "bytesTotal": 60_000_000},
        {"name": "old", "phase": "Complete", "reason": "Expired", "bytesTotal": 9_000_000},
    ],
}
FINALIZER = "recordings.dev/delete-object"


def names(admin: RestClient, namespace: str) -> list[str]:
    return [one["metadata"]["name"] for one in admin.request("GET", path_of(namespace))["items"]]


def edit(admin: RestClient, namespace: str, name: str, body: dict[str, Any]) -> None:
    admin.request("PATCH", f"{path_of(namespace)}/{name}", body=body, content_type=MERGE_PATCH)


def context_of(kubeconfig: Path) -> str:
    return str(yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["current-context"])


def stored_ones(admin: RestClient, namespace: str) -> None:
    for name in ("kept", "removed"):
        set_status(admin, a_recording(admin, namespace, name), STORED)
    edit(admin, namespace, "removed", {"spec": {"deletionPolicy": "Delete"}, "metadata": {"labels": {"team": "sales"}}})
    a_recording(admin, namespace, "new")


def in_terminal(person: Person, *arguments: str, typed: str) -> tuple[int, str]:
    """Call the program in a terminal, and answer its question. Exit status, and what the screen shows.

    The answer is typed again after a silent second, as a person would: Python notices a ^C that comes between the
    question and the read of its answer only at the next key."""
    pid, screen = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [str(PROGRAM), *arguments], person.environment)  # noqa: S606 - pty.fork needs it
    shown, answered = b"", False
    while True:
        silent = not select.select([screen], [], [], 1)[0]
        if not silent:
            chunk = _read(screen)
            if not chunk:
                break
            shown += chunk
        if b"[y/N]: " in shown and (silent or not answered):
            os.write(screen, typed.encode())
            answered = True
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().replace("\r\n", "\n")


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 4096)
    except OSError:  # the program has ended
        return b""


def test_without_a_terminal_it_does_not_ask(people: People, admin: RestClient, namespace: str) -> None:
    stored_ones(admin, namespace)
    unasked = people.tenant.run("delete", "kept", "removed", "new")
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert unasked.stderr.startswith(
        "kubectl recordings: 3 Recordings will be deleted: kept, removed, new.\n"
        f"  Context {context_of(people.tenant.kubeconfig)}, namespace {namespace}.\n"
        "  Their objects in archive are DELETED: 60.0 MB.\n"
        "  Their objects in archive stay: 60.0 MB.\n"
        "  1 Recording not stored completely: uploads are aborted.\n"
        "Go on?\n"
    )
    assert "Add --yes." in unasked.stderr
    assert names(admin, namespace) == ["kept", "new", "removed"]


def test_in_a_terminal_it_asks(people: People, admin: RestClient, namespace: str) -> None:
    stored_ones(admin, namespace)
    status, shown = in_terminal(people.tenant, "delete", "kept", typed="n\n")
    assert status == 1
    assert "Their objects in archive stay: 60.0 MB.\nGo on? [y/N]: " in shown
    assert "Nothing was changed." in shown
    assert "kept" in names(admin, namespace)
    status, shown = in_terminal(people.tenant, "delete", "kept", typed="\x03")
    assert status == 130
    assert "kept" in names(admin, namespace)
    status, shown = in_terminal(people.tenant, "delete", "kept", typed="y\n")
    assert status == 0, shown
    assert "recording.recordings.dev/kept deleted" in shown
    assert names(admin, namespace) == ["new", "removed"]


def test_by_label_and_wait(people: People, admin: RestClient, namespace: str) -> None:
    stored_ones(admin, namespace)
    deleted = people.tenant.output("delete", "-l", "team=sales", "--keep-objects", "--yes", "--wait")
    assert deleted == "recording.recordings.dev/removed deleted\n"
    assert names(admin, namespace) == ["kept", "new"]


def test_a_finalizer_is_waited_for(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "new")
    edit(admin, namespace, "new", {"metadata": {"finalizers": ["example.com/hold"]}})
    late = people.tenant.run("delete", "new", "--yes", "--wait", "--timeout", "1s")
    assert late.returncode == 124
    assert "is not gone after 1s." in late.stderr
    edit(admin, namespace, "new", {"metadata": {"finalizers": None}})
    assert names(admin, namespace) == []


def test_objects_only_where_the_location_permits(people: People, admin: RestClient, namespace: str) -> None:
    location = a_location(admin, f"{namespace}-strict")["metadata"]["name"]
    try:
        set_status(admin, a_recording(admin, namespace, "weekly"), STORED)
        status = admin.request("GET", f"{path_of(namespace)}/weekly")
        edit(admin, namespace, "weekly", {"spec": {"storageLocation": location}})
        set_status(admin, admin.request("GET", f"{path_of(namespace)}/weekly"), {"storageLocation": location})

        refused = people.admin.run("delete", "weekly", "--objects", "--yes")

        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"StorageLocation {location} does not permit that objects are deleted" in refused.stderr
        after = admin.request("GET", f"{path_of(namespace)}/weekly")
        assert after["spec"]["deletionPolicy"] == status["spec"]["deletionPolicy"] == "Retain"
    finally:
        admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{location}")


def test_objects_of_a_prepared_recording(people: People, admin: RestClient, namespace: str) -> None:
    """With the finalizer, the operator deletes the objects. A tenant may not read locations."""
    stored_ones(admin, namespace)
    edit(admin, namespace, "removed", {"metadata": {"finalizers": [FINALIZER]}})
    deleted = people.tenant.run("delete", "removed", "--objects", "--yes")
    assert (deleted.returncode, deleted.stdout) == (0, "recording.recordings.dev/removed deleted\n")
    assert "whether archive permits that objects are deleted is not known" in deleted.stderr
    assert admin.request("GET", f"{path_of(namespace)}/removed")["metadata"]["deletionTimestamp"]
    again = people.tenant.run("delete", "removed", "--yes")
    assert (again.returncode, again.stdout) == (0, "")
    assert "being deleted already" in again.stderr


@pytest.mark.parametrize("dry_run", ["client", "server"])
def test_dry_runs_delete_nothing(people: People, admin: RestClient, namespace: str, dry_run: str) -> None:
    stored_ones(admin, namespace)
    shown = people.tenant.run("delete", "kept", "--objects", "--dry-run", dry_run)
    assert shown.returncode == 0
    assert shown.stdout.startswith("recording.recordings.dev/kept deleted (")
    assert "  Their objects in archive are DELETED: 60.0 MB.\n" in shown.stderr
    assert admin.request("GET", f"{path_of(namespace)}/kept")["spec"]["deletionPolicy"] == "Retain"


def test_what_a_viewer_lacks_is_named(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "weekly")
    refused = people.viewer.run("delete", "weekly", "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"You may not delete recordings weekly in namespace {namespace}." in refused.stderr
    with_policy = people.viewer.run("delete", "weekly", "--objects", "--yes")
    assert f"You may not patch recordings weekly in namespace {namespace}." in with_policy.stderr
    assert names(admin, namespace) == ["weekly"]
    with pytest.raises(NotFound):
        admin.request("GET", f"{path_of(namespace)}/nobody")
    assert "does not exist" in people.tenant.run("delete", "nobody", "--yes").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Which Recordings?"),
        (("a", "--objects", "--keep-objects"), "exclude each other"),
        (("a", "--timeout", "5s"), "--timeout is for --wait"),
    ],
)
def test_usage(people: People, arguments: tuple[str, ...], said: str) -> None:
    wrong = people.tenant.run("delete", *arguments)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert said in " ".join(wrong.stderr.split())
