"""Reads how often each Recording was downloaded from the usage samples in the buckets, where access logs are read."""

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import DownloadSource
from recording_operator.catalog.downloads import DownloadSum, DownloadTable, LocationDownloads
from recording_operator.catalog.errors import CatalogError
from recording_operator.console.nightly import OpenStore
from recording_operator.controller.usage.samples import UsageSamples
from recording_operator.controller.usage.store_files import FileCache, StoreFiles
from recording_operator.errors import ReasonedError
from recording_operator.kube.errors import KubeError
from recording_operator.log_throttle import LogThrottle
from recording_operator.usage.months import chain
from recording_operator.usage.recent_downloads import KEPT_DAYS, week_of
from recording_operator.usage.sample import OTHER, UsageSample
from recording_operator.usage.timeline import midnight, month_start

EVERY_S: Final = 600.0
_NOT_READY_S: Final = 5.0

_logger = logging.getLogger(__name__)


class DownloadFeed:
    """Reads the newest sample of each location with access logs, every ten minutes."""

    def __init__(
        self,
        *,
        table: DownloadTable,
        locations: Callable[[], tuple[StorageLocation, ...] | None],
        open_store: OpenStore,
        now: Callable[[], datetime],
    ) -> None:
        """`locations`: None while they are not known."""
        self._table = table
        self._locations = locations
        self._open_store = open_store
        self._now = now
        self._caches: dict[str, FileCache] = {}
        self._read_until: dict[str, datetime] = {}
        self._throttle = LogThrottle()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Blocks."""
        while not stop.is_set():
            stop.wait(EVERY_S if self.turn() else _NOT_READY_S)

    def turn(self) -> bool:
        """Read all locations. False while they are not known."""
        known = self._locations()
        if known is None:
            return False
        counting = {one.metadata.name: one for one in known if one.spec.prices.access_logs is not None}
        for name, location in counting.items():
            try:
                self._read(location)
            except (ReasonedError, KubeError, CatalogError) as error:
                self._warn(name, error)
        for kept in (self._caches, self._read_until):
            for name in kept.keys() - counting.keys():
                del kept[name]
        try:
            self._table.keep_only(counting)
        except CatalogError as error:
            self._warn("", error)
        return True

    def _read(self, location: StorageLocation) -> None:
        name = location.metadata.name
        cache = self._caches.setdefault(name, FileCache())
        with closing(self._open_store(location)) as store:
            loaded = StoreFiles(store, location=name, prefix=location.store.prefix, cache=cache).load()
        samples = UsageSamples(chain((entry for file in loaded for entry in file.entries), until=self._now()))
        if not samples or samples.spans[-1][0] == self._read_until.get(name):
            return
        newest = samples[-1]
        found = downloads_of(samples)
        if found is None:
            self._table.remove(name)
        else:
            self._table.put(name, found)
        self._read_until[name] = newest.at

    def _warn(self, location: str, error: Exception) -> None:
        why = error.message if isinstance(error, ReasonedError) else str(error)
        level = self._throttle.level(location)
        _logger.log(level, "The downloads of Recordings could not be read: %s", why, extra={"location": location})


def downloads_of(samples: UsageSamples) -> LocationDownloads | None:
    """The downloads in the newest sample of a location; None if they are not counted.

    The others say on which days they were.
    """
    newest = samples[-1]
    rows = newest.carry.downloads
    if not rows and newest.download_source is not DownloadSource.ACCESS_LOGS:
        return None
    sums: dict[str, DownloadSum] = {}
    for row in rows:
        sums[row.uid] = sums.get(row.uid, DownloadSum()).plus(DownloadSum(row.requests, row.size_bytes))
    rest = sums.pop(OTHER, DownloadSum())
    oldest = midnight(week_of(newest.at.astimezone(UTC).date() - timedelta(days=KEPT_DAYS)))
    recent = sum(at > oldest for at, _ in samples.spans)
    days = _counted_days(samples[-recent:])
    return LocationDownloads(
        since=max(oldest, days.since or oldest), by_uid=sums, rest=rest, exact=days.whole and not rest.requests
    )


class _CountedDays(NamedTuple):
    since: datetime | None
    whole: bool
    """Whether all days from then on were counted."""


def _counted_days(samples: Iterable[UsageSample]) -> _CountedDays:
    first: datetime | None = None
    until: datetime | None = None
    whole = True
    for sample in samples:
        begin = sample.since or month_start(sample.at)
        if sample.download_source is not DownloadSource.ACCESS_LOGS:
            whole = whole and first is None
            continue
        whole = whole and (until is None or begin <= until)
        first, until = first or begin, sample.at
    return _CountedDays(first, whole and first is not None)
