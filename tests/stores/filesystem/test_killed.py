"""Writers that end with SIGKILL: nothing half is visible, and the next process continues with verified parts."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcluster.install import PROJECT
from recording_operator.api.reasons import Reason
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from tests.stores.filesystem.directories import UPLOADS, begun, complete, files_in, opened, sent
from tests.support.transfers import KEY, KIB, fails, pattern

PART = 512 * KIB
COUNT = 4
BODY = pattern(PART * COUNT)


@contextmanager
def writer(directory: Path, moment: str) -> Iterator[list[str]]:
    """A process that is at this moment; the lines that it has printed. It is killed."""
    command = [sys.executable, "-m", "tests.stores.filesystem.writer", str(directory), str(PART), str(COUNT), moment]
    env = {"PYTHONPATH": f"{PROJECT / 'operator'}:{PROJECT}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=env) as process:
        assert process.stdout is not None
        lines = []
        try:
            for line in process.stdout:
                lines.append(line.strip())
                if lines[-1] == moment:
                    break
            yield lines
        finally:
            process.send_signal(signal.SIGKILL)


def test_the_parts_of_a_killed_process_are_verified_and_used(store: FilesystemLocationStore, directory: Path) -> None:
    with writer(directory, "half") as lines:
        upload_id = lines[0]
    assert store.head(KEY) is None
    assert [upload.upload_id for upload in store.uploads("")] == [upload_id]

    kept = list(store.list_parts(KEY, upload_id))

    assert [part.part_number for part in kept] == [1, 2, 3]
    kept.append(sent(store, upload_id, 4, BODY[3 * PART :]))
    complete(store, upload_id, kept, BODY)
    assert (directory / KEY).read_bytes() == BODY


def test_a_part_whose_bytes_were_lost_is_not_used(store: FilesystemLocationStore, directory: Path) -> None:
    with writer(directory, "half") as lines:
        upload_id = lines[0]
    data = directory / UPLOADS / upload_id / "data"
    with data.open("r+b") as file:
        file.seek(PART + 4096)
        file.write(b"\0" * 4096)

    others = opened(directory)
    assert [part.part_number for part in others.sent_parts(KEY, upload_id)] == [1, 2, 3]
    assert [part.part_number for part in store.list_parts(KEY, upload_id)] == [1, 3]
    assert [part.part_number for part in others.sent_parts(KEY, upload_id)] == [1, 3]  # the client sends it again


def test_what_this_process_wrote_is_not_read_again(store: FilesystemLocationStore, directory: Path) -> None:
    upload_id = begun(store, PART)
    sent(store, upload_id, 1, BODY[:PART])
    data = directory / UPLOADS / upload_id / "data"
    data.write_bytes(b"\0" * PART)  # only to see whether it is read
    assert len(store.list_parts(KEY, upload_id)) == 1
    assert list(opened(directory).list_parts(KEY, upload_id)) == []


def test_a_process_that_is_writing_keeps_others_from_completing(
    store: FilesystemLocationStore, directory: Path
) -> None:
    with writer(directory, "half") as lines:
        upload_id = lines[0]
        parts = list(store.list_parts(KEY, upload_id))
        error = fails(lambda: complete(store, upload_id, parts, BODY[: 3 * PART]))
        assert error.reason is Reason.STORE_UNAVAILABLE
        assert "Another process is writing this upload" in error.message
    complete(store, upload_id, parts, BODY[: 3 * PART])
    assert (directory / KEY).read_bytes() == BODY[: 3 * PART]


@pytest.mark.parametrize("moment", ["before link", "put before link"])
def test_killed_before_the_file_is_visible(store: FilesystemLocationStore, directory: Path, moment: str) -> None:
    with writer(directory, moment) as lines:
        upload_id = lines[0]
    assert store.head(KEY) is None
    assert list(store.objects("")) == []
    if moment == "before link":
        parts = list(store.list_parts(KEY, upload_id))
        complete(store, upload_id, parts, BODY)
        head = store.head(KEY)
        assert head is not None
        assert head.recording_uid == "uid-1"
        assert len([name for name in files_in(directory) if "metadata" in name]) == 1


def test_killed_just_after_the_file_became_visible(store: FilesystemLocationStore, directory: Path) -> None:
    with writer(directory, "after link") as lines:
        upload_id = lines[0]
    head = store.head(KEY)
    assert head is not None
    assert head.recording_uid == "uid-1"
    assert (directory / KEY).read_bytes() == BODY

    # The upload is the same file: nobody may write to it any more.
    assert fails(lambda: sent(store, upload_id, 1, b"x")).reason is Reason.STORE_UPLOAD_LOST
    assert fails(lambda: store.list_parts(KEY, upload_id)).reason is Reason.STORE_UPLOAD_LOST
    assert store.abort(KEY, upload_id)
    assert (directory / KEY).read_bytes() == BODY
    assert store.head(KEY) == head
