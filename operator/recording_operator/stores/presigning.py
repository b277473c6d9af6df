"""URLs with which anyone can download one stored object, or send one part of an upload, until they expire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote


class NotPresignableError(Exception):
    """There can be no URL for the object. The text says why and what to do. `is_gone`: the object does not exist."""

    def __init__(self, message: str, *, is_gone: bool = False) -> None:
        super().__init__(message)
        self.is_gone = is_gone


@dataclass(frozen=True, slots=True, kw_only=True)
class CdnKey:
    """A CloudFront distribution whose origin is the store, and the private key (PEM) that signs its URLs."""

    domain: str
    key_pair_id: str
    private_key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedUrl:
    """The URL is a secret until it expires, so `repr` does not show it. `notes`: why it may expire sooner."""

    url: str = field(repr=False)
    expires_at: datetime
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedPart:
    """Where to PUT one part, with exactly these headers. The URL is a secret until it expires.

    `notes`: why it may expire sooner.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: datetime
    notes: tuple[str, ...] = ()


class Presigner(Protocol):
    """Presigns URLs. A kind of store that serves no HTTP raises StoreError(StoreUnsupported)."""

    def presign(
        self,
        key: str,
        *,
        version_id: str | None,
        recording_uid: str,
        expires: timedelta,
        etag: str | None = None,
        attachment: str | None = None,
        cdn: CdnKey | None = None,
    ) -> PresignedUrl:
        """A URL of exactly this version, if its metadata names the Recording and it has the ETag, if that is known.

        It expires after `expires`, or when the credentials do. With `attachment`, a file name, browsers save the object
        instead of showing it. With `cdn`, the URL leads to the CDN. Raises NotPresignableError and StoreError.
        """

    def presign_part(
        self,
        key: str,
        upload_id: str,
        *,
        part_number: int,
        size_bytes: int,
        expires: timedelta,
        md5: bytes | None = None,
    ) -> PresignedPart:
        """A URL for one part of an open upload: exactly this many bytes, with this MD5 if it is given.

        It says nothing about whether the upload exists. It expires after `expires`, or when the credentials do. Raises
        NotPresignableError and StoreError.
        """


def disposition(name: str, *, kind: str = "attachment") -> str:
    """The header Content-Disposition for a file name. Source: RFC 6266."""
    if name.isascii() and name.isprintable() and not set(name) & set('"\\;'):
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename*=UTF-8''{quote(name, safe='')}"
