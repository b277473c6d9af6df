"""`cat`: exactly the bytes of the artifact on standard output, and text only on a terminal."""

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.cli.stored_world import PROGRAM, StoredWorld, body_of, stored_world
from tests.support.strict_faults import CutResponse, ErrorResponse, Fault, FlipResponse, IgnoreRange
from tests.support.strict_store import StrictStore

TEXT: Final = "WEBVTT\n\n00:00.000 --> 00:01.000\nGrüße, 世界\n"
ESCAPES: Final = "before\x1b]0;title\x07 \x1b[31mred\x9b2J after\n"


@pytest.fixture
def world(strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoredWorld]:
    """A video and a transcript."""
    monkeypatch.setattr("recording_operator.cli.artifacts.reading.FIRST_WAIT_S", 0.01)
    with stored_world(strict, tmp_path) as made:
        made.keep("video", body_of(2))
        made.keep("transcript", TEXT.encode(), kind="Transcript", extension="vtt")
        yield made


def test_the_bytes_alone_are_on_standard_output(world: StoredWorld) -> None:
    shown = world.run("cat", "transcript")
    assert (shown.exit_code, shown.stdout_bytes, shown.stderr) == (0, TEXT.encode(), "")
    video = world.run("cat")
    assert (video.exit_code, video.stdout_bytes) == (0, world.bodies["video"])


def test_a_cut_connection_continues(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=CutResponse(body_bytes=900_000), times=2))
    world.strict.fault(Fault(operation="GetObject", action=ErrorResponse(status=503, code="SlowDown"), first=3))
    video = world.run("cat", "video")
    assert (video.exit_code, video.stdout_bytes) == (0, world.bodies["video"])


def test_wrong_bytes_are_an_error_at_the_end(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=FlipResponse(), times=9))
    wrong = world.run("cat", "transcript")
    assert wrong.exit_code == 1
    assert "do not have the expected checksum (crc64nvme). Do not use what was printed." in " ".join(
        wrong.stderr.split()
    )
    world.strict.heal()
    world.status("transcript")["checksum"] = f"sha256:{'0' * 64}"
    assert world.run("cat", "transcript").exit_code == 1


def test_the_etag_is_that_of_the_bytes_that_were_written(world: StoredWorld) -> None:
    world.strict.bucket.shows_checksums = False
    world.status("video").update(checksum=None, integrity="ETagMD5")
    video = world.run("cat", "video")
    assert (video.exit_code, video.stdout_bytes, video.stderr) == (0, world.bodies["video"], "")
    assert world.strict.count("GetObject") == 1
    world.strict.fault(Fault(operation="GetObject", action=FlipResponse()))
    wrong = world.run("cat", "video")
    assert wrong.exit_code == 1
    assert "expected checksum (the MD5s of the ETag). Do not use" in " ".join(wrong.stderr.split())


def test_without_a_checksum_the_size_is_compared(world: StoredWorld) -> None:
    world.strict.bucket.shows_checksums = False
    world.status("video").update(checksum=None)
    shown = world.run("cat", "video")
    assert (shown.exit_code, shown.stdout_bytes) == (0, world.bodies["video"])
    assert "No checksum of artifact video is known, so only the size was compared." in " ".join(shown.stderr.split())
    world.status("video").update(bytesTotal=7)
    assert "but the operator stored 7. Another program has replaced it" in " ".join(
        world.run("cat", "video").stderr.split()
    )


def test_only_failures_without_a_byte_between_them_count(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=CutResponse(body_bytes=100_000), times=12))
    video = world.run("cat", "video")
    assert (video.exit_code, video.stdout_bytes) == (0, world.bodies["video"])


def test_what_cannot_be_read(world: StoredWorld) -> None:
    world.strict.fault(Fault(operation="GetObject", action=IgnoreRange(), first=2, times=9))
    world.strict.fault(Fault(operation="GetObject", action=CutResponse(body_bytes=900_000)))
    assert "more than the requested range" in world.run("cat", "video").stderr
    world.keep("old", b"x", storage_class="GLACIER")
    archived = world.run("cat", "old")
    assert archived.exit_code == 1
    assert "must be restored first" in " ".join(archived.stderr.split())


def in_terminal(world: StoredWorld, *arguments: str) -> tuple[int, str]:
    """Exit status, and what the terminal gets."""
    mine, theirs = pty.openpty()
    command: list[str | Path] = [PROGRAM, "cat", "team/meeting", *arguments, f"--kubeconfig={world.kubeconfig}"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the end
            while data := os.read(mine, 65536):
                shown += data
    os.close(mine)
    return running.returncode, shown.decode("utf-8", "replace").replace("\r\n", "\n")


def test_a_terminal_gets_text(world: StoredWorld) -> None:
    assert in_terminal(world, "transcript") == (0, TEXT)


def test_a_terminal_gets_no_control_characters_without_force(world: StoredWorld) -> None:
    world.keep("escapes", ESCAPES.encode(), kind="Transcript", extension="txt")
    assert in_terminal(world, "escapes") == (0, "before]0;title [31mred2J after\n")
    status, shown = in_terminal(world, "escapes", "--force")
    assert status == 0
    assert "\x1b[31mred" in shown


def test_a_terminal_gets_nothing_binary_without_force(world: StoredWorld) -> None:
    status, shown = in_terminal(world, "video")
    assert status == 1
    assert "The artifact is not text." in " ".join(shown.split())
    assert len(shown) < 500
