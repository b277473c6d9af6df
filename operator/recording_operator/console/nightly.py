"""Compares the catalog with the manifests in the buckets, once a day."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.manifests import ManifestRows
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.rebuilding import CatalogRebuild, RebuildTally
from recording_operator.errors import ReasonedError
from recording_operator.kube.errors import KubeError
from recording_operator.memory import trim_heap
from recording_operator.stopping import StopSignal
from recording_operator.stores.location_store import LocationStore

_RETRY_AFTER: Final = timedelta(minutes=5)
_REREAD_AFTER: Final = timedelta(hours=6)
"""After everything was read but some manifests: each attempt lists the bucket again."""
_DAY: Final = timedelta(days=1)
_LOOK_S: Final = 30.0

OpenStore = Callable[[StorageLocation], LocationStore]
"""Opens the store of a location. Raises LocationError, SecretError, KubeError."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What one location gave."""

    location: StorageLocation
    tally: RebuildTally
    problem: str | None = None
    """Why it is not complete."""


class ManifestCheck:
    """Reads the manifests of all locations, one location after another."""

    def __init__(
        self, *, rows: ManifestRows, open_store: OpenStore, now: Callable[[], datetime], stop: StopSignal
    ) -> None:
        self._rows = rows
        self._open_store = open_store
        self._now = now
        self._stop = stop

    def run(
        self, locations: tuple[StorageLocation, ...], *, every: tuple[StorageLocation, ...] | None = None
    ) -> Iterator[RebuildReport]:
        """A report of each location. `every` has those that are left out, too. Raises CatalogError.

        A location that Recordings were moved to is read once more after the one that they were moved from.
        """
        known, again = every or locations, set[str]()
        for location in locations:
            if not self._stop.is_set():
                report = self._check(location, known)
                again = (again - {location.metadata.name}) | report.tally.moved_to
                yield report
        for location in known:
            if location.metadata.name in again and not self._stop.is_set():
                yield self._check(location, known)

    def _check(self, location: StorageLocation, locations: tuple[StorageLocation, ...]) -> RebuildReport:
        tally = RebuildTally()
        try:
            with closing(self._open_store(location)) as store:
                CatalogRebuild(
                    store=store,
                    location=location,
                    others=locations,
                    rows=self._rows,
                    began=self._now(),
                    stop=self._stop,
                    tally=tally,
                ).run()
        except ReasonedError as error:
            return RebuildReport(location=location, tally=tally, problem=error.message)
        except KubeError as error:
            return RebuildReport(location=location, tally=tally, problem=str(error))
        return RebuildReport(location=location, tally=tally, problem=tally.problem)


class NightlyCheck:
    """Runs the check once a day, and at once if it never ran."""

    def __init__(
        self,
        *,
        check: ManifestCheck,
        reader: CatalogReader,
        writer: CatalogWriter,
        locations: Callable[[], tuple[StorageLocation, ...] | None],
        now: Callable[[], datetime],
        hour: int,
    ) -> None:
        """`locations`: None while they are not known. `hour`: of the day in UTC."""
        self._check = check
        self._reader = reader
        self._writer = writer
        self._locations = locations
        self._now = now
        self._hour = hour
        self._failed: dict[str, tuple[datetime, datetime]] = {}
        """By feed: when it last failed, and when it is tried again."""
        self._incomplete: frozenset[str] = frozenset()

    @property
    def incomplete(self) -> int:
        """Of how many locations some manifests are not read: not yet, or because the store does not return them."""
        return len(self._incomplete)

    def run(self, stop: threading.Event) -> None:
        """Look now and then whether it is time. Blocks."""
        while not stop.is_set():
            try:
                self.turn(stop)
            except CatalogError as error:
                _logger.info("The manifests are not compared: %s", error)
            stop.wait(_LOOK_S)

    def turn(self, stop: StopSignal) -> bool:
        """Check the locations whose time has come; if one fails, again in five minutes. Raises CatalogError."""
        now, every = self._now(), self._locations() or ()
        last = {feed: self._reader.complete_at(feed) for feed in map(_feed_of, every)}
        behind = {feed for feed, at in last.items() if is_due(now, at, hour=self._hour)}
        self._incomplete = frozenset(feed for feed in behind if last[feed] is None or feed in self._incomplete)
        due = tuple(one for one in every if _feed_of(one) in behind and not self._waits(_feed_of(one), now))
        for report in self._check.run(due, every=every):
            extra = {"location": report.location.metadata.name}
            tally = report.tally
            if report.problem is not None:
                again = now + (_REREAD_AFTER if tally.unreadable else _RETRY_AFTER)
                self._failed[_feed_of(report.location)] = (now, again)
                self._incomplete |= {_feed_of(report.location)}
                _logger.warning("The manifests could not be read: %s", report.problem, extra=extra)
                continue
            counts = (tally.manifests, tally.read, tally.unusable, tally.removed)
            _logger.info("%d manifests: %d read, %d of them not usable, %d removed", *counts, extra=extra)
            if not stop.is_set():
                self._incomplete -= {_feed_of(report.location)}
                self._writer.fed(_feed_of(report.location), complete=now)
        if due:
            trim_heap()
        return bool(due)

    def _waits(self, feed: str, now: datetime) -> bool:
        failed, again = self._failed.get(feed, (now, now))
        return failed <= now < again


def _feed_of(location: StorageLocation) -> str:
    return f"manifests/{location.metadata.uid}"


def is_due(now: datetime, last: datetime | None, *, hour: int) -> bool:
    """Whether the hour has come since the last time. A time in the future is that of a wrong clock."""
    newest = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if newest > now:
        newest -= _DAY
    return last is None or last < newest or last > now + timedelta(hours=1)
