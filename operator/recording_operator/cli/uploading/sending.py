"""Sends the parts of a file that the store does not have yet, several at the same time."""

import base64
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from recording_operator.api.units import format_bytes
from recording_operator.checksums import combine_parts, crc64nvme, from_base64
from recording_operator.cli.arguments import shown_path
from recording_operator.cli.uploading.console import ConsoleClient, PartRejected
from recording_operator.cli.verb import Failure

_READ_BYTES: Final = 256 * 2**10
_TRIES: Final = 6
_TOO_LARGE: Final = 413


class _Stopped(Exception):  # noqa: N818 - named for what has happened
    """Another part has failed, or the user has pressed Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file as it was when the verb was called."""

    path: Path
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> "LocalFile":
        """The file. Raises Failure for one that cannot be sent."""
        try:
            status = path.stat()
            with path.open("rb"):
                pass
        except OSError as error:
            raise Failure(f"{shown_path(path)} cannot be read: {error.strerror}.") from None
        if not path.is_file():
            raise Failure(f"{shown_path(path)} is not a file.")
        if not status.st_size:
            raise Failure(f"{shown_path(path)} is empty.")
        return cls(path=path, size_bytes=status.st_size, modified_ns=status.st_mtime_ns)

    def crc64nvme(self) -> int:
        """The checksum of its bytes. Raises Failure."""
        crc = 0
        try:
            with self.path.open("rb") as opened:
                while found := opened.read(_READ_BYTES):
                    crc = crc64nvme(found, crc)
        except OSError as error:
            raise Failure(f"{shown_path(self.path)} cannot be read: {error.strerror}.") from None
        return crc

    def check_unchanged(self) -> None:
        """Raise Failure if another program has written to it."""
        now = LocalFile.of(self.path)
        if (now.size_bytes, now.modified_ns) != (self.size_bytes, self.modified_ns):
            raise Failure(f"{shown_path(self.path)} has changed while it was sent.")


@dataclass(slots=True)
class _Span:
    """The bytes of a part, read from the file as they are sent."""

    file: int
    """Its descriptor, which all threads share."""
    offset: int
    size_bytes: int
    stop: threading.Event
    on_bytes: Callable[[int], None] = lambda _: None
    position: int = 0

    def __len__(self) -> int:
        return self.size_bytes

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - a larger window is faster
        """The next bytes; b"" at the end. Raises _Stopped, OSError."""
        if self.stop.is_set():
            raise _Stopped
        length = min(_READ_BYTES, self.size_bytes - self.position)
        found = os.pread(self.file, length, self.offset + self.position)
        if length and not found:
            raise Failure("The file has become shorter while it was sent.")
        self.position += len(found)
        self.on_bytes(len(found))
        return found

    def rewind(self) -> None:
        """To the start of the part."""
        self.on_bytes(-self.position)
        self.position = 0


@dataclass(slots=True)
class _SentBytes:
    """The bytes that are in the store or on their way."""

    show: Callable[[int], None]
    total: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        with self.lock:
            self.total += count
            self.show(self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSender:
    """Sends a file. `show` is called with how many bytes are sent, from any thread, one at a time."""

    client: ConsoleClient
    file: LocalFile
    upload_id: str
    part_size_bytes: int
    md5_etags: bool
    """Whether the ETag of a part is its MD5. Otherwise a part counts that was sent after the file was last changed."""
    parallel: int
    show: Callable[[int], None]

    def send(self, stored: Mapping[int, Mapping[str, Any]]) -> int:
        """Send all parts but those in `stored` that are the same. Returns the CRC64NVME of the file.

        Raises Failure, ConsoleError, KeyboardInterrupt.
        """
        stop, count = threading.Event(), _SentBytes(self.show)
        numbers = range(1, -(-self.file.size_bytes // self.part_size_bytes) + 1)
        with self.file.path.open("rb") as opened, ThreadPoolExecutor(self.parallel) as pool:
            part = partial(self._send_part, opened.fileno(), stop, count)
            futures = [pool.submit(part, number, stored.get(number)) for number in numbers]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return combine_parts(future.result() for future in futures)

    def _send_part(
        self, file: int, stop: threading.Event, count: _SentBytes, number: int, known: Mapping[str, Any] | None
    ) -> tuple[int, int]:
        """The checksum and the size of the part."""
        offset = (number - 1) * self.part_size_bytes
        size_bytes = min(self.part_size_bytes, self.file.size_bytes - offset)
        span = _Span(file, offset, size_bytes, stop)
        md5, crc = hashlib.md5(usedforsecurity=False), 0
        while window := span.read():
            md5.update(window)
            crc = crc64nvme(window, crc)
        if known is not None and self._is_same(known, size_bytes=size_bytes, md5=md5.hexdigest(), crc=crc):
            count.add(size_bytes)
            return crc, size_bytes
        sent = _Span(file, offset, size_bytes, stop, on_bytes=count.add)
        self._send_span(number, sent, base64.b64encode(md5.digest()).decode())
        return crc, size_bytes

    def _send_span(self, number: int, span: _Span, md5: str) -> None:
        """With a new URL for each attempt: the one before may have expired."""
        for attempt in range(1, _TRIES + 1):
            made = self.client.part_url(self.upload_id, number, size_bytes=len(span), md5=md5)
            try:
                self.client.send(made, span)
            except PartRejected as error:
                if attempt == _TRIES or error.status == _TOO_LARGE:
                    size = format_bytes(len(span))
                    raise Failure(
                        f"Part {number} ({size}) was not sent: {error}. Can this machine reach the store?"
                    ) from None
                span.rewind()
                if span.stop.wait(2.0**attempt / 4):
                    raise _Stopped from None
            else:
                return

    def _is_same(self, known: Mapping[str, Any], *, size_bytes: int, md5: str, crc: int) -> bool:
        """Whether the store has this part already. The checksum of the whole file is compared later, too."""
        if known.get("Size") != size_bytes:
            return False
        stored_crc = from_base64(known.get("ChecksumCRC64NVME"))
        if stored_crc is not None:
            return stored_crc == crc
        if self.md5_etags:
            return str(known.get("ETag", "")).strip('"').lower() == md5
        sent_at = known.get("LastModified")
        return sent_at is not None and datetime.fromisoformat(sent_at).timestamp() > self.file.modified_ns / 10**9
