"""The reports of a running transfer, and the state with which a later process can resume it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """An open multipart upload and its source: everything that a later process needs to resume it.

    `part_size_bytes` and `size_bytes` determine the part plan. `size_bytes` is None if the source states no length.
    `etag` or `last_modified` is the strong validator of the content, as the source sent it, if there is one.
    """

    upload_id: str
    part_size_bytes: int
    size_bytes: int | None
    etag: str | None
    last_modified: str | None


class TransferObserver(Protocol):
    """Receives the reports of a transfer, in the threads of the transfer."""

    def upload_created(self, state: UploadState) -> None:
        """Persist `state` before returning: no part is sent until then. May raise `Stopped`."""

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Bytes sent to the store so far, including parts of earlier attempts, and the total if it is known.

        Called a few times a second; must return at once.
        """

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Bytes since the last call: read from the source, and confirmed by the store.

        Bytes that are read twice count twice. Bytes that an earlier attempt stored do not count. The last call is made
        before the job returns or raises. Must return at once.
        """
