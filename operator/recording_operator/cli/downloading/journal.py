"""The journal of an unfinished download: which object it is of, and which ranges are in the file.

The first line names the object, and each other line a range. A range is written after its bytes. Whatever a killed
process or a full disk leaves of a line is no range. After a crash of the machine, the file may lack bytes that the
journal names, so they are read again before the download continues.
"""

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from recording_operator.cli.downloading.ranges import FinishedRange, without_overlaps

_CRC_DIGITS = 16
_MOST_BYTES = 64 * 2**20


class DownloadInUseError(Exception):
    """Another process is downloading into the same file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedObject:
    """The object that a journal is about. Any other, or another version of it, is downloaded from the start."""

    uri: str
    version_id: str | None
    etag: str
    size_bytes: int


class RangeJournal:
    """An open journal, locked until it is closed. Safe for many threads."""

    def __init__(self, path: Path, descriptor: int, finished: list[FinishedRange], *, size_bytes: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._finished = finished
        self._size_bytes = size_bytes
        self._lock = threading.Lock()
        self._is_open = True

    @classmethod
    def open(cls, path: Path, obj: DownloadedObject) -> Self:
        """Open or create it. That of another object is emptied. Raises DownloadInUseError, OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        descriptor = _locked(path, flags)
        try:
            content = os.read(descriptor, _MOST_BYTES)
            finished = read_journal(content, obj)
            if finished is None:
                os.ftruncate(descriptor, 0)
                _write(descriptor, json.dumps(asdict(obj)))
            elif not content.endswith(b"\n"):  # a line that was not finished
                _write(descriptor, "")
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor, finished or [], size_bytes=obj.size_bytes)

    @property
    def finished(self) -> list[FinishedRange]:
        """The ranges that are in the file, in order."""
        with self._lock:
            return without_overlaps(self._finished, size_bytes=self._size_bytes)

    def add(self, done: FinishedRange) -> None:
        """Note a range whose bytes are in the file. Nothing happens if it is empty, or the journal is closed."""
        with self._lock:
            if self._is_open and done.end > done.start:
                self._finished.append(done)
                _write(self._descriptor, json.dumps([done.start, done.end, f"{done.crc64nvme:0{_CRC_DIGITS}x}"]))

    def replace(self, finished: list[FinishedRange], obj: DownloadedObject) -> None:
        """Keep only these ranges."""
        with self._lock:
            os.ftruncate(self._descriptor, 0)
            _write(self._descriptor, json.dumps(asdict(obj)))
            self._finished = []
        for one in finished:
            self.add(one)

    def close(self) -> None:
        """Unlock it. Ranges that are noted later are lost."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                os.close(self._descriptor)


def read_journal(content: bytes, obj: DownloadedObject) -> list[FinishedRange] | None:
    """The ranges in a journal; None if it is not about this object."""
    first, *lines = content.split(b"\n")
    if _parsed(first) != asdict(obj):
        return None
    found = (_range_in(line) for line in lines)
    return without_overlaps((one for one in found if one is not None), size_bytes=obj.size_bytes)


def _range_in(line: bytes) -> FinishedRange | None:
    match _parsed(line):
        case [int(start), int(end), str(crc)] if len(crc) == _CRC_DIGITS:
            try:
                return FinishedRange(start, end, int(crc, 16))
            except ValueError:
                return None
        case _:
            return None


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _write(descriptor: int, line: str) -> None:
    data = f"{line}\n".encode()
    while data:
        data = data[os.write(descriptor, data) :]


def _locked(path: Path, flags: int) -> int:
    """Open and lock it. Another process may have removed it in between, so it is compared with the file of the name."""
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            _lock(descriptor)
            if sys.platform == "win32" or _is_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DownloadInUseError from None
