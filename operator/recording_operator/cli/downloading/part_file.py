"""The file that a download writes to, beside its journal, and its final name."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from recording_operator.checksums import crc64nvme
from recording_operator.cli.downloading.ranges import FinishedRange

_READ_BYTES: Final = 2**20


def part_of(path: Path) -> Path:
    """The unfinished file of a download to `path`."""
    return path.with_name(f"{path.name}.part")


def journal_of(path: Path) -> Path:
    """Its journal."""
    return path.with_name(f"{path.name}.part.journal")


class PartFile:
    """An unfinished file. Threads write to different places of it."""

    def __init__(self, path: Path) -> None:
        """Open or create it. Raises OSError."""
        self.path: Final = path
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o666)
        self._lock = threading.Lock()

    def write(self, offset: int, data: bytes) -> None:
        """Write all of `data` at the offset. Raises OSError."""
        if not hasattr(os, "pwrite"):  # Windows
            with self._lock:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                _write_all(self._descriptor, data)
            return
        written = os.pwrite(self._descriptor, data, offset)
        while written < len(data):
            written += os.pwrite(self._descriptor, data[written:], offset + written)

    def intact(self, finished: Iterable[FinishedRange]) -> list[FinishedRange]:
        """The ranges whose bytes in the file have their checksum. Raises OSError."""
        return [one for one in finished if self._checksum(one.start, one.end) == one.crc64nvme]

    def set_size(self, size_bytes: int) -> None:
        """Cut off what is behind the end, or make room for it. Raises OSError."""
        os.ftruncate(self._descriptor, size_bytes)

    def sync(self) -> None:
        """Wait until the bytes are on the disk. Raises OSError."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def _checksum(self, start: int, end: int) -> int:
        crc = 0
        with self.path.open("rb") as file:
            file.seek(start)
            while start < end and (data := file.read(min(_READ_BYTES, end - start))):
                crc = crc64nvme(data, crc)
                start += len(data)
        return crc


def windows_of(path: Path) -> Iterator[bytes]:
    """The content of a file. Raises OSError."""
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            yield data


def finish(part: Path, path: Path, *, force: bool) -> None:
    """Give the file its final name. Without `force`, raises FileExistsError if another file has it."""
    if force:
        part.replace(path)
        return
    try:
        os.link(part, path)  # unlike rename, never over another file
    except FileExistsError:
        raise
    except OSError:  # a filesystem without hard links
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        part.rename(path)
        return
    part.unlink()


def sync_folder(folder: Path) -> None:
    """Wait until the names in it are on the disk, if its filesystem can do that."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
