"""Counts downloads of a StorageLocation with CloudWatch or server access logs.

If they cannot be read, downloads are estimated, and the sample says so: at once if only an administrator can correct
it, otherwise after some attempts.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_prices import AccessLogs, CloudWatch
from recording_operator.api.storagereport import DownloadSource
from recording_operator.controller.usage.errors import NOT_PERMITTED, CountError
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import AccessLogTally
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.owners import key_space
from recording_operator.usage.window import Window

_ATTEMPTS: Final = 3
_logger = logging.getLogger(__name__)


class StoreLookup(Protocol):
    """Provides the stores of StorageLocations, like the LocationKeeper."""

    def store(self, location: StorageLocation) -> LocationStore:
        """The store of a location. Raises LocationError."""


class DownloadTally(Protocol):
    """Takes downloads, like a LocationTally."""

    def add_download(self, key: str, *, day: date, size_bytes: int) -> None:
        """Bytes of one key that were downloaded."""

    def add_shared_download(self, *, day: date, size_bytes: int) -> None:
        """Bytes that were downloaded from the whole bucket."""

    def discard_downloads(self) -> None:
        """Downloads could not be counted completely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadCount:
    """How downloads were counted, and a note if they were not."""

    source: DownloadSource = DownloadSource.PLAYBACK
    note: str | None = None


class DownloadCounter:
    """Counts the downloads of locations. `locations` are all there are: a metric of several is counted for the first
    of them by name.
    """

    def __init__(self, *, stores: StoreLookup, locations: Iterable[StorageLocation], stop: Callable[[], None]) -> None:
        """`stop` is called regularly, and may raise."""
        self._stores = stores
        self._stop = stop
        self._counts_metric: dict[tuple[str, str, str], str] = {}
        for location in sorted(locations, key=lambda location: location.metadata.name):
            if location.spec.prices.cloud_watch is not None:
                metric = _metric(location, location.spec.prices.cloud_watch)
                self._counts_metric.setdefault(metric, location.metadata.name)

    def count(
        self, location: StorageLocation, tally: DownloadTally, *, window: Window, counts_keys: bool, failures: int
    ) -> DownloadCount:
        """Add the downloads of a location to its tally, if it configures how to count them.

        `counts_keys` is False if another location counts the keys of this one. `failures` is the number of failed
        attempts so far. Raises CountError if a retry may help.
        """
        prices = location.spec.prices
        try:
            if prices.cloud_watch is not None:
                return self._from_metrics(location, prices.cloud_watch, tally, window)
            if prices.access_logs is not None:
                return self._from_logs(location, prices.access_logs, tally, window, counts_keys=counts_keys)
        except (TransferError, LocationError) as error:
            return _fall_back(location, error, tally, may_retry=failures < _ATTEMPTS)
        return DownloadCount()

    def _from_metrics(
        self, location: StorageLocation, config: CloudWatch, tally: DownloadTally, window: Window
    ) -> DownloadCount:
        if self._counts_metric[_metric(location, config)] == location.metadata.name:
            store = self._stores.store(location)
            by_day = store.downloads(config.filter_id, begin=window.since, end=window.now)
            for day, size_bytes in by_day.items():
                tally.add_shared_download(day=day, size_bytes=size_bytes)
        return DownloadCount(source=DownloadSource.CLOUD_WATCH)

    def _from_logs(
        self,
        location: StorageLocation,
        config: AccessLogs,
        tally: DownloadTally,
        window: Window,
        *,
        counts_keys: bool,
    ) -> DownloadCount:
        if not counts_keys:
            return DownloadCount(source=DownloadSource.ACCESS_LOGS)
        name, reading = location.metadata.name, AccessLogTally()
        found = self._stores.store(location).logged_downloads(
            reading,
            logs_bucket=config.bucket,
            logs_prefix=config.prefix,
            begin=window.since,
            end=window.now,
            stop=self._stop,
        )
        for download in found:
            tally.add_download(download.key, day=download.day, size_bytes=download.size_bytes)
        problem = _problem(config, reading)
        if problem is not None:
            tally.discard_downloads()
            return DownloadCount(note=f"Downloads of {name} are estimated, because {problem}.")
        unreadable = f"{reading.unreadable} lines of the access logs of {name} could not be read."
        return DownloadCount(source=DownloadSource.ACCESS_LOGS, note=unreadable if reading.unreadable else None)


def _metric(location: StorageLocation, config: CloudWatch) -> tuple[str, str, str]:
    space = key_space(location)
    return space.address, space.bucket, config.filter_id


def _problem(config: AccessLogs, reading: AccessLogTally) -> str | None:
    """Why the logs say nothing. The operator's own requests are logged too, so none at all means no logs."""
    place = f"s3://{config.bucket}/{config.prefix}"
    if not reading.objects_seen:
        return f"{place} contains no access logs of these days"
    if reading.lines and reading.unreadable >= reading.lines:
        return f"the logs at {place} are not in S3's format"
    return None


def _fall_back(
    location: StorageLocation, error: TransferError | LocationError, tally: DownloadTally, *, may_retry: bool
) -> DownloadCount:
    name, message = location.metadata.name, error.message.rstrip(".")
    may_pass = not isinstance(error, StoreError) or error.location_reason not in NOT_PERMITTED
    if may_pass and not isinstance(error, LocationError) and may_retry:
        raise CountError(Reason.REFRESH_FAILED, f"Downloads could not be counted: {message}.") from None
    tally.discard_downloads()
    _logger.warning("Downloads are estimated: %s", error.message, extra={"location": name})
    return DownloadCount(note=f"Downloads of {name} are estimated, because they could not be counted: {message}.")
