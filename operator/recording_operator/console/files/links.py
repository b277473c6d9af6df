"""Signed links to files in directories: who has one can read the file until it expires."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

_LONGEST_CHARS: Final = 8192
_PURPOSE: Final = b"recordings.dev/file-link/v1\n"


class LinkError(Exception):
    """The link is not valid. `is_expired`: it was."""

    def __init__(self, *, is_expired: bool) -> None:
        super().__init__("The link has expired." if is_expired else "The link is not valid.")
        self.is_expired = is_expired


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLink:
    """What a link is for: exactly this file of this Recording."""

    location: str
    key: str
    etag: str
    recording_uid: str
    artifact: str
    file_name: str
    is_download: bool
    expires: int
    """Seconds since 1970."""


class LinkSigner:
    """Makes links, and reads them again. Thread-safe."""

    def __init__(self, key: Callable[[], bytes], *, now: Callable[[], datetime]) -> None:
        """`key` is shared by all replicas, and is called at first use."""
        self._find_key = key
        self._key: bytes | None = None
        self._now = now

    def token(self, link: FileLink) -> str:
        """The text of a link."""
        body = json.dumps(asdict(link), separators=(",", ":")).encode()
        return f"{_encoded(body)}.{_encoded(self._signature(body))}"

    def link(self, token: str) -> FileLink:
        """The link with this text. Raises LinkError."""
        body, _, signature = token.partition(".")
        try:
            if len(token) > _LONGEST_CHARS:
                raise LinkError(is_expired=False)
            data = _decoded(body)
            if not hmac.compare_digest(_decoded(signature), self._signature(data)):
                raise LinkError(is_expired=False)
        except (binascii.Error, ValueError):
            raise LinkError(is_expired=False) from None
        link = FileLink(**json.loads(data))
        if self._now() >= datetime.fromtimestamp(link.expires, UTC):
            raise LinkError(is_expired=True)
        return link

    def _signature(self, body: bytes) -> bytes:
        if self._key is None:
            self._key = self._find_key()
        return hmac.digest(self._key, _PURPOSE + body, hashlib.sha256)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
