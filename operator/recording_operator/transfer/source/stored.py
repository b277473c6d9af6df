"""Content that is in a store already: one version of an object."""

from collections.abc import Callable, Iterator
from typing import Final, Self

from recording_operator.api.reasons import Reason, Trait
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.stores.errors import StoreError
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Span, Store
from recording_operator.transfer.source.client import PROBE_BYTES, changed
from recording_operator.transfer.source.content_facts import ContentFacts

_GONE: Final = frozenset({"NoSuchKey", "NoSuchVersion", "ENOENT"})


class StoredSource:
    """Reads one version of an object. `place` names its store in messages; `on_read` gets the number of bytes read."""

    def __init__(
        self,
        store: Store,
        stored: StoredObject,
        *,
        place: str,
        stop: StopSignal,
        on_read: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._store = store
        self._stored = stored
        self._place = place
        self._stop = stop
        self._on_read = on_read

    def probe(self) -> ContentFacts:
        """What HEAD returned, and the first bytes."""
        stored = self._stored
        length = min(PROBE_BYTES, stored.size_bytes)
        with self._open((0, length)) as stream:
            head = b"".join(iter(lambda: stream.read(length), b""))
        return ContentFacts(
            host=self._place,
            size_bytes=stored.size_bytes,
            etag=f'"{stored.etag}"',
            last_modified=None,
            ranges=True,
            ends_visibly=True,
            content_type=stored.content_type or None,
            content_encoding=stored.content_encoding,
            head=head,
        )

    def probe_after_change(self) -> ContentFacts:
        """Nothing else can be read: a version never changes."""
        raise changed(self._place)

    def unexpected(self, error: TransferError, facts: ContentFacts) -> TransferError:  # noqa: ARG002 - of the interface
        """The error, as it is."""
        return error

    def open_range(self, facts: ContentFacts, *, start: int, end: int) -> "StoredStream":  # noqa: ARG002 - of the interface
        """These bytes."""
        return self._open((start, end))

    def open_whole(self, facts: ContentFacts) -> "StoredStream":  # noqa: ARG002 - of the interface
        """All bytes."""
        return self._open((0, self._stored.size_bytes))

    def _open(self, span: Span) -> "StoredStream":
        return StoredStream(self._store, self._stored, span, place=self._place, stop=self._stop, on_read=self._on_read)


class StoredStream:
    """Bytes of an object that are being read."""

    def __init__(
        self,
        store: Store,
        stored: StoredObject,
        span: Span,
        *,
        place: str,
        stop: StopSignal,
        on_read: Callable[[int], None],
    ) -> None:
        self.content_length: int | None = span[1] - span[0]
        self._place = place
        self._stop = stop
        self._on_read = on_read
        self._wanted = 0
        # An empty object is opened too, without a range: in a directory it may be no file at all.
        part = span if self.content_length else None
        self._windows: Iterator[bytes] = store.read(stored, span=part, allow=lambda most: min(most, self._wanted))

    def header(self, name: str) -> str | None:  # noqa: ARG002 - of the interface
        """There are none."""
        return None

    def read(self, size: int) -> bytes:
        """See ContentStream."""
        if self._stop.is_set():
            raise Stopped
        self._wanted = size
        try:
            data = next(self._windows, b"")
        except TransferError as error:
            raise source_failure(error, self._place) from None
        self._on_read(len(data))
        return data

    def readinto(self, window: memoryview) -> int:
        """See ContentStream."""
        data = self.read(len(window))
        window[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """End the request."""
        self._windows = iter(())  # the generator closes its response when it is collected

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def source_failure(error: TransferError, place: str) -> TransferError:
    """The error of the store that is read: its reason must not be about the store that is written."""
    code = error.code if isinstance(error, StoreError) else ""
    if code == "PreconditionFailed":
        return changed(place)
    if code in _GONE:
        return missing(place)
    reason = Reason(error.reason)
    if reason is Reason.STORE_DENIED:
        reason = Reason.SOURCE_FORBIDDEN
    elif reason is not Reason.INTEGRITY_UNVERIFIABLE:
        reason = Reason.SOURCE_UNAVAILABLE if Trait.TRANSIENT in reason.traits else Reason.SOURCE_UNREACHABLE
    return TransferError(
        reason, f"The object cannot be read from {place}: {error.message}", retry_after_s=error.retry_after_s
    )


def missing(place: str) -> TransferError:
    """The object is not there."""
    return TransferError(Reason.SOURCE_NOT_FOUND, f"{place} has no such object (any more).")
