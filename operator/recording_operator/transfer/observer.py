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

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Bytes sent to the store so far, parts of earlier attempts included; of how many, where that is known.

        Called a few times a second; must return at once.
        """

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """What moved since the last call: bytes that came from the source, and bytes that the store has confirmed.

        Bytes that are read twice count twice; bytes that an earlier attempt stored do not count. The last call comes
        before the job returns or raises. Must return at once.
        """
