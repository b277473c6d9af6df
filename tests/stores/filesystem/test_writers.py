"""Several writers at once: one object results, with its own metadata, and a replaced process can change nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.store import BodyAborted
from tests.stores.filesystem.directories import begun, complete, files_in, opened, put, sent
from tests.support.transfers import KEY, fails


def test_one_of_many_writers_wins_with_its_own_metadata(directory: Path) -> None:
    start = threading.Barrier(8)

    def write(number: int) -> bytes | None:
        store, body = opened(directory), b"%d" % number * 1000
        upload_id = begun(store, len(body)) if number % 2 else ""
        parts = [sent(store, upload_id, 1, body)] if upload_id else []
        start.wait()
        try:
            if upload_id:
                complete(store, upload_id, parts, body)
            else:
                put(store, body)
        except TransferError as error:
            if error.reason is not Reason.STORE_KEY_CONFLICT:
                raise
            return None
        return body

    with ThreadPoolExecutor(8) as pool:
        written = [body for body in pool.map(write, range(8)) if body is not None]

    assert len(written) == 1
    head = opened(directory).head(KEY)
    assert head is not None
    assert (head.recording_uid, head.stored.checksum) == ("uid-1", to_text(crc64nvme(written[0])))
    assert (directory / KEY).read_bytes() == written[0]
    assert len([name for name in files_in(directory) if "metadata" in name]) == 1


def test_deletions_and_writers_in_one_folder(directory: Path) -> None:
    """A folder is removed with its last object, while others are linked into it."""

    def write(number: int) -> None:
        store = opened(directory)
        for turn in range(4):
            key = f"a/b/{number}-{turn}"
            put(store, b"x", key)
            assert store.delete(key, version_id=None, recording_uid="uid-1")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert files_in(directory) == []


def test_a_part_that_a_replaced_process_begins_again_is_not_used(
    store: FilesystemLocationStore, directory: Path
) -> None:
    upload_id = begun(store, 4)
    parts = [sent(store, upload_id, 1, b"abcd"), sent(store, upload_id, 2, b"efgh")]
    sent(opened(directory), upload_id, 1, b"XXXX")
    error = fails(lambda: complete(store, upload_id, parts, b"abcdefgh"))
    assert error.reason is Reason.STORE_INTEGRITY
    assert store.head(KEY) is None


def test_a_part_that_was_begun_again_and_cut_is_not_used(store: FilesystemLocationStore) -> None:
    class Cut(BufferedPart):
        def read(self, size: int = -1) -> bytes | memoryview:
            if self.tell():
                raise BodyAborted(Stopped())
            return super().read(size)

    upload_id = begun(store, 4)
    sent(store, upload_id, 1, b"abcd")
    with pytest.raises(BodyAborted):
        store.upload_part(KEY, upload_id, part_number=1, body=Cut(b"XXXX"))
    assert store.list_parts(KEY, upload_id) == []


def test_bytes_of_a_slow_writer_over_a_part_of_another_are_not_published(
    store: FilesystemLocationStore, directory: Path
) -> None:
    """Two clients send one part. The slow one is cut after the other one is done and its part was listed."""
    upload_id = begun(store, 4)
    reached, go_on = threading.Event(), threading.Event()

    class Slow(BufferedPart):
        def read(self, size: int = -1) -> bytes | memoryview:
            if self.tell():
                raise BodyAborted(Stopped())
            reached.set()
            assert go_on.wait(30)
            return super().read(size)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lambda: opened(directory).upload_part(KEY, upload_id, part_number=1, body=Slow(b"XXXX")))
        assert reached.wait(30)
        sent(store, upload_id, 1, b"abcd")
        parts = list(store.list_parts(KEY, upload_id))
        assert fails(lambda: complete(store, upload_id, parts, b"abcd")).reason is Reason.STORE_UNAVAILABLE
        go_on.set()
        assert isinstance(slow.exception(timeout=30), BodyAborted)
    error = fails(lambda: complete(store, upload_id, parts, b"abcd"))
    assert error.reason is Reason.STORE_INTEGRITY
    assert store.head(KEY) is None
    assert store.list_parts(KEY, upload_id) == []
    complete(store, upload_id, [sent(store, upload_id, 1, b"abcd")], b"abcd")
    assert (directory / KEY).read_bytes() == b"abcd"


def test_a_process_that_was_replaced_cannot_write_to_a_visible_file(
    store: FilesystemLocationStore, directory: Path
) -> None:
    old = opened(directory)
    upload_id = begun(old, 4)
    reached, go_on = threading.Event(), threading.Event()

    class Late(BufferedPart):
        def read(self, size: int = -1) -> bytes | memoryview:
            reached.set()
            assert go_on.wait(30)
            return super().read(size)

    with ThreadPoolExecutor(1) as pool:
        sent(store, upload_id, 1, b"abcd")
        late = pool.submit(lambda: old.upload_part(KEY, upload_id, part_number=2, body=Late(b"efgh")))
        assert reached.wait(30)
        parts = list(store.list_parts(KEY, upload_id))
        assert fails(lambda: complete(store, upload_id, parts, b"abcd")).reason is Reason.STORE_UNAVAILABLE
        go_on.set()
        late.result(timeout=30)
    complete(store, upload_id, parts, b"abcd")
    assert fails(lambda: sent(old, upload_id, 1, b"XXXX")).reason is Reason.STORE_UPLOAD_LOST
    assert (directory / KEY).read_bytes() == b"abcd"
