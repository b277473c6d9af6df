"""What only a service can do: count downloads, serve files by URL, and expire them."""

# ruff: noqa: ARG002 - the arguments are those of the interface

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

from recording_operator.api.reasons import Reason
from recording_operator.lifecycle.rule import BucketRule
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import AccessLogTally, LoggedDownload
from recording_operator.stores.lifecycle import LifecycleWrite
from recording_operator.stores.presigning import CdnKey, PresignedUrl


class NoServices:
    """Raises the errors that `DownloadRecords`, `Presigner` and `LifecycleRules` describe."""

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
        attachment: str | None = None,
        cdn: CdnKey | None = None,
    ) -> PresignedUrl:
        """Nothing serves the files."""
        raise StoreError(Reason.STORE_UNSUPPORTED, "Files of a filesystem have no URLs.")

    def apply_lifecycle(self, rules: Sequence[BucketRule], *, own: str) -> LifecycleWrite:
        """Nothing applies rules by age."""
        raise StoreError(Reason.LIFECYCLE_UNSUPPORTED, "A filesystem has no lifecycle rules.")


def _unsupported() -> StoreError:
    return StoreError(Reason.STORE_UNSUPPORTED, "A filesystem does not count downloads.")
