"""CRC64NVME of streams and of joined parts, and the other checksums that a spec may contain.

CRC64NVME: polynomial 0xad93d23594c93659, reflected, as S3 uses it; base64 of 8 bytes, big end first, in S3's headers.
The checksums of two parts can be combined into that of both, so parts may be read in any order.
"""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterable
from typing import Final, Protocol

from awscrt import checksums as crt

_HASHES: Final = ("sha256", "md5")
_HEX_DIGITS: Final = {"sha256": 64, "md5": 32, "crc64nvme": 16, "crc32": 8}


def crc64nvme(data: bytes | bytearray | memoryview, previous: int = 0) -> int:
    """The checksum of the bytes of `previous` followed by `data`."""
    return int(crt.crc64nvme(data, previous))


def combine_parts(parts: Iterable[tuple[int, int]]) -> int:
    """The checksum of the whole, from (checksum, size in bytes) of its parts in order."""
    total = 0
    for part_crc, size_bytes in parts:
        total = int(crt.combine_crc64nvme(total, part_crc, size_bytes))
    return total


def to_base64(crc: int) -> str:
    """Format the checksum as in S3's `x-amz-checksum-crc64nvme`."""
    return base64.b64encode(crc.to_bytes(8, "big")).decode("ascii")


def from_base64(text: str | None) -> int | None:
    """Parse `x-amz-checksum-crc64nvme`; None unless it is 8 bytes (`…-3`, for example, is a checksum of checksums)."""
    try:
        raw = base64.b64decode(text or "", validate=True)
    except binascii.Error:
        return None
    return int.from_bytes(raw, "big") if len(raw) == 8 else None  # noqa: PLR2004 - 64 bits


def to_text(crc: int) -> str:
    """Format the checksum as in a status."""
    return f"crc64nvme:{crc:016x}"


def from_text(text: str) -> int | None:
    """Parse a checksum as in a status; None if it is none."""
    algorithm, _, digits = text.partition(":")
    return int(digits, 16) if algorithm == "crc64nvme" and re.fullmatch(r"[0-9a-f]{16}", digits) else None


class Digest(Protocol):
    """A checksum that is updated in order."""

    def update(self, data: bytes | memoryview, /) -> object: ...

    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._sum = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._sum = zlib.crc32(data, self._sum)

    def hexdigest(self) -> str:
        return f"{self._sum:08x}"


class ExpectedChecksum:
    """The checksum that the spec gives: `sha256:…`, `md5:…`, `crc32:…` or `crc64nvme:…`, in hex."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for an unknown algorithm, or digits that do not fit it."""
        self.algorithm, _, digits = text.partition(":")
        self.hex: Final = digits.lower()
        self.text: Final = f"{self.algorithm}:{self.hex}"
        length = _HEX_DIGITS.get(self.algorithm)
        if length is None:
            raise ValueError(f"write a checksum of sha256, md5, crc32 or crc64nvme, not {self.algorithm!r}")
        if len(self.hex) != length or not set(self.hex) <= set("0123456789abcdef"):
            raise ValueError(f"write {length} hex digits after {self.algorithm}:")

    @property
    def combines(self) -> bool:
        """Whether the checksum can be combined from those of parts. Otherwise the bytes must be read in order."""
        return self.algorithm == "crc64nvme"

    def matches_crc64nvme(self, crc: int) -> bool:
        """Whether the whole object's CRC64NVME is the expected one."""
        return self.hex == f"{crc:016x}"

    def digest(self) -> Digest:
        """A new digest, for an algorithm that cannot be combined."""
        return _Crc32() if self.algorithm == "crc32" else hashlib.new(self.algorithm, usedforsecurity=False)


class InOrderDigest:
    """A digest of a stream that may be read again from an earlier offset."""

    def __init__(self, expected: ExpectedChecksum) -> None:
        self._digest = expected.digest()
        self._expected = expected
        self._position = 0

    def feed(self, offset: int, data: bytes | memoryview) -> None:
        """Add the bytes at `offset`. Bytes that were added before are skipped. Raises ValueError if there is a gap."""
        if offset > self._position:
            raise ValueError("the digest needs every byte in order")
        fresh = data[self._position - offset :]
        self._digest.update(fresh)
        self._position += len(fresh)

    def complete(self, size_bytes: int) -> bool:
        """Whether all `size_bytes` were added."""
        return self._position == size_bytes

    def matches(self, size_bytes: int) -> bool:
        """Whether all `size_bytes` were added and have the expected checksum."""
        return self.complete(size_bytes) and self._digest.hexdigest() == self._expected.hex
