"""`restore`: requests to a strict store that archives as AWS documents, and the wait for their end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from recording_operator.cli.artifacts import restoring
from tests.cli.counted_world import NAMESPACE, a_secret
from tests.cli.stored_world import PREFIX, StoredWorld, stored_world
from tests.support.strict_faults import ErrorResponse, Fault, Meanwhile
from tests.support.strict_restores import finish_restores, requested
from tests.support.strict_store import StrictStore

KEY = f"{PREFIX}video.mp4"


@pytest.fixture
def world(strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoredWorld]:
    """Two archived videos and a transcript that is not."""
    monkeypatch.setattr(restoring, "SHORTEST_INTERVAL_S", 0.0)
    with stored_world(strict, tmp_path) as made:
        made.keep("video", b"the video", storage_class="GLACIER")
        made.keep("screen", b"the screen", storage_class="DEEP_ARCHIVE")
        made.keep("transcript", b"hello", kind="Transcript", extension="vtt")
        yield made


def rows(shown: str) -> list[list[str]]:
    return [line.split("   ") for line in shown.splitlines()]


def cells(shown: str) -> list[list[str]]:
    return [[cell.strip() for cell in row if cell.strip()] for row in rows(shown)]


def test_all_archived_artifacts_are_restored(world: StoredWorld) -> None:
    done = world.run("restore", "--days", "3")
    assert done.exit_code == 0, done.output
    assert cells(done.stdout) == [
        ["ARTIFACT", "ARCHIVE", "STATE", "READABLE"],
        ["video", "GLACIER", "Restoring", "in 3 to 5 hours"],
        ["screen", "DEEP_ARCHIVE", "Restoring", "within 12 hours"],
        ["transcript", "-", "NotArchived", "now"],
    ]
    assert {(key, days, tier) for key, days, tier in requested(world.strict.bucket)} == {
        (KEY, 3, "Standard"),
        (f"{PREFIX}screen.mp4", 3, "Standard"),
    }
    again = world.run("restore", "video", "--tier", "bulk")
    assert cells(again.stdout)[1] == ["video", "GLACIER", "Restoring", "later, by an earlier request"]
    assert (KEY, 3, "Standard") in requested(world.strict.bucket)


def test_the_days_of_a_copy_begin_again(world: StoredWorld) -> None:
    world.run("restore", "video")
    finish_restores(world.strict.bucket)
    longer = world.run("restore", "video", "--days", "30")
    [_, [name, archive, state, readable]] = cells(longer.stdout)
    assert (name, archive, state) == ("video", "GLACIER", "Restored")
    assert readable.startswith("until ")
    assert "(in 30d)" in readable
    read = world.run("cat", "video")
    assert (read.exit_code, read.stdout) == (0, "the video")


def test_wait_ends_when_all_can_be_read(world: StoredWorld) -> None:
    finish = Meanwhile(do=lambda: finish_restores(world.strict.bucket))
    # Five requests about each artifact begin and request its restore, and two look again.
    world.strict.fault(Fault(operation="HeadObject", action=finish, first=15))
    done = world.run("restore", "video", "screen", "--wait", "--interval", "0s", "-o", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["artifacts"]
    assert [(one["artifact"], one["state"]) for one in found] == [("video", "Restored"), ("screen", "Restored")]
    assert all(one["restoredUntil"] for one in found)
    assert "Artifact video is restored." in done.stderr
    assert done.stderr.count("Waiting for") == 1


def test_a_longer_life_of_a_copy_is_shortened_only_by_force(world: StoredWorld) -> None:
    world.run("restore", "video", "--days", "30")
    finish_restores(world.strict.bucket)
    kept = world.run("restore", "video", "--days", "3")
    assert (kept.exit_code, requested(world.strict.bucket)) == (0, [(KEY, 30, "Standard")])
    assert "Nothing was requested. To shorten it: --force." in " ".join(kept.stderr.split())
    assert "(in 30d)" in kept.stdout
    world.run("restore", "video", "--days", "3", "--force")
    assert requested(world.strict.bucket) == [(KEY, 3, "Standard")]


def test_wait_outlives_failures_that_end(world: StoredWorld) -> None:
    # Two requests look at the artifact, one requests it, two look again.
    busy = ErrorResponse(status=503, code="SlowDown")
    world.strict.fault(Fault(operation="HeadObject", action=busy, first=6, times=12))
    finish = Meanwhile(do=lambda: finish_restores(world.strict.bucket))
    world.strict.fault(Fault(operation="HeadObject", action=finish, first=18))
    done = world.run("restore", "video", "--wait", "--interval", "0s")
    assert done.exit_code == 0, done.output
    words = " ".join(done.stderr.split())
    assert words.count("The store fails for now. Trying again") == 1
    assert "Artifact video is restored." in words


def test_wait_reads_renewed_credentials(world: StoredWorld) -> None:
    def renew() -> None:
        world.strict.secret_key = "renewed"
        world.objects[f"/api/v1/namespaces/{NAMESPACE}/secrets/keys"] = a_secret(world.strict)
        finish_restores(world.strict.bucket)

    world.strict.fault(Fault(operation="HeadObject", action=Meanwhile(do=renew), first=6))
    done = world.run("restore", "video", "--wait", "--interval", "0s")
    assert done.exit_code == 0, done.output
    assert "fails for now" in done.stderr


def test_wait_ends_with_credentials_that_stay_wrong(world: StoredWorld) -> None:
    def change() -> None:
        world.strict.secret_key = "unknown"

    world.strict.fault(Fault(operation="HeadObject", action=Meanwhile(do=change), first=6))
    done = world.run("restore", "video", "--wait", "--interval", "0s")
    assert done.exit_code == 1
    assert "credentials" in done.stderr


@pytest.mark.parametrize(("interval", "pause_s"), [("0s", 1.0), ("5s", 5.0)])
def test_wait_does_not_ask_without_a_pause(
    world: StoredWorld, monkeypatch: pytest.MonkeyPatch, interval: str, pause_s: float
) -> None:
    monkeypatch.undo()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        finish_restores(world.strict.bucket)

    monkeypatch.setattr("recording_operator.cli.artifacts.restoring.time.sleep", sleep)
    assert world.run("restore", "video", "--wait", "--interval", interval).exit_code == 0
    assert pauses == [pause_s]


def test_wait_has_a_timeout(world: StoredWorld) -> None:
    late = world.run("restore", "video", "--wait", "--interval", "0s", "--timeout", "0s")
    assert (late.exit_code, late.stdout) == (124, "")
    assert "Not restored within --timeout: video. The restore goes on" in " ".join(late.stderr.split())


def test_what_the_store_refuses(world: StoredWorld) -> None:
    deep = world.run("restore", "screen", "--tier", "expedited")
    assert deep.exit_code == 1
    assert "of DEEP_ARCHIVE there are none" in " ".join(deep.stderr.split())
    denied = ErrorResponse(status=403, code="AccessDenied", message="not authorized to perform: s3:RestoreObject on x")
    world.strict.fault(Fault(operation="RestoreObject", action=denied))
    words = " ".join(world.run("restore", "video").stderr.split())
    assert "The missing permission is s3:RestoreObject" in words
    world.strict.fault(Fault(operation="RestoreObject", action=ErrorResponse(status=501, code="NotImplemented")))
    assert "The store rejected the request" in world.run("restore", "video").stderr


def test_wrong_usage(world: StoredWorld) -> None:
    assert world.run("restore", "--days", "0").exit_code == 2
    assert world.run("restore", "--tier", "soon").exit_code == 2
    assert "has no artifact audio" in world.run("restore", "audio").stderr
