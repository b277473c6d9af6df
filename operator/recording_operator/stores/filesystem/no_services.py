"""What only a service can do: count downloads, serve files by URL, archive, expire, and copy them itself."""

# ruff: noqa: ARG002 - the arguments are those of the interface

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

from recording_operator.api.reasons import Reason
from recording_operator.lifecycle.rule import BucketRule
from recording_operator.stores.archive import ArchiveState, RestoreOutcome, RestoreTier
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import AccessLogTally, LoggedDownload
from recording_operator.stores.lifecycle import LifecycleWrite
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.presigning import CdnKey, PresignedPart, PresignedUrl
from recording_operator.stores.store import Span, Store, StoredPart, WriteReceipt


class NoServices:
    """Raises the errors that `DownloadRecords`, `Presigner`, `Archive`, `LifecycleRules` and `Store.copy` describe."""

    def copies_from(self, source: Store) -> bool:
        """Never: a file is read and written like any other content."""
        return False

    def md5_part_bytes(self, stored: StoredObject) -> int | None:
        """Nothing compares ETags of files."""
        return None

    def copy(self, obj: ObjectSpec, *, source: Store, stored: StoredObject) -> WriteReceipt:
        """Nothing copies files by itself."""
        raise _no_copies()

    def copy_part(
        self, key: str, upload_id: str, *, part_number: int, source: Store, stored: StoredObject, span: Span
    ) -> StoredPart:
        """Nothing copies files by itself."""
        raise _no_copies()

    def downloads(self, filter_id: str, *, begin: datetime, end: datetime) -> dict[date, int]:
        """No service counts them."""
        raise _unsupported()

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
        """There are no logs of them."""
        raise _unsupported()

    def presign(
        self,
        key: str,
        *,
        version_id: str | None,
        recording_uid: str,
        expires: timedelta,
        etag: str | None = None,
        attachment: str | None = None,
        cdn: CdnKey | None = None,
    ) -> PresignedUrl:
        """Nothing serves the files."""
        raise StoreError(Reason.STORE_UNSUPPORTED, "Files of a filesystem have no URLs.")

    def presign_part(
        self,
        key: str,
        upload_id: str,
        *,
        part_number: int,
        size_bytes: int,
        expires: timedelta,
        md5: bytes | None = None,
    ) -> PresignedPart:
        """Nothing receives the parts. Write them with `upload_part`."""
        raise StoreError(Reason.STORE_UNSUPPORTED, "Files of a filesystem have no URLs.")

    def archive_state(self, key: str, *, version_id: str | None) -> ArchiveState | None:
        """No file is archived."""
        return ArchiveState()

    def restore(self, key: str, *, version_id: str | None, days: int, tier: RestoreTier) -> RestoreOutcome:
        """No file is archived."""
        raise StoreError(Reason.STORE_UNSUPPORTED, "A filesystem archives no files.")

    def apply_lifecycle(self, rules: Sequence[BucketRule], *, own: str) -> LifecycleWrite:
        """Nothing applies rules by age."""
        raise StoreError(Reason.LIFECYCLE_UNSUPPORTED, "A filesystem has no lifecycle rules.")


def _no_copies() -> StoreError:
    return StoreError(Reason.STORE_UNSUPPORTED, "A filesystem copies no files itself.")


def _unsupported() -> StoreError:
    return StoreError(Reason.STORE_UNSUPPORTED, "A filesystem does not count downloads.")
