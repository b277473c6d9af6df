"""Copies usage samples from the buckets, where the operator keeps them, into the catalog."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.nightly import OpenStore
from recording_operator.controller.usage.samples import load
from recording_operator.errors import ReasonedError
from recording_operator.kube.errors import KubeError
from recording_operator.log_throttle import LogThrottle
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.codec import (
    MOST_FILE_BYTES,
    Period,
    UsageFile,
    UsageFormatError,
    folder_name,
    usage_file,
)
from recording_operator.usage.months import CLOCKS_DIFFER
from recording_operator.usage.sample import UsageSample

EVERY_S: Final = 3600.0
_NOT_READY_S: Final = 5.0

_logger = logging.getLogger(__name__)


class UsageFeed:
    """Reads the samples that are newer than those in the catalog, once an hour."""

    def __init__(
        self,
        *,
        reader: CatalogReader,
        writer: CatalogWriter,
        locations: Callable[[], tuple[StorageLocation, ...] | None],
        open_store: OpenStore,
        now: Callable[[], datetime],
    ) -> None:
        """`locations`: None while they are not known."""
        self._reader = reader
        self._writer = writer
        self._locations = locations
        self._open_store = open_store
        self._now = now
        self._throttle = LogThrottle(period_s=EVERY_S)

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Blocks."""
        while not stop.is_set():
            stop.wait(EVERY_S if self.turn() else _NOT_READY_S)

    def turn(self) -> bool:
        """Read what is new at all locations. False while they are not known."""
        locations = self._locations()
        for location in locations or ():
            name = location.metadata.name
            try:
                with closing(self._open_store(location)) as store:
                    for samples in self._new(store, location):
                        self._writer.put_usage(name, samples)
            except (ReasonedError, KubeError, CatalogError, UsageFormatError) as error:
                why = error.message if isinstance(error, ReasonedError) else str(error)
                level = self._throttle.level(name)
                _logger.log(level, "The usage samples could not be read: %s", why, extra={"location": name})
        return locations is not None

    def _new(self, store: LocationStore, location: StorageLocation) -> Iterator[list[UsageSample]]:
        """The samples of each file that has newer ones. Raises StoreError, CatalogError."""
        name, prefix = location.metadata.name, location.store.prefix
        last = self._reader.last_usage(name)
        for listed in store.list_documents(f"{prefix}{folder_name(name)}"):
            file = usage_file(name, listed.key.removeprefix(prefix))
            if file is None or not _may_have_newer(file, last):
                continue
            data = store.read_document(listed.key, MOST_FILE_BYTES)
            if data is None:  # it was put into a file of a day or month since: the next hour finds that
                continue
            loaded = load(file, data, location=name)
            if loaded.problem:
                _logger.info("A file of usage samples is left out: %s", loaded.problem, extra={"location": name})
            # A sample with a time in the future would be the newest one from now on.
            until = self._now() + CLOCKS_DIFFER
            yield [one for one in loaded.samples() if one.at <= until and (last is None or one.at > last)]


def _may_have_newer(file: UsageFile, last: datetime | None) -> bool:
    if last is None:
        return True
    if file.period is Period.SAMPLE:
        return file.begin > last
    newest = last.date()
    return file.day >= (newest if file.period is Period.DAY else newest.replace(day=1))
