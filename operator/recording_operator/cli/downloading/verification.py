"""Compares downloaded bytes with the checksum of the status, of the store, or with the ETag."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus
from recording_operator.checksums import ExpectedChecksum
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import StoredObject

_MD5S: Final = re.compile(r"[0-9a-f]{32}(-[0-9]{1,5})?")

Windows = Callable[[], Iterator[bytes]]
"""Reads the bytes again, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What downloaded bytes are compared with. Nothing, if neither is known."""

    checksum: ExpectedChecksum | None = None
    etag: str = ""
    part_bytes: int = 0
    """Size of the parts from whose MD5s the ETag is made."""

    @property
    def is_known(self) -> bool:
        """Whether bytes can be compared with anything."""
        return self.checksum is not None or bool(self.etag)

    @property
    def by(self) -> str:
        """The name of the checksum."""
        return self.checksum.algorithm if self.checksum is not None else "the MD5s of the ETag"

    def matches(self, crc64nvme: int, windows: Windows) -> bool:
        """Whether the bytes are the expected ones. They are read again only for checksums other than CRC64NVME."""
        if self.checksum is not None and self.checksum.combines:
            return self.checksum.matches_crc64nvme(crc64nvme)
        if self.checksum is not None:
            digest = self.checksum.digest()
            for window in windows():
                digest.update(window)
            return digest.hexdigest() == self.checksum.hex
        return not self.etag or _etag(windows(), self.part_bytes, joined="-" in self.etag) == self.etag


def expectation(store: LocationStore, artifact: ArtifactStatus, stored: StoredObject) -> Expectation:
    """The checksum of the status, else that of the store, else the ETag if it is made of MD5s. Raises StoreError."""
    for text in (artifact.checksum, stored.checksum):
        if text:
            try:
                return Expectation(checksum=ExpectedChecksum(text))
            except ValueError:
                continue
    if artifact.integrity == Reason.ETAG_MD5 and _MD5S.fullmatch(stored.etag):
        with_etags = store.adapted(replace(store.capabilities, md5_etags=True))
        part_bytes = with_etags.md5_part_bytes(stored)
        if part_bytes is not None:
            return Expectation(etag=stored.etag, part_bytes=part_bytes)
    return Expectation()


def _etag(windows: Iterable[bytes], part_bytes: int, *, joined: bool) -> str:
    """The ETag of these bytes."""
    parts: list[bytes] = []
    digest, left = hashlib.md5(usedforsecurity=False), part_bytes
    for window in windows:
        rest = memoryview(window)
        while joined and len(rest) > left:
            digest.update(rest[:left])
            rest = rest[left:]
            parts.append(digest.digest())
            digest, left = hashlib.md5(usedforsecurity=False), part_bytes
        digest.update(rest)
        left -= len(rest)
    parts.append(digest.digest())
    if not joined:
        return parts[0].hex()
    return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
