"""Compares downloaded bytes with the checksum of the status, of the store, or with the ETag."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus
from recording_operator.checksums import Digest, ExpectedChecksum
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

    def digest(self) -> Digest | None:
        """What is to be updated with the bytes in order; None if their CRC64NVME is enough."""
        if self.checksum is not None:
            return None if self.checksum.combines else self.checksum.digest()
        return _EtagDigest(self.part_bytes, joined="-" in self.etag) if self.etag else None

    def confirms(self, crc64nvme: int, digest: Digest | None) -> bool:
        """Whether the bytes are the expected ones. `digest` is that of `digest()`, updated with all of them."""
        if digest is not None:
            return digest.hexdigest() == (self.etag if self.checksum is None else self.checksum.hex)
        return self.checksum is None or self.checksum.matches_crc64nvme(crc64nvme)

    def matches(self, crc64nvme: int, windows: Windows) -> bool:
        """Whether the bytes are the expected ones. They are read again only for checksums other than CRC64NVME."""
        digest = self.digest()
        if digest is not None:
            for window in windows():
                digest.update(window)
        return self.confirms(crc64nvme, digest)


def expectation(store: LocationStore, artifact: ArtifactStatus, stored: StoredObject) -> Expectation:
    """The checksum of the status, else that of the store, else the ETag if it is made of MD5s. Raises StoreError.

    What the store says counts only if the object has the ETag of the status.
    """
    same = not artifact.etag or artifact.etag == stored.etag
    for text in (artifact.checksum, stored.checksum if same else ""):
        if text:
            try:
                return Expectation(checksum=ExpectedChecksum(text))
            except ValueError:
                continue
    if same and artifact.integrity == Reason.ETAG_MD5 and _MD5S.fullmatch(stored.etag):
        with_etags = store.adapted(replace(store.capabilities, md5_etags=True))
        part_bytes = with_etags.md5_part_bytes(stored)
        if part_bytes is not None:
            return Expectation(etag=stored.etag, part_bytes=part_bytes)
    return Expectation()


class _EtagDigest:
    """The ETag of bytes, made of the MD5s of parts. `joined`: the object was stored in parts."""

    def __init__(self, part_bytes: int, *, joined: bool) -> None:
        self._part_bytes = part_bytes
        self._joined = joined
        self._parts: list[bytes] = []
        self._digest, self._left = hashlib.md5(usedforsecurity=False), part_bytes

    def update(self, data: bytes | memoryview, /) -> None:
        """Add the next bytes."""
        rest = memoryview(data)
        while self._joined and len(rest) > self._left:
            self._digest.update(rest[: self._left])
            rest = rest[self._left :]
            self._parts.append(self._digest.digest())
            self._digest, self._left = hashlib.md5(usedforsecurity=False), self._part_bytes
        self._digest.update(rest)
        self._left -= len(rest)

    def hexdigest(self) -> str:
        """The ETag of the bytes so far."""
        if not self._joined:
            return self._digest.hexdigest()
        parts = [*self._parts, self._digest.digest()]
        return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
