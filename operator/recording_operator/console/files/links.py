"""Signed links to what is in directories: who has one can read the file, or send the part, until it expires."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

_LONGEST_CHARS: Final = 8192


class LinkError(Exception):
    """The link is not valid. `is_expired`: it was."""

    def __init__(self, *, is_expired: bool) -> None:
        super().__init__("The link has expired." if is_expired else "The link is not valid.")
        self.is_expired = is_expired


class SignedLink(Protocol):
    """A dataclass that says what a link is for. `purpose` keeps links of one kind from being used as another."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    purpose: ClassVar[str]

    @property
    def expires(self) -> int:
        """Seconds since 1970."""


L = TypeVar("L", bound=SignedLink)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLink:
    """Exactly this file of this Recording, to read it."""

    purpose: ClassVar[str] = "file-link"
    location: str
    key: str
    etag: str
    recording_uid: str
    artifact: str
    file_name: str
    is_download: bool
    expires: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLink:
    """Exactly this part of this upload, to send it."""

    purpose: ClassVar[str] = "part-link"
    namespace: str
    location: str
    key: str
    upload_id: str
    part_number: int
    size_bytes: int
    md5: str | None
    """In hex."""
    expires: int
    """Seconds since 1970."""


class LinkSigner(Generic[L]):
    """Makes links of one kind, and reads them again. Thread-safe."""

    def __init__(self, kind: type[L], keys: Callable[[], Sequence[bytes]], *, now: Callable[[], datetime]) -> None:
        """`keys` are shared by all replicas. The first one signs; links that any of them has signed are valid."""
        self._kind = kind
        self._keys = keys
        self._now = now

    def token(self, link: L) -> str:
        """The text of a link."""
        body = json.dumps(asdict(link), separators=(",", ":")).encode()
        return f"{_encoded(body)}.{_encoded(self._signature(body, self._keys()[0]))}"

    def link(self, token: str) -> L:
        """The link with this text. Raises LinkError."""
        body, _, signature = token.partition(".")
        try:
            if len(token) > _LONGEST_CHARS:
                raise LinkError(is_expired=False)
            data = _decoded(body)
            # Compared as text: several texts decode to the same bytes.
            valid = (_encoded(self._signature(data, key)) for key in self._keys())
            if not any(hmac.compare_digest(signature.encode(), one.encode()) for one in valid):
                raise LinkError(is_expired=False)
            link = self._kind(**json.loads(data))
        except (binascii.Error, ValueError, TypeError):  # TypeError: another version of the console has made it
            raise LinkError(is_expired=False) from None
        if self._now() >= datetime.fromtimestamp(link.expires, UTC):
            raise LinkError(is_expired=True)
        return link

    def _signature(self, body: bytes, key: bytes) -> bytes:
        return hmac.digest(key, f"recordings.dev/{self._kind.purpose}/v1\n".encode() + body, hashlib.sha256)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
