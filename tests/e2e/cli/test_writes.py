"""`kubectl recordings create`, `refresh-url`, `retry` and `delete`, with a real operator and a real store."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcluster.install import secrets_binding
from tests.cli.conftest import People
from tests.e2e.test_expiry import expire_during_upload, parts_of
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.recordings import CANARY, MIB, Artifact, Bytes, Live, artifact_of, media_bytes, media_url, path_of
from tests.support.transfers import pattern
from tests.support.world import World

pytestmark = pytest.mark.cluster

SIZE = 64 * MIB


def video(expected: Bytes | None) -> Artifact:
    """What must be stored of the artifact `video`."""
    return Artifact(spec={"name": "video"}, expected=expected)


def created(world: World, name: str, expected: Bytes | None) -> Live:
    """The Recording that the program has created."""
    stored = world.admin.request("GET", f"{path_of(world.namespace)}/{name}")
    live = Live(stored, admin=world.admin, history=world.history)
    world.expect(live, video(expected))
    return live


def secrets(world: World) -> list[dict[str, Any]]:
    return list(world.admin.request("GET", f"/api/v1/namespaces/{world.namespace}/secrets")["items"])


def test_created_and_stored(world: World, people: People, tmp_path: Path) -> None:
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    (tmp_path / "url").write_text(media_url(world.media, "video.mp4", size_bytes=MIB))

    done = people.tenant.run(
        "create", "weekly", "--org", "acme", "--video", f"@{tmp_path / 'url'}", "--location", world.location, "--wait",
        timeout_s=120,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "recording.recordings.dev/weekly created\n"), done.stderr
    assert f"{world.namespace}/weekly is Complete: 1.0 MB in {world.location}." in done.stderr
    live = created(world, "weekly", media_bytes("video.mp4", MIB))
    for text in (done.stdout, done.stderr, *map(json.dumps, live.versions())):
        assert CANARY not in text
    assert not any("SecretNotFound" in reason for reason in live.reasons()), "it never waited for its Secret"
    assert world.events("weekly") == [] or all(event["type"] == "Normal" for event in world.events("weekly"))
    live.delete()
    live.wait_gone()


def test_who_must_let_the_operator_read_secrets_is_said(world: World, people: People) -> None:
    url = media_url(world.media, "video.mp4", size_bytes=MIB)
    lives = []
    # The program looks for two seconds, and an operator that has just started may be slower.
    for name in ("first", "second", "third", "fourth"):
        done = people.tenant.run(
            "create", name, "--org", "acme", "--video", "-", "--location", world.location, stdin=url
        )
        assert (done.returncode, done.stdout) == (0, f"recording.recordings.dev/{name} created\n")
        lives.append(created(world, name, media_bytes("video.mp4", MIB)))
        if done.stderr:
            break
    assert f"kubectl create rolebinding recording-operator-secrets -n {world.namespace}" in done.stderr
    assert "The notes of another release say its own." in done.stderr
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    for live in lives:
        live.wait_phase("Complete", within_s=90)


def test_a_fresh_url_continues_the_upload(world: World, people: People) -> None:
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    slow = media_url(world.media, "video.mp4", size_bytes=SIZE, rate="2MB")
    people.tenant.output("create", "weekly", "--org", "acme", "--video", "-", "--location", world.location, stdin=slow)
    live = created(world, "weekly", media_bytes("video.mp4", SIZE))
    upload = live.wait_upload()
    expire_during_upload(world.media, lambda: parts_of(world, live))
    live.wait_phase("Pending", reason="SourceExpired")
    kept = parts_of(world, live)

    done = people.tenant.run("refresh-url", "weekly", "-", stdin=media_url(world.media, "video.mp4", size_bytes=SIZE))

    assert done.returncode == 0, done.stderr
    live.wait_phase("Complete", within_s=90)
    assert live.upload_ids() == {upload}
    assert kept > 0
    assert len(secrets(world)) == 1
    assert CANARY not in json.dumps(live.versions()) + done.stdout + done.stderr


def test_a_failed_recording_is_retried(world: World, people: People) -> None:
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    body = pattern(MIB)
    with LyingSource(Content(body=body)) as source:

        def gone(_: SourceRequest) -> Behaviour:
            return Behaviour(status=410, body=b"")

        source.behave = gone
        people.tenant.output(
            "create", "weekly", "--org", "acme", "--video", "-", "--location", world.location, stdin=source.url
        )
        live = created(world, "weekly", Bytes.of(body))
        live.wait_phase("Failed")
        source.behave = lambda _: Behaviour()

        assert people.tenant.output("retry", "--all-failed") == "recording.recordings.dev/weekly retried\n"

        live.wait(lambda status: status.get("phase") == "Complete", what="Complete", within_s=60)


def test_deleted_with_its_objects(world: World, people: People) -> None:
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    world.edit_location(deletionPolicies=["Retain", "Delete"])
    url = media_url(world.media, "video.mp4", size_bytes=MIB)
    people.tenant.output("create", "weekly", "--org", "acme", "--video", "-", "--location", world.location, stdin=url)
    live = created(world, "weekly", media_bytes("video.mp4", MIB))
    key = artifact_of(live.wait_phase("Complete", within_s=60), "video")["key"]
    assert key in _keys(world)

    done = people.admin.run("delete", "weekly", "--objects", "--yes", "--wait", "--timeout", "60s", timeout_s=120)

    assert (done.returncode, done.stdout) == (0, "recording.recordings.dev/weekly deleted\n"), done.stderr
    assert f"Their objects in {world.location} are DELETED: 1.0 MB." not in done.stderr, "--yes does not ask"
    world.removed.add(live.uid)
    live.wait_gone()
    assert key not in _keys(world)


def test_objects_stay_where_the_location_does_not_permit_their_deletion(world: World, people: People) -> None:
    """A tenant cannot read the location, so this is known only at the end."""
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    url = media_url(world.media, "video.mp4", size_bytes=MIB)
    people.tenant.output("create", "weekly", "--org", "acme", "--video", "-", "--location", world.location, stdin=url)
    live = created(world, "weekly", media_bytes("video.mp4", MIB))
    key = artifact_of(live.wait_phase("Complete", within_s=60), "video")["key"]

    done = people.tenant.run("delete", "weekly", "--objects", "--yes", "--wait", timeout_s=120)

    live.wait_gone()
    assert done.returncode == 1
    assert "is deleted, and its objects stay" in done.stderr
    assert key in _keys(world)


def test_a_transcript_is_added_and_all_is_moved(world: World, people: People, tmp_path: Path) -> None:
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    other = world.make_location(spec={"s3": {"prefix": "moved/"}})
    world.edit_location(moves={"from": "Delete"})
    url = media_url(world.media, "video.mp4", size_bytes=MIB)
    people.tenant.output("create", "weekly", "--org", "acme", "--video", "-", "--location", world.location, stdin=url)
    live = created(world, "weekly", media_bytes("video.mp4", MIB))
    live.wait_phase("Complete", within_s=60)
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
    (tmp_path / "weekly.vtt").write_text(text)

    people.tenant.output("add-artifact", "weekly", "--transcript", str(tmp_path / "weekly.vtt"), "--secret")

    world.expect(live, Artifact(spec={"name": "transcript"}, expected=Bytes.of(text.encode())))
    people.tenant.output("wait", "weekly", "--for", "stored", "--timeout", "60s")

    moved = people.tenant.output("move", "weekly", "--to", other, "--yes")

    assert moved == f"recording.recordings.dev/weekly moves to {other}\n"
    live.wait(
        lambda status: status.get("storageLocation") == other and bool(status.get("settled")),
        what=f"moved to {other}",
        within_s=90,
    )
    assert CANARY not in json.dumps(live.versions())


def _keys(world: World) -> list[str]:
    return [one["Key"] for one in world.s3.client().list_objects_v2(Bucket=world.bucket).get("Contents", [])]
