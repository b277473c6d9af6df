"""Lists the files of a location as objects, in the order of their keys."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime

from recording_operator.stores.filesystem.errors import translated
from recording_operator.stores.filesystem.keys import INTERNAL, MOST_KEY_BYTES
from recording_operator.stores.filesystem.sidecar import etag_of
from recording_operator.stores.filesystem.tree import FOLDER, Tree, status_of
from recording_operator.stores.inventory import ListedObject


def listed_objects(tree: Tree, prefix: str) -> Iterator[ListedObject]:
    """Every regular file whose key begins with `prefix`. Raises StoreError.

    Files and folders that disappear meanwhile are left out. The names of one folder at a time are in memory.
    """
    names = prefix.split("/")[:-1]
    if any(name in {"", ".", ".."} for name in names):
        return
    with translated("list files"):
        try:
            with tree.folder(names) as opened:
                folder = os.dup(opened)
        except FileNotFoundError:
            return
    yield from _walk(folder, "".join(f"{name}/" for name in names), prefix)


def _walk(folder: int, base: str, prefix: str) -> Iterator[ListedObject]:
    """Walk a folder, and close it."""
    try:
        with translated("list files"):
            names = sorted(_sortable(folder))
        for sorted_as, name in names:
            key = base + _text(sorted_as)
            if not sorted_as.endswith(b"/"):
                if key.startswith(prefix) and (found := _listed(folder, name, key)) is not None:
                    yield found
            elif (
                len(key) <= MOST_KEY_BYTES
                and key not in INTERNAL
                and (key.startswith(prefix) or prefix.startswith(key))
            ):
                inner = _entered(folder, name)
                if inner is not None:
                    yield from _walk(inner, key, prefix)
    finally:
        os.close(folder)


def _sortable(folder: int) -> Iterator[tuple[bytes, str]]:
    """Names with what they are sorted by: a folder with the slash that follows it in keys."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                yield name + b"/", entry.name
            elif entry.is_file(follow_symlinks=False):
                yield name, entry.name


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _listed(folder: int, name: str, key: str) -> ListedObject | None:
    with translated("list files"):
        try:
            status = status_of(folder, name)
        except FileNotFoundError:
            return None
    if not stat.S_ISREG(status.st_mode):
        return None
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return ListedObject(key, status.st_size, None, modified, etag_of(status))


def _entered(folder: int, name: str) -> int | None:
    with translated("list files"):
        try:
            return os.open(name, FOLDER, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
