"""The source of an artifact. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """The source, and the expectations of the spec. `repr` shows neither URL nor headers: both are secrets.

    `expected_checksum` is `algorithm:hex` with sha256, md5, crc32 or crc64nvme. `expires_at` is a hint: it helps to
    interpret an error response, and never prevents a request. `published_at` is when the source became known; providers
    may publish some seconds later.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    expected_size_bytes: int | None = None
    expected_checksum: str | None = None
    expires_at: datetime | None = None
    published_at: datetime | None = None
