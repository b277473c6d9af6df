"""`kubectl recordings watch`, on a real API server: in terminals, and as lines."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from localcluster import ControlPlane
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.conftest import PROGRAM, People, Person
from tests.kube.objects import JsonObject, a_recording, set_status
from tests.support.terminal import Terminal
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

UPLOADING = {
    "phase": "Uploading",
    "reason": "Uploading",
    "progress": "45.1%",
    "size": "60.0 MB",
    "bytesDone": 27_060_000,
    "bytesTotal": 60_000_000,
}
COMPLETE = {**UPLOADING, "phase": "Complete", "reason": "Stored", "progress": "100%", "bytesDone": 60_000_000}
FAILED = {"phase": "Failed", "reason": "SourceNotFound"}
_WITHOUT_RICH = """
import sys
sys.modules["rich"] = None
import importlib.util
from recording_operator.cli import plugin
plugin()
"""


class Lines:
    """The lines that the program prints, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def next(self) -> str:
        """The next one, without its time."""
        assert self.process.stdout is not None
        time, _, rest = self.process.stdout.readline().rstrip("\n").partition("  ")
        assert len(time) == len("2026-11-30T10:00:00Z")
        return rest


@contextmanager
def watching(person: Person, *arguments: str) -> Iterator[Lines]:
    """`watch` without a terminal."""
    with subprocess.Popen(
        [PROGRAM, "watch", *arguments],
        env=person.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Lines(process)
        finally:
            process.kill()


def path_of(stored: JsonObject) -> str:
    metadata = stored["metadata"]
    return f"/apis/recordings.dev/v1alpha1/namespaces/{metadata['namespace']}/recordings/{metadata['name']}"


def retitled(admin: RestClient, stored: JsonObject, title: str) -> JsonObject:
    return admin.request("PATCH", path_of(stored), body={"spec": {"title": title}}, content_type=MERGE_PATCH)


def test_lines_of_changes(people: People, admin: RestClient, namespace: str) -> None:
    first = a_recording(admin, namespace, "first")
    for person in (people.admin, people.tenant, people.viewer):
        with watching(person) as lines:
            assert lines.next() == "first  Pending"
    with watching(people.viewer) as lines:
        assert lines.next() == "first  Pending"
        first = set_status(admin, first, UPLOADING)
        assert lines.next() == "first  Uploading  45.1% of 60.0 MB"
        first = retitled(admin, first, "A title is not in the line")
        first = set_status(admin, first, {**UPLOADING, "progress": "90.0%"})
        assert lines.next() == "first  Uploading  90.0% of 60.0 MB"
        set_status(admin, a_recording(admin, namespace, "second"), FAILED)
        assert [lines.next(), lines.next()] == ["second  Pending", "second  Failed  SourceNotFound"]
        set_status(admin, first, COMPLETE)
        assert lines.next() == "first  Complete  Stored"
        admin.request("DELETE", path_of(first))
        assert lines.next() == "first  Deleted"


def test_names_and_filters(people: People, admin: RestClient, namespace: str) -> None:
    failed = set_status(admin, a_recording(admin, namespace, "failed"), FAILED)
    other = a_recording(admin, namespace, "other")
    third = a_recording(admin, namespace, "third")
    with watching(people.tenant, "--phase", "failed") as lines:
        assert lines.next() == "failed  Failed  SourceNotFound"
        set_status(admin, other, FAILED)
        assert lines.next() == "other  Failed  SourceNotFound"
    with watching(people.tenant, "third", f"{namespace}/failed") as lines:
        assert [lines.next(), lines.next()] == [
            f"{namespace}/failed  Failed  SourceNotFound",
            f"{namespace}/third  Pending",
        ]
        set_status(admin, third, UPLOADING)
        assert lines.next() == f"{namespace}/third  Uploading  45.1% of 60.0 MB"
    with watching(people.tenant, "failed") as lines:
        assert lines.next() == f"{namespace}/failed  Failed  SourceNotFound"
        admin.request("DELETE", path_of(failed))
        assert lines.next() == f"{namespace}/failed  Deleted"


def test_a_recording_that_loses_its_labels_is_not_deleted(people: People, admin: RestClient, namespace: str) -> None:
    for name in ("first", "second"):
        stored = a_recording(admin, namespace, name)
        body = {"metadata": {"labels": {"team": "sales"}}}
        admin.request("PATCH", path_of(stored), body=body, content_type=MERGE_PATCH)
    with watching(people.viewer, "-l", "team=sales") as lines:
        assert [lines.next(), lines.next()] == ["first  Pending", "second  Pending"]
        body = {"metadata": {"labels": {"team": "other"}}}
        admin.request("PATCH", path_of(stored), body=body, content_type=MERGE_PATCH)
        assert lines.next() == "second  no longer has the labels"
        admin.request("DELETE", path_of(stored).replace("second", "first"))
        assert lines.next() == "first  Deleted"


def test_a_missing_right_ends_it(people: People) -> None:
    refused = people.tenant.run("watch", "-A")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "You may not list recordings." in refused.stderr


def test_the_live_table_at_two_widths_and_after_a_change_of_the_size(
    people: People, admin: RestClient, namespace: str
) -> None:
    escapes = {"size": "\x1b[31m\x1b]0;owned\x07"}  # in a status, the API server accepts them
    stored = set_status(admin, a_recording(admin, namespace, "standup"), {**UPLOADING, **escapes})
    set_status(admin, a_recording(admin, namespace, "weekly"), FAILED)
    set_status(admin, a_recording(admin, namespace, "done"), COMPLETE)
    stored = retitled(admin, stored, "Weekly sync")
    with Terminal([PROGRAM, "watch"], env=people.tenant.environment, columns=80) as terminal:
        screen = terminal.wait_for("standup")
        assert screen.splitlines()[:3] == [
            f"Recordings in namespace {namespace}",
            "1 uploading, 1 failed, 1 complete",
            "",
        ]
        assert [line.split()[0] for line in screen.splitlines()[3:]] == ["NAME", "standup", "weekly", "done"]
        assert "████░░░░░░ 45.1%" in screen
        assert "SourceNotFound" in screen
        assert "LOCATION" not in screen
        terminal.resize(columns=200, lines=40)
        screen = terminal.wait_for("LOCATION")
        assert "Weekly sync" in screen
        assert "[31m]0;owned" in screen
        assert max(map(len, screen.splitlines())) > 100
        terminal.resize(columns=60, lines=6)
        eventually(lambda: "and 2 more" in terminal.text, what=terminal.text)
        assert len(terminal.text.splitlines()) == 6
        terminal.resize(columns=80, lines=24)
        for percent in (60, 61):
            more = {"progress": f"{percent}.0%", "bytesDone": percent * 600_000}
            stored = set_status(admin, stored, {**UPLOADING, **more})
            terminal.wait_for(f"{percent}.0%")
        eventually(lambda: "B/s" in terminal.text.splitlines()[0])
        set_status(admin, stored, COMPLETE)
        terminal.wait_for("1 failed, 2 complete")
        assert not terminal.has_cursor
        terminal.type("\x03")
        assert terminal.wait_exit() == 130
        assert terminal.has_cursor
        assert terminal.received.endswith(b"\x1b[?25h\x1b[?1049l")
        assert b"]0;owned\x07" not in terminal.received


def test_without_colour_there_are_lines_in_a_terminal_too(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "standup")
    for no_color, terminal_type in (("1", "xterm-256color"), ("", "dumb")):
        env = {**people.tenant.environment, "NO_COLOR": no_color}
        with Terminal([PROGRAM, "watch"], env=env, terminal_type=terminal_type) as terminal:
            assert terminal.wait_for("standup").endswith("Z  standup  Pending")
            terminal.type("\x03")
            assert terminal.wait_exit() == 130
            assert b"\x1b" not in terminal.received


def test_without_rich_there_are_lines_and_a_note(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "standup")
    program = [sys.executable, "-c", _WITHOUT_RICH, "watch"]
    with Terminal(program, env=people.tenant.environment) as terminal:
        screen = terminal.wait_for("standup  Pending")
        assert "The live table needs the Python package rich: pip install" in screen


def test_a_termination_leaves_the_terminal_as_it_was(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "standup")
    with Terminal([PROGRAM, "watch"], env=people.tenant.environment) as terminal:
        terminal.wait_for("standup")
        terminal.terminate()
        assert terminal.wait_exit() == 128 + 15
        assert terminal.has_cursor


@pytest.mark.timeout(180)
def test_a_restart_of_the_api_server_does_not_end_it(rough_cluster: ControlPlane, namespace: str) -> None:
    admin = RestClient(connection(kubeconfig=rough_cluster.kubeconfig))
    rough_cluster.kubectl("create", "namespace", namespace)
    stored = a_recording(admin, namespace, "standup")
    gone = a_recording(admin, namespace, "gone")
    person = Person(kubeconfig=rough_cluster.kubeconfig, namespace=namespace)
    with (
        Terminal([PROGRAM, "watch", "-n", namespace], env=person.environment) as terminal,
        watching(person, "-n", namespace) as lines,
    ):
        terminal.wait_for("standup")
        assert [lines.next(), lines.next()] == ["gone  Pending", "standup  Pending"]
        rough_cluster.kill_component("kube-apiserver")
        terminal.wait_for("The API server does not respond. This was seen last.")
        assert "standup" in terminal.text
        rough_cluster.start_component("kube-apiserver")
        admin.request("DELETE", path_of(gone))
        set_status(admin, stored, FAILED)
        terminal.wait_for("1 failed", within_s=60)
        terminal.wait_for("SourceNotFound", within_s=60)
        seen = {lines.next()}
        eventually(partial(_has_both, lines, seen), within_s=60)


def _has_both(lines: Lines, seen: set[str]) -> bool:
    if {"gone  Deleted", "standup  Failed  SourceNotFound"} <= seen:
        return True
    seen.add(lines.next())
    return False
