"""The directory of a location. It is entered folder by folder, and no symbolic link in it is followed."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from recording_operator.checksums import crc64nvme
from recording_operator.stores.filesystem.errors import folder_is_file, is_link, not_found

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: the open of a pipe that was put there must not wait for its other end.
READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER_MODE: Final = 0o750
_FILE_MODE: Final = 0o640
_WINDOW_BYTES: Final = 2**20


class Tree:
    """The directory `path`, which is `root` or below it. The root is the administrator's, and may be a link."""

    def __init__(self, *, root: str, path: str) -> None:
        self.path: Final = path
        self._root = root
        self._below = tuple(name for name in path[len(root) :].split("/") if name)

    @contextmanager
    def folder(self, names: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """A file descriptor of a folder below the directory.

        Raises FileNotFoundError unless `make` creates the missing ones. Raises OSError, and StoreError for a link or a
        file in place of a folder.
        """
        try:
            current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise not_found() from None
        try:
            for name in (*self._below, *names):
                inner = enter(current, name, make=make)
                os.close(current)
                current = inner
            yield current
        finally:
            os.close(current)

    def remove_empty(self, names: Sequence[str]) -> None:
        """Remove the folder and those above it, as long as they are empty. The location's directory stays."""
        for depth in range(len(names), 0, -1):
            try:
                with self.folder(names[: depth - 1]) as parent:
                    os.rmdir(names[depth - 1], dir_fd=parent)
            except OSError:  # mostly: it is not empty
                return


def enter(parent: int, name: str, *, make: bool = False) -> int:
    """Open the folder `name`. See `Tree.folder`."""
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if not make:
            raise
    except OSError as error:
        if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
            raise
        raise (is_link() if stat.S_ISLNK(status_of(parent, name).st_mode) else folder_is_file()) from None
    with suppress(FileExistsError):
        os.mkdir(name, _FOLDER_MODE, dir_fd=parent)
        sync_folder(parent)
    return os.open(name, FOLDER, dir_fd=parent)


def status_of(folder: int, name: str) -> os.stat_result:
    """The attributes of what is at the name itself. Raises OSError."""
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def names_in(folder: int) -> list[str]:
    """The names in a folder. Raises OSError."""
    return os.listdir(folder)


def sync_folder(folder: int) -> None:
    """Make changes of the names in a folder durable. Raises OSError."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:  # some filesystems write them at once
            raise


def create_file(folder: int, name: str) -> int:
    """Open a new file for reading and writing. Raises OSError."""
    return os.open(name, CREATE, _FILE_MODE, dir_fd=folder)


def open_file(folder: int, name: str, flags: int = READ) -> int:
    """Open a regular file. Raises OSError; FileNotFoundError for anything else, such as a link or a device."""
    if not stat.S_ISREG(status_of(folder, name).st_mode):
        raise FileNotFoundError
    try:
        opened = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileNotFoundError from None
        raise
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise FileNotFoundError
    return opened


def read_small(folder: int, name: str, most_bytes: int) -> bytes | None:
    """The content of a regular file; None if there is none, or it is larger. Raises OSError."""
    try:
        opened = open_file(folder, name)
    except FileNotFoundError:
        return None
    with os.fdopen(opened, "rb") as file:
        data = file.read(most_bytes + 1)
    return data if len(data) <= most_bytes else None


def write_all(file: int, data: bytes | memoryview, offset: int) -> None:
    """Write all bytes at the offset. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        offset += written
        rest = rest[written:]


def checksum_of(file: int, offset: int, length: int) -> int | None:
    """The CRC64NVME of bytes that are read from the file; None if it ends earlier. Raises OSError."""
    crc, end = 0, offset + length
    window = memoryview(bytearray(min(_WINDOW_BYTES, max(length, 1))))
    while offset < end:
        count = os.preadv(file, [window[: min(len(window), end - offset)]], offset)
        if not count:
            return None
        crc = crc64nvme(window[:count], crc)
        offset += count
    return crc
