"""The metadata of an object, in a file of its own below `.recording-operator/metadata/`.

The name of that file has a hash of the key, and the modification time of the object, which the operator sets at random
within a second. So of two writers each has its own, and metadata of an earlier file never counts for a later one.
"""

import hashlib
import os
import random
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from recording_operator.stores.errors import StoreError
from recording_operator.stores.filesystem.keys import METADATA, path_of
from recording_operator.stores.filesystem.tree import (
    Tree,
    create_file,
    enter,
    names_in,
    read_small,
    status_of,
    sync_folder,
    write_all,
)

_MOST_BYTES: Final = 64 * 2**10
_HASH_DIGITS: Final = 40
_NS: Final = 10**9
_MOST_EXAMINED: Final = 1000
LEFT_OVER_S: Final = 24 * 3600
"""The age from which what is not used any more is removed."""


class Sidecar(BaseModel):
    """What is known of an object beside its bytes. `crc64nvme` has 16 hex digits."""

    model_config = ConfigDict(frozen=True)

    key: str
    size_bytes: int
    crc64nvme: str
    content_type: str
    content_encoding: str | None = None
    metadata: dict[str, str]


def random_time_ns() -> int:
    """The current second, with random nanoseconds."""
    return int(datetime.now(UTC).timestamp()) * _NS + secrets.randbelow(_NS)


def etag_of(status: os.stat_result) -> str:
    """Identifies the content of a file, unless its time is set by hand. It does not look like an MD5."""
    return f"{status.st_mtime_ns:x}.{status.st_size:x}"


def write(tree: Tree, sidecar: Sidecar, status: os.stat_result) -> None:
    """Write the metadata of the file with these attributes, and make it durable. Raises OSError, StoreError."""
    folder, name = _place(sidecar.key, status)
    with tree.folder((*METADATA, folder), make=True) as opened:
        # A complete that was interrupted before its file became visible may have left one.
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=opened)
        file = create_file(opened, name)
        try:
            write_all(file, sidecar.model_dump_json().encode(), 0)
            os.fsync(file)
        finally:
            os.close(file)
        sync_folder(opened)


def read(tree: Tree, key: str, status: os.stat_result) -> Sidecar | None:
    """The metadata of the file with these attributes; None if it is not the operator's. Raises OSError, StoreError."""
    folder, name = _place(key, status)
    try:
        with tree.folder((*METADATA, folder)) as opened:
            data = read_small(opened, name, _MOST_BYTES)
    except FileNotFoundError:
        return None
    sidecar = _parsed(data)
    if sidecar is None or (sidecar.key, sidecar.size_bytes) != (key, status.st_size):
        return None
    return sidecar


def remove(tree: Tree, key: str, status: os.stat_result) -> None:
    """Remove the metadata of a file that is gone. Raises OSError, StoreError."""
    folder, name = _place(key, status)
    with suppress(FileNotFoundError), tree.folder((*METADATA, folder)) as opened:
        os.unlink(name, dir_fd=opened)


def remove_left_over(tree: Tree, *, open_keys: Collection[str]) -> None:
    """Remove metadata that a killed process has left: of files that are gone, or were replaced, or never appeared.

    One call examines at most 1,000, chosen at random. `open_keys` are those of uploads, whose metadata may be there
    before their file. Raises OSError, StoreError.
    """
    most = _MOST_EXAMINED
    with suppress(FileNotFoundError), tree.folder(METADATA) as metadata:
        for name in random.sample(folders := names_in(metadata), len(folders)):
            folder = enter(metadata, name)
            try:
                names = names_in(folder)
                for sidecar in random.sample(names, min(most, len(names))):
                    if _is_left_over(tree, folder, sidecar, open_keys):
                        os.unlink(sidecar, dir_fd=folder)
            finally:
                os.close(folder)
            most -= len(names)
            if most <= 0:
                return


def _is_left_over(tree: Tree, folder: int, name: str, open_keys: Collection[str]) -> bool:
    """Whether no file has this metadata. That of a file whose time a person has changed is kept."""
    if status_of(folder, name).st_mtime > time.time() - LEFT_OVER_S:
        return False
    data = read_small(folder, name, _MOST_BYTES)
    sidecar = _parsed(data)
    if sidecar is None or sidecar.key in open_keys:
        return data == b""
    try:
        names = path_of(sidecar.key)
        with tree.folder(names[:-1]) as place:
            status = status_of(place, names[-1])
    except FileNotFoundError:
        return True
    except StoreError:  # no operator has written it
        return False
    return _place(sidecar.key, status)[1] != name and read(tree, sidecar.key, status) is not None


def _parsed(data: bytes | None) -> Sidecar | None:
    try:
        return Sidecar.model_validate_json(data or b"")
    except ValidationError:
        return None


def _place(key: str, status: os.stat_result) -> tuple[str, str]:
    digits = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_DIGITS]
    return digits[:2], f"{digits}.{status.st_mtime_ns:x}.json"
