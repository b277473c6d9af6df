"""Counts downloads of StorageLocations with CloudWatch or server access logs.

If they cannot be read, downloads are estimated, and the report says so: at once if only an administrator can correct
it, otherwise after some attempts.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import AccessLogs, CloudWatch, StorageLocation
from recording_operator.api.storagereport import DownloadSource
from recording_operator.controller.reports.errors import NOT_PERMITTED, RefreshError
from recording_operator.costs.arrivals import Window
from recording_operator.costs.keyspaces import key_space
from recording_operator.costs.sample import SHARED
from recording_operator.costs.usage import LocationTally, Scope, Usage
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import AccessLogTally
from recording_operator.stores.location_store import LocationStore

_RETRIES: Final = 3
_logger = logging.getLogger(__name__)


class StoreLookup(Protocol):
    """Provides the stores of StorageLocations, like the LocationKeeper."""

    def store(self, location: StorageLocation) -> LocationStore:
        """The store of a location. Raises LocationError."""


@dataclass(slots=True, kw_only=True)
class DownloadCount:
    """The locations whose downloads were counted, and notes about the others."""

    sources: dict[str, DownloadSource] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class DownloadCounter:
    """Adds counted downloads to `usage`."""

    def __init__(
        self,
        *,
        stores: StoreLookup,
        usage: Usage,
        scope: Scope,
        window: Window,
        failures: int,
        stop: Callable[[], None],
    ) -> None:
        """`failures` is the number of failed attempts of this refresh. `stop` is called regularly, and may raise."""
        self._stores = stores
        self._usage = usage
        self._scope = scope
        self._window = window
        self._retries_left = failures < _RETRIES
        self._stop = stop
        self._count = DownloadCount()
        self._metrics_taken: set[tuple[str, str, str]] = set()

    def count(self, locations: Sequence[StorageLocation], tallies: Mapping[str, LocationTally]) -> DownloadCount:
        """Count downloads for every location that configures it. Another location counts for one without a tally.

        Raises RefreshError if a retry may help.
        """
        for location in locations:
            prices = location.spec.prices
            try:
                if prices.cloud_watch is not None:
                    self._from_metrics(location, prices.cloud_watch)
                elif prices.access_logs is not None:
                    self._from_logs(location, prices.access_logs, tallies.get(location.metadata.name))
            except (TransferError, LocationError) as error:
                self._fall_back(location, error)
        return self._count

    def _from_metrics(self, location: StorageLocation, config: CloudWatch) -> None:
        name, space = location.metadata.name, key_space(location)
        if self._scope.orgs or self._scope.namespaces:
            self._count.notes.append(
                f"Downloads of {name} are estimated, because CloudWatch counts the whole bucket and not the scope."
            )
            return
        metric = (space.address, space.bucket, config.filter_id)
        days = {}
        if metric not in self._metrics_taken:
            begin, end = self._window.since, self._window.now
            days = self._stores.store(location).downloads(config.filter_id, begin=begin, end=end)
        self._metrics_taken.add(metric)
        self._usage.downloads[name] = {day: {SHARED: size_bytes} for day, size_bytes in days.items()}
        self._count.sources[name] = DownloadSource.CLOUD_WATCH

    def _from_logs(self, location: StorageLocation, config: AccessLogs, tally: LocationTally | None) -> None:
        name, reading = location.metadata.name, AccessLogTally()
        if tally is not None:
            found = self._stores.store(location).logged_downloads(
                reading,
                logs_bucket=config.bucket,
                logs_prefix=config.prefix,
                begin=self._window.since,
                end=self._window.now,
                stop=self._stop,
            )
            for download in found:
                tally.add_download(download.key, day=download.day, size_bytes=download.size_bytes)
            if not self._usable(name, config, reading):
                self._usage.downloads.pop(name, None)
                return
        self._usage.downloads.setdefault(name, {})
        self._count.sources[name] = DownloadSource.ACCESS_LOGS

    def _usable(self, name: str, config: AccessLogs, reading: AccessLogTally) -> bool:
        """Whether there are log entries. The operator's own requests are logged too, so none at all means no logs."""
        place = f"s3://{config.bucket}/{config.prefix}"
        if not reading.objects_seen:
            self._count.notes.append(
                f"Downloads of {name} are estimated, because {place} contains no access logs of these days."
            )
            return False
        if reading.lines and reading.unreadable >= reading.lines:
            self._count.notes.append(
                f"Downloads of {name} are estimated, because the logs at {place} are not in S3's format."
            )
            return False
        if reading.unreadable:
            self._count.notes.append(f"Unreadable lines in the access logs of {name}: {reading.unreadable}.")
        return True

    def _fall_back(self, location: StorageLocation, error: TransferError | LocationError) -> None:
        name = location.metadata.name
        may_succeed_later = not isinstance(error, StoreError) or error.location_reason not in NOT_PERMITTED
        if may_succeed_later and not isinstance(error, LocationError) and self._retries_left:
            message = f"StorageLocation {name}: downloads could not be counted: {error.message}"
            raise RefreshError(Reason.REFRESH_FAILED, message) from None
        self._usage.downloads.pop(name, None)
        self._count.notes.append(
            f"Downloads of {name} are estimated, because they could not be counted: {error.message.rstrip('.')}."
        )
        _logger.warning("Downloads are estimated: %s", error.message, extra={"location": name})
