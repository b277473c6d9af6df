"""Generated media of any size: the same name always has the same bytes, and nothing is stored.

A name's content is an endless sequence of blocks of 1 MiB. Each begins with its number and goes on with a slice of the
name's 2 MiB of pseudo-random bytes, at an offset that no other of the first 2**20 blocks has: bytes that are swapped,
doubled or missing anywhere show in a checksum. A file is the beginning of its name's sequence.
"""

import hashlib
import mimetypes
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

BLOCK_BYTES: Final = 2**20
WINDOW_BYTES: Final = 2**18
_LABEL: Final = "{:015d}\n"
_SPREAD: Final = 2654435761  # odd, so that number x spread visits each offset of a block once
_TEXT_TYPES: Final = frozenset({"application/json", "application/x-ndjson"})
_PRINTABLE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 \n"[:64]
_TO_PRINTABLE: Final = bytes(_PRINTABLE[value % len(_PRINTABLE)] for value in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One file."""

    name: str
    size_bytes: int

    @property
    def content_type(self) -> str:
        """The media type, from the extension of the name."""
        return content_type_of(self.name)

    @property
    def etag(self) -> str:
        """A strong validator, in quotes."""
        return f'"{hashlib.sha256(f"{self.name}:{self.size_bytes}".encode()).hexdigest()[:32]}"'

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`, fewer only at the end of the file."""
        return b"".join(self.windows(offset, min(offset + length, self.size_bytes)))

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end` (default: the end of the file) in pieces of at most 256 KiB."""
        stop = self.size_bytes if end is None else end
        pool = _pool(self.name)
        while start < stop:
            number, within = divmod(start, BLOCK_BYTES)
            length = min(WINDOW_BYTES, stop - start, BLOCK_BYTES - within)
            yield _piece(pool, number=number, within=within, length=length)
            start += length

    def digest(self, algorithm: str = "sha256") -> str:
        """Return a checksum of the whole file in hex."""
        running = hashlib.new(algorithm)
        for window in self.windows():
            running.update(window)
        return running.hexdigest()


def content_type_of(name: str) -> str:
    """Return the media type for the extension of the name."""
    endings = {".vtt": "text/vtt", ".m4a": "audio/mp4", ".ndjson": "application/x-ndjson"}
    ending = name[name.rfind(".") :]
    return endings.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _piece(pool: bytes, *, number: int, within: int, length: int) -> bytes:
    label = _LABEL.format(number).encode()
    offset = number * _SPREAD % BLOCK_BYTES
    if within >= len(label):
        return pool[offset + within : offset + within + length]
    head = label[within : within + length]
    return head + pool[offset + len(label) : offset + within + length]


@lru_cache(maxsize=16)
def _pool(name: str) -> bytes:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest())
    pool = random.Random(seed).randbytes(2 * BLOCK_BYTES)  # noqa: S311 - sample data, not a secret
    content_type = content_type_of(name)
    if content_type.startswith("text/") or content_type in _TEXT_TYPES:
        return pool.translate(_TO_PRINTABLE)
    return pool
