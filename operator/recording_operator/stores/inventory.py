"""The contents of a store and its downloads, for reports and sweeps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from recording_operator.stores.store import ObjectHead, OpenUpload, StoredPart


class ListedObject(NamedTuple):
    """An object in a listing. `storage_class` is None if the store returns none.

    In a listing of versions: a version of an object, or the marker of a deletion (of 0 bytes).
    """

    key: str
    size_bytes: int
    storage_class: str | None
    last_modified: datetime
    etag: str
    is_latest: bool = True
    is_delete_marker: bool = False


class LoggedDownload(NamedTuple):
    """One request that sent bytes of an object."""

    key: str
    day: date
    size_bytes: int


@dataclass(slots=True, kw_only=True)
class AccessLogTally:
    """Counts of what was read from access logs."""

    objects_seen: int = 0
    """Log objects of the requested days, including those that were not due to be read."""
    objects: int = 0
    """Log objects that were read."""
    lines: int = 0
    unreadable: int = 0
    """Lines in another format, or longer than any record can be."""
    repeated: int = 0
    """Downloads that were logged twice."""


class Inventory(Protocol):
    """Lists the contents of a store, page by page. Every method may raise `StoreError`."""

    def may_list(self, prefix: str) -> None:
        """List one key below `prefix`. Raises StoreError if the store does not permit it."""

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """Every object whose key begins with `prefix`."""

    def versions(self, prefix: str) -> Iterator[ListedObject]:
        """Every version and delete marker whose key begins with `prefix`. Keys are in order only from page to page.

        Raises StoreError(StoreUnsupported) if the store cannot list versions.
        """

    def head(self, key: str, *, version_id: str | None = None) -> ObjectHead | None:
        """The object at the key, or None. Without `version_id`, the current version."""

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Every open upload whose key begins with `prefix`."""

    def sent_parts(self, key: str, upload_id: str) -> Sequence[StoredPart]:
        """Every part of an open upload, by part number, without reading its bytes. Raises StoreError(StoreUploadLost).

        Where `list_parts` verifies bytes, it may find later that some are missing.
        """


class DownloadRecords(Protocol):
    """Downloads that the store, or a service next to it, has recorded. Every method may raise `StoreError`.

    A kind of store may record none. Its locations can then set neither `prices.cloudWatch` nor `prices.accessLogs`.
    """

    def downloads(self, filter_id: str, *, begin: datetime, end: datetime) -> dict[date, int]:
        """Bytes downloaded by day (UTC), according to a metrics service."""

    def logged_downloads(
        self,
        tally: AccessLogTally,
        *,
        logs_bucket: str,
        logs_prefix: str,
        begin: datetime,
        end: datetime,
        stop: Callable[[], None],
    ) -> Iterator[LoggedDownload]:
        """Downloads according to access logs; `tally` counts them. `stop` is called for each log and may raise."""
