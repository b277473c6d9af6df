"""The interface of content that is read: at a URL, or an object that is in a store already."""

from typing import Protocol, Self

from recording_operator.errors import TransferError
from recording_operator.transfer.source.content_facts import ContentFacts


class ContentStream(Protocol):
    """Content that is being read. Belongs to one thread; close it."""

    @property
    def content_length(self) -> int | None:
        """How many bytes there are, if that is stated."""

    def header(self, name: str) -> str | None:
        """A header of the response, if there is one."""

    def read(self, size: int) -> bytes:
        """The next bytes, at least one and up to `size`; b"" at the end. Raises TransferError and Stopped."""

    def readinto(self, window: memoryview) -> int:
        """Fill `window` with the next bytes and return how many; 0 at the end. Raises TransferError and Stopped."""

    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class ContentSource(Protocol):
    """Content of one artifact. The caller retries."""

    def probe(self) -> ContentFacts:
        """Read the first bytes, and what is known of the content. Raises TransferError and Stopped."""

    def probe_after_change(self) -> ContentFacts:
        """The same after the content has changed. Raises TransferError and Stopped."""

    def unexpected(self, error: TransferError, facts: ContentFacts) -> TransferError:
        """The error for unexpected content."""

    def open_range(self, facts: ContentFacts, *, start: int, end: int) -> ContentStream:
        """Bytes `start` to `end` (not included) of the pinned content. Raises TransferError, RangesLost and Stopped."""

    def open_whole(self, facts: ContentFacts) -> ContentStream:
        """All of the content. Raises TransferError (SourceChanged where it differs) and Stopped."""
