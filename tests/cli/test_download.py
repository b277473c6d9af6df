"""`download`, from a strict store that fails by script: the files have the right bytes, or there are none."""

import base64
import hashlib
import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from recording_operator.checksums import crc64nvme, to_text
from recording_operator.cli.downloading import fetching, running
from tests.cli.counted_world import a_secret
from tests.cli.stored_world import API, RECORDING, StoredWorld, body_of, stored_world
from tests.support.strict_faults import CutResponse, ErrorResponse, Fault, FlipResponse, IgnoreRange, Meanwhile, Stall
from tests.support.strict_store import StrictStore
from tests.support.waiting import eventually

VIDEO = "meeting-video.mp4"
RANGE = 2**20


@pytest.fixture
def world(strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoredWorld]:
    """A video of five ranges and a transcript."""
    monkeypatch.setattr(running, "RANGE_BYTES", RANGE)
    monkeypatch.setattr(fetching, "FIRST_WAIT_S", 0.01)
    with stored_world(strict, tmp_path) as made:
        made.keep("video", body_of(5))
        made.keep("transcript", "Grüße\n".encode(), kind="Transcript", extension="vtt")
        yield made


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.stderr.split())


def failed(result: Result, *, status: int = 1) -> str:
    assert result.exit_code == status, result.output
    return " ".join(result.stderr.split())


def names(world: StoredWorld) -> list[str]:
    return sorted(path.name for path in world.files.iterdir())


def test_all_artifacts_by_default(world: StoredWorld) -> None:
    result = world.download()
    words = done(result)
    assert result.stdout.splitlines() == [str(world.files / VIDEO), str(world.files / "meeting-transcript.vtt")]
    assert names(world) == ["meeting-transcript.vtt", VIDEO]
    assert world.file(VIDEO) == world.bodies["video"]
    assert world.file("meeting-transcript.vtt") == world.bodies["transcript"]
    assert f"{VIDEO}: 5.2 MB in" in words
    assert "crc64nvme verified" in words
    assert world.strict.count("GetObject") == 6
    assert "\x1b" not in words


def test_one_artifact_and_an_empty_one(world: StoredWorld) -> None:
    world.keep("empty", b"", kind="Other", extension="tar.gz")
    done(world.download("empty"))
    assert names(world) == ["meeting-empty.tar.gz"]
    assert world.file("meeting-empty.tar.gz") == b""


def test_what_is_there_is_kept_or_replaced_only_by_force(world: StoredWorld) -> None:
    done(world.download("video"))
    reads = world.strict.count("GetObject")
    assert "is there already, with the right checksum" in done(world.download("video"))
    assert world.strict.count("GetObject") == reads

    (world.files / VIDEO).write_bytes(b"mine")
    assert "is there already, and is another file" in failed(world.download("video"))
    assert world.file(VIDEO) == b"mine"
    done(world.download("video", "--force"))
    assert world.file(VIDEO) == world.bodies["video"]
    assert names(world) == [VIDEO]


def test_a_link_at_the_name_is_not_followed(world: StoredWorld) -> None:
    world.files.mkdir()
    (world.files / VIDEO).symlink_to(world.folder / "elsewhere")
    assert "is another file" in failed(world.download("video"))
    (world.files / f"{VIDEO}.part").symlink_to(world.folder / "elsewhere")
    assert "cannot be written" in failed(world.download("video", "--force"))
    assert not (world.folder / "elsewhere").exists()


def test_cut_connections_continue_where_they_ended(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=CutResponse(body_bytes=700_000), every=2, times=4))
    done(world.download("video"))
    assert world.file(VIDEO) == world.bodies["video"]


def test_a_busy_store_is_asked_again_and_then_left(world: StoredWorld) -> None:
    busy = ErrorResponse(status=503, code="SlowDown")
    world.strict.fault(Fault(operation="GetObject", action=busy, times=3))
    done(world.download("transcript"))
    world.strict.fault(Fault(operation="HeadObject", action=busy, times=99))
    assert "failed or is busy" in failed(world.download("video"), status=75)


def test_wrong_bytes_are_read_again(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=FlipResponse(), first=2))
    assert "do not have the expected checksum. Downloading them again." in done(world.download("video"))
    assert world.file(VIDEO) == world.bodies["video"]


def test_wrong_bytes_never_become_a_file(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=FlipResponse(), times=99))
    assert "The object in the store is damaged or was replaced. No file was written." in failed(world.download("video"))
    assert names(world) == []


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_other_checksums_of_the_status(world: StoredWorld, algorithm: str) -> None:
    right = hashlib.new(algorithm, world.bodies["video"]).hexdigest()
    world.status("video")["checksum"] = f"{algorithm}:{right}"
    assert f"{algorithm} verified" in done(world.download("video"))
    world.status("video")["checksum"] = f"{algorithm}:{right[::-1]}"
    assert f"checksum ({algorithm})" in failed(world.download("video", "--force"))
    assert world.file(VIDEO) == world.bodies["video"], "the old file stays"


def test_without_a_checksum_the_etag_counts(world: StoredWorld) -> None:
    world.strict.bucket.shows_checksums = False
    world.status("video").update(checksum=None, integrity="ETagMD5")
    assert "the MD5s of the ETag verified" in done(world.download("video"))
    world.status("video").update(integrity="ReadBack")
    assert "no checksum is known" in done(world.download("video", "--force"))


def test_a_store_that_ignores_ranges(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=IgnoreRange(), times=99))
    assert "more than the requested range" in failed(world.download("video"))


def test_an_object_that_changes_meanwhile_is_downloaded_from_the_start(world: StoredWorld) -> None:
    newer = body_of(4, seed=2)
    world.strict.fault(
        Fault(operation="GetObject", action=Meanwhile(do=lambda: world.replace("video", newer)), first=4)
    )
    assert "The object at the key has changed meanwhile. Starting again." in done(world.download("video"))
    assert world.file(VIDEO) == newer
    assert names(world) == [VIDEO]


def test_an_object_that_another_program_replaced(world: StoredWorld) -> None:
    status = world.status("video")
    before = dict(status)
    world.replace("video", body_of(1, seed=3))
    status.update(before, versionId=status["versionId"])
    assert f"but the operator stored {status['etag']}. Another program has" in failed(world.download("video"))
    status.update(etag=None)
    assert "bytes, but the operator stored 5242880. Another" in failed(world.download("video"))
    status.update(bytesTotal=None)
    assert "do not have the expected checksum" in failed(world.download("video"))


def test_the_checksum_of_the_store_is_that_of_the_right_object_only_with_its_etag(world: StoredWorld) -> None:
    world.status("video").update(checksum=None, versionId=None, etag="0" * 32)
    assert "replaced" in failed(world.download("video"))
    for verb in ("cat", "presign", "restore"):
        assert "replaced" in failed(world.run(verb, "video"))
    world.status("video").update(checksum=to_text(crc64nvme(world.bodies["video"])))
    assert "crc64nvme verified" in done(world.download("video")), "a copy with other parts"


def test_what_is_replaced_is_named(world: StoredWorld) -> None:
    done(world.download("video"))
    assert f"{world.files / VIDEO} is there already and is replaced." in done(world.download("video", "--force"))


def test_the_bytes_are_on_the_disk_before_the_name(world: StoredWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, list[str]]] = []
    monkeypatch.setattr(os, "fsync", lambda one: synced.append((stat.S_ISDIR(os.fstat(one).st_mode), names(world))))
    done(world.download("transcript"))
    part = "meeting-transcript.vtt.part"
    assert synced == [
        (False, [part, f"{part}.journal"]),
        (True, ["meeting-transcript.vtt", f"{part}.journal"]),
    ]


def interrupted(world: StoredWorld, sig: int, *, after: int = 4) -> subprocess.CompletedProcess[bytes]:
    """Send the signal when the store stalls at a request."""
    stall = Stall()
    world.strict.fault(Fault(operation="GetObject", action=stall, first=after, times=99))
    started = world.start("download", "video", "-o", str(world.files), "--parallel", "2")
    try:
        eventually(lambda: world.strict.count("GetObject") >= after - 1 and _is_noted(world, after - 1))
        started.send_signal(sig)
        out, err = started.communicate(timeout=30)
    finally:
        started.kill()
        stall.until.set()
        world.strict.heal()
    return subprocess.CompletedProcess([], started.returncode, out, err)


def _is_noted(world: StoredWorld, ranges: int) -> bool:
    journal = world.files / f"{VIDEO}.part.journal"
    return journal.exists() and journal.read_bytes().count(b"\n") > ranges


def sent(world: StoredWorld) -> int:
    """Number of ranges that the store has sent."""
    return sum(seen.operation == "GetObject" and seen.status == 206 for seen in world.strict.requests)


@pytest.fixture
def large(world: StoredWorld) -> StoredWorld:
    """The real program reads in ranges of 16 MiB."""
    world.replace("video", body_of(80))
    return world


def test_ctrl_c_keeps_what_was_downloaded(large: StoredWorld) -> None:
    ended = interrupted(large, signal.SIGINT)
    assert (ended.returncode, ended.stdout) == (130, b"")
    assert b"the same command continues" in ended.stderr
    assert names(large) == [f"{VIDEO}.part", f"{VIDEO}.part.journal"]
    before = sent(large)
    assert "were downloaded before. Continuing." in done(large.download("video"))
    assert sent(large) - before == 80 - 3 * 16, "ranges of 1 MiB"
    assert large.file(VIDEO) == large.bodies["video"]
    assert names(large) == [VIDEO]


def test_a_killed_download_continues(large: StoredWorld) -> None:
    assert interrupted(large, signal.SIGKILL).returncode == -signal.SIGKILL
    part = large.files / f"{VIDEO}.part"
    with part.open("r+b") as file:  # as after a crash of the machine: bytes in the journal are not on the disk
        file.write(bytes(1000))
    journal = large.files / f"{VIDEO}.part.journal"
    journal.write_bytes(journal.read_bytes() + b"[80, 81")
    done(large.download("video"))
    assert large.file(VIDEO) == large.bodies["video"]


def test_what_was_downloaded_of_another_version_is_not_used(large: StoredWorld) -> None:
    interrupted(large, signal.SIGKILL)
    large.replace("video", body_of(3, seed=9))
    words = done(large.download("video"))
    assert "were downloaded before" not in words
    assert large.file(VIDEO) == large.bodies["video"]


def test_two_downloads_into_one_file(large: StoredWorld) -> None:
    stall = Stall()
    large.strict.fault(Fault(operation="GetObject", action=stall, times=99))
    first = large.start("download", "video", "-o", str(large.files))
    try:
        eventually((large.files / f"{VIDEO}.part").exists)
        assert "Another process is downloading" in failed(large.download("video"))
    finally:
        first.kill()
        first.communicate()
        stall.until.set()


def test_credentials_that_expire_meanwhile_are_read_again(world: StoredWorld) -> None:
    def renew() -> None:
        world.strict.secret_key = "renewed"
        world.objects["/api/v1/namespaces/recording-operator/secrets/keys"] = a_secret(world.strict)

    expired = ErrorResponse(status=400, code="ExpiredToken")
    world.strict.fault(Fault(operation="GetObject", action=Meanwhile(do=renew, then=expired), first=3))
    done(world.download("video", "--parallel", "1"))
    assert world.file(VIDEO) == world.bodies["video"]


def test_an_archived_artifact_says_how_to_restore_it(world: StoredWorld) -> None:
    world.keep("old", b"x", storage_class="GLACIER")
    words = failed(world.download())
    assert "Artifact old is archived (GLACIER) and must be restored first: " in words
    assert "recording-operator restore meeting old -n team" in words
    assert names(world) == ["meeting-transcript.vtt", VIDEO], "the others are downloaded"


def test_a_directory_says_where_the_file_is(world: StoredWorld) -> None:
    path = f"{API}/storagelocations/archive"
    location: Any = world.objects[path]
    location["spec"]["filesystem"] = {"path": "/mnt/recordings"}
    del location["spec"]["s3"]
    world.recording["status"]["bucket"] = "/mnt/recordings"
    words = failed(world.download("video"))
    assert f"The path is /mnt/recordings/{world.status('video')['key']}." in words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (RECORDING, "You may not get recordings meeting in namespace team."),
        (f"{API}/storagelocations/archive", "You may not get storagelocations archive."),
        (
            "/api/v1/namespaces/recording-operator/secrets/keys",
            "You may not read Secret 'keys' in the operator's namespace 'recording-operator'.",
        ),
    ],
)
def test_a_missing_right_is_named(world: StoredWorld, path: str, words: str) -> None:
    world.objects[path] = 403
    assert words in failed(world.download("video"))


def test_a_forged_key_names_no_other_folder(world: StoredWorld) -> None:
    world.status("video")["key"] = world.status("video")["key"].replace("video.mp4", "video.mp4/../../x\x1b")
    failed(world.download("video"))
    assert names(world) == []


def test_a_full_disk_is_said_before(world: StoredWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = os.statvfs(world.folder)
    assert usage.f_bavail
    full = type("Usage", (), {"free": 2**20})()
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    assert "has 1.0 MB of free space, and meeting-video.mp4 needs 5.2 MB" in failed(world.download("video"))


def test_the_secret_is_in_no_file_and_no_message(world: StoredWorld) -> None:
    interrupted_words = failed(world.download("nothing"))
    assert "has no artifact nothing. It has video, transcript." in interrupted_words
    world.strict.fault(Fault(operation="GetObject", action=ErrorResponse(status=403, code="AccessDenied"), times=9))
    words = failed(world.download("video"))
    journal = world.files / f"{VIDEO}.part.journal"
    texts = words + journal.read_text()
    secrets = (world.strict.secret_key, base64.b64encode(world.strict.secret_key.encode()).decode())
    assert not any(secret in texts for secret in secrets)
    assert json.loads(journal.read_text().splitlines()[0])["etag"] == world.status("video")["etag"]
    assert timedelta(0) == world.strict.clock_offset
