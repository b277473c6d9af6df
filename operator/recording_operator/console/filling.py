"""Everything that fills the catalog and the books: its threads, and whether they keep up."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from recording_operator.catalog.downloads import DownloadTable
from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.manifests import ManifestRows
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.books import ObjectBook
from recording_operator.console.downloads import DownloadFeed
from recording_operator.console.feeding import RECORDINGS_FEED, RecordingFeed
from recording_operator.console.nightly import ManifestCheck, NightlyCheck, OpenStore
from recording_operator.kube.resources import LOCATIONS, RECORDINGS, REPORTS, Resources
from recording_operator.kube.rest import RestClient
from recording_operator.kube.tracking import TRACK_S, Tracker

_JOIN_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTarget:
    """The catalog, and how the stores are opened that it is filled from."""

    writer: CatalogWriter
    reader: CatalogReader
    reconciler: Reconciler
    manifests: ManifestRows
    downloads: DownloadTable
    open_store: OpenStore


class Filling:
    """Reads what is in Kubernetes until it is stopped."""

    def __init__(
        self, rest: RestClient, target: FillTarget, *, now: Callable[[], datetime], hour: int, watch_s: int = TRACK_S
    ) -> None:
        """`hour`: when the manifests are compared, in UTC. `watch_s`: how long each watch takes."""
        resources = Resources(rest)
        self._stop = threading.Event()
        self._reader = target.reader
        self._feed = RecordingFeed(
            writer=target.writer,
            reconciler=target.reconciler,
            resources=resources,
            stop=self._stop,
            list_again=self._list_again,
        )
        self.locations = ObjectBook(StorageLocation)
        self.reports = ObjectBook(StorageReport)
        self._recordings = Tracker(resources, RECORDINGS, self._feed, now=now, watch_s=watch_s)
        self._trackers = (
            self._recordings,
            Tracker(resources, LOCATIONS, self.locations, now=now, watch_s=watch_s),
            Tracker(resources, REPORTS, self.reports, now=now, watch_s=watch_s),
        )
        self._nightly = NightlyCheck(
            check=ManifestCheck(rows=target.manifests, open_store=target.open_store, now=now, stop=self._stop),
            reader=target.reader,
            writer=target.writer,
            locations=self._known_locations,
            now=now,
            hour=hour,
        )
        self._downloads = DownloadFeed(
            table=target.downloads,
            locations=self._known_locations,
            open_store=target.open_store,
            now=now,
        )
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start its threads."""
        for tracker in self._trackers:
            self._begin(partial(tracker.run, self._stop), name=f"watch-{tracker.plural}")
        self._begin(self._feed.run, name="feed")
        self._begin(partial(self._nightly.run, self._stop), name="manifests")
        self._begin(partial(self._downloads.run, self._stop), name="downloads")

    def stop(self) -> None:
        """End its threads. A thread that waits for the API server ends with the process."""
        self._stop.set()
        self._feed.wake()
        for thread in self._threads:
            thread.join(_JOIN_S if thread.name == "feed" else 0)

    def died(self) -> str | None:
        """Which of its threads has ended, though nothing has stopped it."""
        if self._stop.is_set():
            return None
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        return f"{', '.join(dead)} has ended" if dead else None

    def unready(self) -> str | None:
        """Why nothing can be shown yet, or nothing can be written."""
        if self._feed.problem is not None:
            return self._feed.problem
        if not self._feed.complete.is_set():
            return "the Recordings are not read yet"
        if self.locations.known_at is None or self.reports.known_at is None:
            return "the StorageLocations and StorageReports are not read yet"
        return None

    def known_at(self) -> datetime | None:
        """When the catalog last knew everything. If the database does not respond, when this process last wrote it."""
        try:
            return self._reader.complete_at(RECORDINGS_FEED)
        except CatalogError:
            return self._feed.known_at

    def outdated(self) -> str | None:
        """Why what is shown may be old, as a sentence for people; None if it is not."""
        if self._feed.problem is not None:
            return self._feed.problem
        old = [tracker.plural for tracker in self._trackers if not tracker.is_current]
        if old:
            return f"The API server is not available: {', '.join(old)} may be out of date."
        unreadable = self._feed.unreadable + self.locations.unreadable + self.reports.unreadable
        if unreadable:
            found = "1 object" if unreadable == 1 else f"{unreadable} objects"
            return f"{found} in Kubernetes cannot be read by this version of the console: such objects are not shown."
        return None

    def notice(self) -> str | None:
        """What readers of a page should know: why it may be old, or what it may lack. None if there is nothing."""
        outdated, incomplete = self.outdated(), self._nightly.incomplete
        if outdated is not None or not incomplete:
            return outdated
        return (
            "Recordings that are no longer in Kubernetes may be missing: the manifests of "
            f"{incomplete} StorageLocation{'' if incomplete == 1 else 's'} are not all read."
        )

    def incomplete_locations(self) -> int:
        """Of how many StorageLocations not all manifests are read."""
        return self._nightly.incomplete

    def _known_locations(self) -> tuple[StorageLocation, ...] | None:
        """Once the Recordings in Kubernetes are in the catalog: what a bucket says never replaces them."""
        return self.locations.all() if self.unready() is None else None

    def _list_again(self) -> None:
        self._recordings.list_again()

    def _begin(self, work: Callable[[], None], *, name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
