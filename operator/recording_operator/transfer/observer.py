"""What a transfer tells while it runs, and what a later process needs to go on with it."""

from dataclasses import dataclass
from typing import Protocol


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
