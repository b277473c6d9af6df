"""How files of directories are read for links."""

from pathlib import Path

from recording_operator.checksums import crc64nvme
from recording_operator.console.files.ranges import ByteRange
from recording_operator.console.files.serving import chunks_of
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from tests.support.transfers import KEY, MIB, an_object, pattern


def test_clients_that_read_slowly_hold_little_memory(tmp_path: Path) -> None:
    body = pattern(MIB)
    store = FilesystemLocationStore(Tree(root=str(tmp_path), path=f"{tmp_path}/acme"))
    store.put(an_object(), body, crc64nvme=crc64nvme(body))
    head = store.head(KEY)
    assert head is not None
    chunks = list(chunks_of(store, head.stored, ByteRange(1000, MIB)))
    assert b"".join(chunks) == body[1000:]
    assert max(map(len, chunks)) <= 64 * 2**10
