"""Fills the catalog with the Recordings in Kubernetes.

The watch waits when the database is slow or away: only so many changes are kept in memory.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.recording import Recording
from recording_operator.backoff import exponential_s
from recording_operator.catalog.entries import CatalogEntry, entry_of
from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.reconciling import DoubtfulRow, Reconciler
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.kube.errors import KubeError, NotFound
from recording_operator.kube.outage import level_of
from recording_operator.kube.resources import RECORDINGS, ChangeType, ObjectChange, Resources
from recording_operator.log_throttle import LogThrottle
from recording_operator.memory import trim_heap

RECORDINGS_FEED: Final = "recordings"
MOST_WAITING: Final = 200
"""The largest entry has about 100 KiB: 64 artifacts and 64 labels."""
_MOST_AT_ONCE: Final = 200
_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 10.0
"""Between two attempts to write, while the database does not respond."""
_NEWEST: Final = 2**63
"""No version is newer."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A complete list: the versions of its objects by uid, and that of the list."""

    versions: Mapping[str, int]
    version: int


@dataclass(frozen=True, slots=True)
class _Deleted:
    """An object that was deleted, and that this version of the program cannot read."""

    uid: str
    version: int


_Change = CatalogEntry | _Deleted | _Listed | datetime
"""A time: everything that happened until then is before it."""


class RecordingFeed:
    """Takes what a tracker reads, and writes it in order in a thread of its own."""

    def __init__(
        self,
        *,
        writer: CatalogWriter,
        reconciler: Reconciler,
        resources: Resources,
        stop: threading.Event,
        list_again: Callable[[], None] = lambda: None,
    ) -> None:
        """`list_again`: read everything again, because Kubernetes counts from an earlier version."""
        self._writer = writer
        self._reconciler = reconciler
        self._resources = resources
        self._stop = stop
        self._list_again = list_again
        self._waiting: queue.Queue[_Change | None] = queue.Queue(MOST_WAITING)
        self._throttle = LogThrottle()
        self._problem: str | None = None
        self._unreadable: set[str] = set()
        self.known_at: datetime | None = None
        """When everything was in the catalog."""
        self.complete = threading.Event()
        """Set when the first complete list is in the catalog."""

    @property
    def problem(self) -> str | None:
        """Why the catalog cannot be written now."""
        return self._problem

    @property
    def unreadable(self) -> int:
        """How many Recordings in Kubernetes this version of the program cannot read."""
        return len(self._unreadable)

    # What the tracker reads

    def page(self, objects: Sequence[dict[str, Any]]) -> None:
        """See `ObjectReceiver`."""
        for raw in objects:
            self._put(self._read(raw, is_there=True))

    def listed(self, versions: Mapping[str, int], *, version: int) -> None:
        """See `ObjectReceiver`."""
        self._unreadable &= versions.keys()
        self._put(_Listed(versions, version))

    def changed(self, change: ObjectChange) -> None:
        """See `ObjectReceiver`."""
        self._put(self._read(change.object, is_there=change.type is not ChangeType.DELETED))

    def current(self, at: datetime) -> None:
        """See `ObjectReceiver`."""
        self._put(at)

    def _read(self, raw: dict[str, Any], *, is_there: bool) -> CatalogEntry | _Deleted | None:
        entry, meta = _entry(raw, is_there=is_there), ObjectMeta.model_validate(raw["metadata"])
        if entry is None and is_there:
            self._unreadable.add(meta.uid)
            extra = {"namespace": meta.namespace, "recording": meta.name, "uid": meta.uid}
            _logger.warning("A Recording cannot be read and is left out of the catalog", extra=extra)
            return None
        self._unreadable.discard(meta.uid)
        return entry or _Deleted(meta.uid, meta.version)

    def _put(self, change: _Change | None) -> None:
        """Blocks while too many are waiting: then the API server waits too."""
        while change is not None and not self._stop.is_set():
            try:
                self._waiting.put(change, timeout=_PAUSE_S)
            except queue.Full:
                continue
            return

    # Writing

    def run(self) -> None:
        """Write until the end. Blocks."""
        while not self._stop.is_set():
            try:
                changes = [self._waiting.get(timeout=_PAUSE_S)]
            except queue.Empty:
                continue
            while len(changes) < _MOST_AT_ONCE and not self._waiting.empty():
                changes.append(self._waiting.get_nowait())
            self._write([change for change in changes if change is not None])

    def wake(self) -> None:
        """`stop` was set: `run` need not wait for a change that tells it."""
        with suppress(queue.Full):  # then there is one
            self._waiting.put_nowait(None)

    def _write(self, changes: Sequence[_Change]) -> None:
        """Write all, in order."""
        entries: dict[str, CatalogEntry] = {}
        for change in changes:
            if isinstance(change, CatalogEntry):
                entries[change.uid] = change
                continue
            self._put_all(entries)
            entries = {}
            if isinstance(change, _Deleted):
                self._repeat(partial(self._writer.gone, {change.uid: change.version}))
            elif isinstance(change, _Listed):
                self._reconcile(change)
                self.complete.set()
                trim_heap()
            else:
                self._repeat(partial(self._writer.fed, RECORDINGS_FEED, complete=change))
                self.known_at = change if self._problem is None else self.known_at
        self._put_all(entries)

    def _put_all(self, entries: Mapping[str, CatalogEntry]) -> None:
        if entries:
            self._repeat(lambda: self._writer.put(list(entries.values())))

    def _repeat(self, write: Callable[[], object]) -> None:
        """Until it succeeds. Writing the same again changes nothing."""
        failures = 0
        while not self._stop.is_set():
            try:
                write()
            except CatalogError as error:
                failures += 1
                self._problem = str(error)
                _logger.log(self._throttle.level("write"), "The catalog waits: %s", error)
                self._stop.wait(exponential_s(failures, first_s=_PAUSE_S, longest_s=LONGEST_PAUSE_S))
            else:
                self._problem = None
                return

    def _reconcile(self, listed: _Listed) -> None:
        doubtful: list[DoubtfulRow] = []

        def compare() -> None:
            doubtful[:] = self._reconciler.after_list(listed.versions, version=listed.version)

        self._repeat(compare)
        try:
            is_restored = self._is_restored(doubtful)
        except KubeError as error:
            _logger.log(level_of(error), "Recordings cannot be read: %s", error)
            self._list_again()  # whether the server was restored is not known yet
            return
        if is_restored:
            _logger.warning("The API server counts from an earlier version: everything is read again")
            self._repeat(self._reconciler.forget_versions)
            self._list_again()

    def _is_restored(self, doubtful: Sequence[DoubtfulRow]) -> bool:
        """Whether the API server counts from an earlier version. Until that is sure, look at each row."""
        if doubtful and max(row.version for row in doubtful) > self._newest_version():
            return True
        return any(not self._stop.is_set() and self._counts_from_earlier(row) for row in doubtful)

    def _newest_version(self) -> int:
        page = next(self._resources.pages(RECORDINGS, page_size=1))
        return int(page.version) if page.version.isdigit() else _NEWEST

    def _counts_from_earlier(self, row: DoubtfulRow) -> bool:
        """Ask the API server for a row. True if its version is older than one that the catalog has seen."""
        try:
            raw = self._resources.get(RECORDINGS, row.name, namespace=row.namespace)
        except NotFound:
            raw = {}
        meta = ObjectMeta.model_validate(raw["metadata"]) if raw else None
        if meta is None or meta.uid != row.uid:
            self._repeat(lambda: self._reconciler.note_gone(row))
            return False
        if meta.version < row.version:
            return True
        entry = _entry(raw, is_there=True)
        if entry is not None:
            self._repeat(lambda: self._writer.put([entry]))
        return False


def _entry(raw: dict[str, Any], *, is_there: bool) -> CatalogEntry | None:
    """The entry of an object; None if it cannot be read. A deleted one has the version of its deletion."""
    try:
        return replace(entry_of(Recording.model_validate(raw)), in_cluster=is_there)
    except (ValidationError, ValueError):
        return None
