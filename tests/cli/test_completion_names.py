"""Names that a shell offers, from a real API server with the rights of three people."""

import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.shell_completion import CompletionItem

from localcluster import ControlPlane
from recording_operator.cli.completion import lookup
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import PROGRAM, People, Person
from tests.kube.objects import a_location, a_recording, set_status

_OF_TEST = "Print the Recording that the RecordingSource NAME would create from a delivery, and its Secrets."

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for people who type; a busy machine may be slower."""
    monkeypatch.setattr(lookup, "LIMIT_S", 30.0)


def typed(person: Person, **given: object) -> dict[str, Any]:
    """The values of the parameters."""
    return {"kubeconfig": person.kubeconfig, **given}


def values(items: Sequence[CompletionItem[Any]]) -> list[str]:
    return [item.value for item in items]


def four_recordings(admin: RestClient, namespace: str) -> None:
    for name, phase in (("done", "Complete"), ("broken", "Failed"), ("copying", "Uploading")):
        stored = a_recording(admin, namespace, name)
        set_status(admin, stored, {"phase": phase, "reason": f"Is{phase}", "size": "6.0 MB", "artifacts": []})
    a_recording(admin, namespace, "new")


@pytest.mark.parametrize(
    ("phases", "offered"),
    [
        ((), ["broken", "copying", "done", "new"]),
        (("Failed",), ["broken"]),
        (("Complete",), ["done"]),
        (("Pending", "Uploading"), ["copying", "new"]),
    ],
)
def test_recordings_by_phase(
    people: People, admin: RestClient, namespace: str, phases: tuple[str, ...], offered: list[str]
) -> None:
    four_recordings(admin, namespace)
    for person in (people.admin, people.tenant, people.viewer):
        assert values(lookup.recordings(typed(person), "", phases=phases)) == offered


def test_recordings_by_what_was_typed(people: People, admin: RestClient, namespace: str) -> None:
    four_recordings(admin, namespace)
    (broken,) = lookup.recordings(typed(people.tenant), "br")
    assert (broken.value, broken.help) == ("broken", "Failed, IsFailed, 6.0 MB")
    addresses = values(lookup.recordings(typed(people.admin, namespace="default"), f"{namespace}/"))
    assert addresses == [f"{namespace}/{name}" for name in ("broken", "copying", "done", "new")]
    assert values(lookup.recordings(typed(people.admin), "", given=("done", "new"))) == ["broken", "copying"]
    assert lookup.recordings(typed(people.tenant, namespace="default"), "") == [], "without rights there is nothing"


def test_all_pages_are_read(people: People, admin: RestClient, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_PAGE", 2)
    four_recordings(admin, namespace)
    assert values(lookup.recordings(typed(people.viewer), "")) == ["broken", "copying", "done", "new"]


def test_artifacts_of_a_recording(people: People, admin: RestClient, namespace: str) -> None:
    four_recordings(admin, namespace)
    (video,) = lookup.artifacts(typed(people.tenant), "v", recording="done")
    assert (video.value, video.help) == ("video", "Video, Pending")
    assert values(lookup.artifacts(typed(people.admin), "", recording=(namespace, "done"))) == ["video"]
    assert lookup.artifacts(typed(people.tenant), "", recording="done", given=("video",)) == []
    assert lookup.artifacts(typed(people.tenant), "", recording="missing") == []
    assert lookup.artifacts(typed(people.tenant), "", recording=None) == []


def test_locations(people: People, admin: RestClient, namespace: str) -> None:
    a_location(admin, f"location-of-{namespace}")
    assert values(lookup.objects("storagelocations", typed(people.admin), "location-of")) == [
        f"location-of-{namespace}"
    ]
    assert values(lookup.objects("storagereports", typed(people.admin), "no-such")) == []


def test_namespaces_are_those_of_the_contexts_for_who_may_not_list_them(people: People, namespace: str) -> None:
    assert {"default", namespace} <= set(values(lookup.namespaces(typed(people.admin), "")))
    assert values(lookup.namespaces(typed(people.tenant), "")) == [namespace]


def test_contexts(people: People, tmp_path: Path) -> None:
    config = yaml.safe_load(people.tenant.kubeconfig.read_text(encoding="utf-8"))
    config["contexts"].append({**config["contexts"][0], "name": "other"})
    (tmp_path / "two").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert values(lookup.contexts({"kubeconfig": tmp_path / "two"}, "oth")) == ["other"]


def completed(person: Person, *words: str) -> "subprocess.CompletedProcess[str]":
    """What `kubectl_complete-recordings` prints."""
    program = PROGRAM.with_name("kubectl_complete-recordings")
    return subprocess.run(
        [program, *words], env=person.environment, capture_output=True, text=True, check=True, timeout=60
    )


def test_a_server_that_does_not_respond_costs_a_second_and_is_not_mentioned(people: People, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = yaml.safe_load(people.tenant.kubeconfig.read_text(encoding="utf-8"))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{silent.getsockname()[1]}"
        (tmp_path / "silent").write_text(yaml.safe_dump(config), encoding="utf-8")
        person = Person(kubeconfig=tmp_path / "silent", namespace="default")
        started = time.monotonic()
        done = completed(person, "list", "--namespace", "")
        assert time.monotonic() - started < 20, "the request itself has 30 seconds"
    assert (done.stdout, done.stderr) == (":4\n", "")


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("list", "--phase", ""), "Pending\nUploading\nComplete\nFailed\n:4\n"),
        (("list", "--phase=F"), "Failed\n:4\n"),
        (("list", "--no-h"), "--no-headers\tLeave out the names of the columns.\n:4\n"),
        (("list", "--kubeconfig", ""), ":0\n"),
        (
            ("source", "te"),
            f"test\t{_OF_TEST}\n:4\n",
        ),
        (("receiv",), ":4\n"),
        (("list", "--no-such-option", "x", ""), ":4\n"),
        (("__comp",), ":4\n"),
        ((), ":4\n"),
    ],
)
def test_what_kubectl_reads(people: People, words: tuple[str, ...], printed: str) -> None:
    done = completed(people.tenant, *words)
    assert (done.stdout, done.stderr) == (printed, "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("list", "-n"), ["{namespace}"]),
        (("retry",), ["broken", "new"]),
        (("cancel",), ["copying", "new"]),
        (("download",), ["done"]),
        (("download", "done"), ["video"]),
    ],
)
def test_kubectl_offers_names_that_fit_the_verb(
    people: People, admin: RestClient, cluster: ControlPlane, namespace: str, words: tuple[str, ...], offered: list[str]
) -> None:
    four_recordings(admin, namespace)
    done = subprocess.run(
        [cluster.kubectl.program, "__complete", "recordings", *words, ""],
        env={**people.tenant.environment, "PATH": f"{PROGRAM.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert lines == [*(name.format(namespace=namespace) for name in offered), ":4"]
