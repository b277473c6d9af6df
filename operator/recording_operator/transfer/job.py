"""What one transfer is given, and what it keeps for a resume. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """Where the bytes are and what the spec says about them. `repr` shows neither URL nor headers: both are secrets.

    `expected_checksum` is `algorithm:hex` with sha256, md5, crc32 or crc64nvme. `expires_at` is a hint: it judges a
    refusal, it never keeps a request from being made. `published_at` is when the source was told of: providers publish
    a moment late.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    expected_size_bytes: int | None = None
    expected_checksum: str | None = None
    expires_at: datetime | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """An open multipart upload and the source that it was begun from: all that a later process needs to go on.

    `part_size_bytes` with `size_bytes` is the part plan; `size_bytes` is None where the source states no length.
    `etag` or `last_modified` is the strong validator of its content, verbatim; neither is set where there is none.
    """

    upload_id: str
    part_size_bytes: int
    size_bytes: int | None
    etag: str | None
    last_modified: str | None


class TransferObserver(Protocol):
    """Hears of a transfer. Called from the transfer's threads."""

    def upload_created(self, state: UploadState) -> None:
        """Persist `state` and only then return: no part is sent before. May raise `Stopped`."""

    def progress(self, *, bytes_done: int, bytes_total: int | None) -> None:
        """Bytes stored or on their way to the store. Called a few times a second; must return at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How hard to work and how long to be patient within one attempt (the engine's 2/5/10 minutes come after it)."""

    # At most; a transfer begins with `first_workers`, and has more once there is headroom for them.
    workers: int = 4
    first_workers: int = 2
    # Objects of known size up to this are one PutObject.
    single_put_bytes: int = 8 * 2**20
    smallest_part_bytes: int = 8 * 2**20
    largest_part_bytes: int = 64 * 2**20
    tries_without_progress: int = 5
    # Source or store away for longer than this ends the attempt.
    unavailable_s: float = 60.0
    # For so long after it was told of, a source that does not have its content yet is tried again within seconds.
    publishing_s: float = 30.0
    backoff_base_s: float = 1.0
    backoff_cap_s: float = 20.0
