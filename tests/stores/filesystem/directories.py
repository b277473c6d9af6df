"""Helpers of tests of filesystem stores."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from recording_operator.checksums import crc64nvme
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.store import StoredPart, WriteReceipt
from tests.support.transfers import KEY, an_object

UPLOADS = ".recording-operator/uploads"
NOBODY = 65534


def opened(directory: Path) -> FilesystemLocationStore:
    """Another process's store in the directory: nothing is known of what others have written."""
    return FilesystemLocationStore(Tree(root=str(directory.parent), path=str(directory)))


def put(store: FilesystemLocationStore, body: bytes, key: str = KEY, **more: object) -> WriteReceipt:
    """A small object."""
    return store.put(an_object(key=key, **more), body, crc64nvme=crc64nvme(body))


def begun(store: FilesystemLocationStore, part_size: int, obj: ObjectSpec | None = None) -> str:
    """An open upload."""
    return store.create_upload(obj or an_object(), part_size_bytes=part_size)


def sent(store: FilesystemLocationStore, upload_id: str, number: int, body: bytes) -> StoredPart:
    """A part."""
    return store.upload_part(KEY, upload_id, part_number=number, body=BufferedPart(body))


def complete(store: FilesystemLocationStore, upload_id: str, parts: list[StoredPart], body: bytes) -> WriteReceipt:
    """The object of these parts."""
    return store.complete(an_object(), upload_id, parts, size_bytes=len(body), crc64nvme=crc64nvme(body))


def files_in(directory: Path) -> list[str]:
    """Everything that is not a folder, also what the store keeps for itself."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


@contextlib.contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder that anyone may enter, and no privileges while the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # noqa: S103, PTH101 - what the test is about lies below
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)
