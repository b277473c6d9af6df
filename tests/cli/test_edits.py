"""`add-artifact`, `refresh-url` and `move` on a real API server, as three people. No operator runs."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import PROGRAM, People
from tests.kube.objects import a_location, a_recording, set_status
from tests.support.canaries import check_no_secret, cluster_places
from tests.support.recordings import CANARY, path_of

pytestmark = pytest.mark.cluster

URL = f"https://media.example.com/v2.mp4?X-Amz-Date=20261130T100000Z&X-Amz-Expires=3600&X-Amz-Signature={CANARY}"
COMPLETE: dict[str, Any] = {
    "phase": "Complete",
    "reason": "Stored",
    "bytesTotal": 7_000_000,
    "storageLocation": "archive",
}


def recording_of(admin: RestClient, namespace: str, name: str = "weekly") -> dict[str, Any]:
    return admin.request("GET", f"{path_of(namespace)}/{name}")


def secrets(admin: RestClient, namespace: str) -> dict[str, dict[str, str]]:
    items = admin.request("GET", f"/api/v1/namespaces/{namespace}/secrets")["items"]
    return {
        one["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in one["data"].items()}
        for one in items
    }


def status_of(phase: str, *, revision: str | None = None) -> dict[str, Any]:
    artifact = {"name": "video", "phase": phase, **({"sourceRevision": revision} if revision else {})}
    return {"phase": phase, "reason": "SourceExpired", "artifacts": [artifact]}


# add-artifact


def test_files_are_added(people: People, admin: RestClient, namespace: str, cluster: ControlPlane) -> None:
    before = a_recording(admin, namespace, "weekly")
    added = people.tenant.run("add-artifact", "weekly", "--audio", "-", "--artifact", "minutes=Other:-x", stdin=URL)
    assert added.returncode == 2, "a file that does not exist"
    added = people.tenant.run("add-artifact", "weekly", "--audio", "-", stdin=URL)
    assert (added.returncode, added.stdout) == (0, "recording.recordings.dev/weekly has audio now\n"), added.stderr
    after = recording_of(admin, namespace)
    old, new = after["spec"]["artifacts"]
    assert old == before["spec"]["artifacts"][0]
    ((name, values),) = secrets(admin, namespace).items()
    assert values == {"audio": URL}
    assert name.startswith("weekly-")
    source = {"urlSecretRef": {"name": name, "key": "audio"}, "expiresAt": "2026-11-30T11:00:00Z"}
    assert (new["name"], new["kind"], new["source"]) == ("audio", "Audio", source)
    check_no_secret([*cluster_places(cluster.kubectl), ("output", added.stdout + added.stderr)], secrets=[CANARY])
    again = people.tenant.run("add-artifact", "weekly", "--audio", "-", stdin=URL)
    assert (again.returncode, again.stdout) == (1, "")
    assert "has an artifact audio already" in again.stderr


def test_two_people_add_at_once(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    a_recording(admin, namespace, "weekly")
    names = [f"note-{number}" for number in range(4)]
    (tmp_path / "n.txt").write_text("note")
    calls = [
        subprocess.Popen(
            [PROGRAM, "add-artifact", "weekly", "--artifact", f"{name}=Other:{tmp_path / 'n.txt'}"],
            env=people.tenant.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]
    assert [call.wait(120) for call in calls] == [0] * len(names)
    found = {one["name"] for one in recording_of(admin, namespace)["spec"]["artifacts"]}
    assert found == {"video", *names}


def test_a_rejected_artifact_leaves_no_secret(people: People, admin: RestClient, namespace: str) -> None:
    before = a_recording(admin, namespace, "weekly")
    refused = people.tenant.run("add-artifact", "weekly", "--artifact", "A_B=Audio:-", stdin=URL)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "write a name of lower-case letters" in refused.stderr
    assert secrets(admin, namespace) == {}
    assert recording_of(admin, namespace) == before


@pytest.mark.parametrize("dry_run", ["client", "server"])
def test_dry_runs_write_nothing(people: People, admin: RestClient, namespace: str, dry_run: str) -> None:
    before = a_recording(admin, namespace, "weekly")
    people.tenant.output("add-artifact", "weekly", "--audio", "-", "--dry-run", dry_run, stdin=URL)
    people.tenant.output("refresh-url", "weekly", "-", "--dry-run", dry_run, stdin=URL)
    assert secrets(admin, namespace) == {}
    assert recording_of(admin, namespace) == before


def test_what_a_viewer_lacks_is_named(people: People, admin: RestClient, namespace: str) -> None:
    before = a_recording(admin, namespace, "weekly")
    for verb in (("add-artifact", "weekly", "--audio", "-"), ("refresh-url", "weekly", "-")):
        refused = people.viewer.run(*verb, stdin=URL)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"You may not create secrets in namespace {namespace}." in refused.stderr
        plain = people.viewer.run(*verb, "--no-secret", stdin=URL)
        assert f"You may not patch recordings weekly in namespace {namespace}." in plain.stderr
    assert recording_of(admin, namespace) == before


# refresh-url


def test_a_url_of_the_spec_goes_into_a_secret(people: People, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "weekly"), status_of("Failed", revision="abc"))
    said = people.tenant.output("refresh-url", "weekly", "-", stdin=URL)
    assert said == "recording.recordings.dev/weekly has a fresh URL of video\n"
    spec = recording_of(admin, namespace)["spec"]
    ((name, values),) = secrets(admin, namespace).items()
    assert values == {"video": URL}
    assert spec["artifacts"][0]["source"] == {
        "urlSecretRef": {"name": name, "key": "video"},
        "expiresAt": "2026-11-30T11:00:00Z",
    }
    assert not spec.get("retryToken"), "the edit of the source restarts this artifact alone"


def test_the_secret_of_the_recording_is_used_again(people: People, admin: RestClient, namespace: str) -> None:
    old = URL.replace("v2", "v1").replace("T10", "T08")
    people.tenant.output("create", "weekly", "--org", "acme", "--video", "-", stdin=old)
    assert secrets(admin, namespace) == {"weekly": {"video": old}}
    set_status(admin, recording_of(admin, namespace), status_of("Failed"))

    people.tenant.output("refresh-url", "weekly", "video", "-", stdin=URL)

    assert secrets(admin, namespace) == {"weekly": {"video": URL}}
    spec = recording_of(admin, namespace)["spec"]
    source = {"urlSecretRef": {"name": "weekly", "key": "video"}, "expiresAt": "2026-11-30T11:00:00Z"}
    assert spec["artifacts"][0]["source"] == source
    assert spec["retryToken"].startswith("cli-"), "it has failed before its source was known"


def test_a_secret_of_others_is_not_changed(people: People, admin: RestClient, namespace: str) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shared"}, "stringData": {"a": "https://x/y"}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body=body)
    stored = a_recording(admin, namespace, "weekly")
    artifact = {**stored["spec"]["artifacts"][0], "source": {"urlSecretRef": {"name": "shared", "key": "a"}, "size": 7}}
    change = {"spec": {"artifacts": [artifact]}}
    admin.request("DELETE", f"{path_of(namespace)}/weekly")
    body = {
        **stored,
        "metadata": {"name": "weekly", "namespace": namespace},
        "spec": {**stored["spec"], **change["spec"]},
    }
    admin.request("POST", path_of(namespace), body=body)

    people.tenant.output("refresh-url", "weekly", "-", stdin=URL)

    found = secrets(admin, namespace)
    assert found.pop("shared") == {"a": "https://x/y"}
    ((name, values),) = found.items()
    source = recording_of(admin, namespace)["spec"]["artifacts"][0]["source"]
    assert (source["urlSecretRef"], source["size"], values) == ({"name": name, "key": "video"}, 7, {"video": URL})


def test_what_needs_no_url(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "t.vtt").write_text("WEBVTT\n")
    set_status(admin, a_recording(admin, namespace, "weekly"), status_of("Complete"))
    people.tenant.output("add-artifact", "weekly", "--transcript", str(tmp_path / "t.vtt"))
    for words, said in (
        (("video", "-"), "is stored, so it needs no URL"),
        (("-",), "needs no URL: all its files are stored"),
        (("transcript", "-"), "does not come from a URL"),
        (("film", "-"), "has no artifact film. It has video, transcript."),
    ):
        refused = people.tenant.run("refresh-url", "weekly", *words, stdin=URL)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert said in refused.stderr
    people.tenant.output("add-artifact", "weekly", "--audio", "-", "--summary", "https://x.example/s", stdin=URL)
    unclear = people.tenant.run("refresh-url", "weekly", "-", stdin=URL)
    assert unclear.returncode == 2
    assert "Write one of audio, summary before the URL" in " ".join(unclear.stderr.split())
    assert people.tenant.run("refresh-url", "weekly", "a", "b", "c").returncode == 2
    wrong = people.tenant.run("refresh-url", "weekly", "-", stdin=f"ftp://x/{CANARY}")
    assert wrong.returncode == 2
    assert CANARY not in wrong.stderr


# move


def test_a_move_asks_and_says_how_much(people: People, admin: RestClient, namespace: str) -> None:
    other = a_location(admin, f"{namespace}-eu")["metadata"]["name"]
    try:
        set_status(admin, a_recording(admin, namespace, "weekly"), COMPLETE)
        a_recording(admin, namespace, "unfinished")
        unasked = people.admin.run("move", "--from", "archive", "--to", other)
        assert (unasked.returncode, unasked.stdout) == (2, "")
        assert f"1 Recording (weekly), 7.0 MB, will be copied to {other}.\n  Context " in unasked.stderr
        assert f", namespace {namespace}.\n" in unasked.stderr
        assert "Add --yes" in unasked.stderr
        assert recording_of(admin, namespace)["spec"]["storageLocation"] == "archive"

        moved = people.tenant.run("move", "weekly", "unfinished", "--to", other, "--yes")

        assert (moved.returncode, moved.stdout) == (0, f"recording.recordings.dev/weekly moves to {other}\n")
        assert "unfinished: It is Pending. Only a Recording that is Complete can be moved." in moved.stderr
        assert "You may not get storagelocations" in moved.stderr
        assert recording_of(admin, namespace)["spec"]["storageLocation"] == other
        assert "on its way already" in people.tenant.run("move", "weekly", "--to", other, "--yes").stderr
    finally:
        admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{other}")


def test_moves_that_cannot_be(people: People, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "weekly"), COMPLETE)
    missing = people.admin.run("move", "weekly", "--to", "not-there", "--yes")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "StorageLocation not-there does not exist." in missing.stderr
    refused = people.viewer.run("move", "weekly", "--to", "not-there", "--yes")
    assert refused.returncode == 1
    assert f"You may not patch recordings weekly in namespace {namespace}." in refused.stderr
    tried = people.tenant.output("move", "weekly", "--to", "elsewhere", "--dry-run", "server")
    assert tried == "recording.recordings.dev/weekly moves to elsewhere (server dry run)\n"
    assert recording_of(admin, namespace)["spec"]["storageLocation"] == "archive"
    assert people.tenant.run("move", "--to", "x").returncode == 2
