"""The usage files of one location in its store: read, create, compact, delete."""

import heapq
import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.controller.usage.samples import LoadedFile, load
from recording_operator.errors import TransferError
from recording_operator.stores.documents import DocumentTooLargeError
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.codec import (
    CONTENT_TYPE,
    MOST_FILE_BYTES,
    MOST_VALUES,
    Period,
    UsageFile,
    UsageFormatError,
    count_values,
    day_name,
    encode_month,
    folder_name,
    month_name,
    usage_file,
)
from recording_operator.usage.months import Bundle, due_bundles, expired
from recording_operator.usage.sample import UsageSample

MOST_FILES: Final = 10_000
"""The most files of a location that are read: the newest."""
MOST_CACHED_BYTES: Final = 64 * 2**20
"""The most bytes of a location's files, compressed: the newest."""
_LISTINGS: Final = 3
_logger = logging.getLogger(__name__)


class FileCache:
    """The files of one location that were read already, by name, with the version that was read."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, LoadedFile]] = {}

    def get(self, file: UsageFile, version: str) -> LoadedFile | None:
        """The file, if it was read in this version."""
        known = self.files.get(file.name)
        return known[1] if known is not None and known[0] == version else None

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget the files that do not exist any more."""
        for name in self.files.keys() - set(names):
            del self.files[name]


class StoreFiles:
    """The files of one location. Every method may raise TransferError."""

    def __init__(self, store: LocationStore, *, location: str, prefix: str, cache: FileCache) -> None:
        """`cache` is kept by the caller from one call to the next."""
        self._store = store
        self._location = location
        self._prefix = prefix
        self._cache = cache

    def load(self) -> list[LoadedFile]:
        """All files, those that cannot be used with their problem."""
        for _ in range(_LISTINGS):
            listed = self._listed()
            loaded = self._loaded(listed)
            if len(loaded) == len(listed):
                self._cache.keep_only(file.name for file in listed)
                return loaded
            # Another leader has compacted a month since: its file is listed now.
        raise StoreError(Reason.STORE_UNAVAILABLE, "The store lists usage samples that it does not return.")

    def create(self, name: str, data: bytes) -> bytes:
        """Create a file, and return what is in it now: of two writers the first one wins."""
        self._store.may_list(f"{self._prefix}{folder_name(self._location)}")
        self._store.create_document(f"{self._prefix}{name}", data, CONTENT_TYPE)
        kept = self._store.read_document(f"{self._prefix}{name}", MOST_FILE_BYTES)
        if kept is None:
            raise StoreError(Reason.STORE_UNAVAILABLE, "The store confirmed a usage sample but does not return it.")
        return kept

    def compact(self, now: datetime, *, keep_months: int) -> None:
        """Put the samples of past days and months into one file each, and delete files that have expired."""
        listed = self._listed()
        old = {file.name for file in expired(listed, now, keep_months)}
        current = {file: version for file, version in listed.items() if file.name not in old}
        deleted: set[str] = set()
        for bundle in due_bundles(current, now):
            parts = {file: current[file] for file in bundle.parts if file.name not in deleted}
            if parts:
                deleted |= self._bundled(bundle, parts)
        for name in sorted(old):
            self._store.delete_document(f"{self._prefix}{name}")

    def _bundled(self, bundle: Bundle, parts: dict[UsageFile, str]) -> set[str]:
        """Create the file of a bundle, then delete the parts that are in it. Returns their names."""
        loaded = [file for file in self._loaded(parts) if not file.problem]
        if not loaded or sum(count_values(file.data) for file in loaded) > MOST_VALUES:
            return set()  # too large for one file
        name = (month_name if bundle.period is Period.MONTH else day_name)(self._location, bundle.begin)
        file = usage_file(self._location, name)
        try:
            data = encode_month(_merged(loaded))
        except UsageFormatError as error:
            _logger.info("Usage samples stay apart: %s", error, extra=self._extra(name))
            return set()
        if file is None:
            return set()
        kept = load(file, self.create(name, data), location=self._location)
        if kept.problem:
            _logger.warning("A file of usage samples cannot be read: %s", kept.problem, extra=self._extra(name))
        there = set(kept.spans)
        gone = [part.file.name for part in loaded if there.issuperset(part.spans)]
        for part in gone:
            self._store.delete_document(f"{self._prefix}{part}")
        return set(gone)

    def _listed(self) -> dict[UsageFile, str]:
        """The files with their versions, the newest first."""
        newest = heapq.nlargest(MOST_FILES, self._files(), key=lambda pair: (pair[0].begin, pair[0].name))
        return dict(newest)

    def _files(self) -> Iterator[tuple[UsageFile, str]]:
        for one in self._store.list_documents(f"{self._prefix}{folder_name(self._location)}"):
            file = usage_file(self._location, one.key.removeprefix(self._prefix))
            if file is not None:
                yield file, _version(one)

    def _loaded(self, listed: dict[UsageFile, str]) -> list[LoadedFile]:
        """Those that are still there."""
        loaded: list[LoadedFile] = []
        room = MOST_CACHED_BYTES
        for file, version in listed.items():
            known = self._cache.get(file, version) or self._read(file, room)
            if known is not None:
                room -= len(known.data)
                loaded.append(known)
                self._cache.files[file.name] = version, known
        return loaded

    def _read(self, file: UsageFile, room: int) -> LoadedFile | None:
        try:
            data = self._store.read_document(f"{self._prefix}{file.name}", min(MOST_FILE_BYTES, max(room, 0)))
        except DocumentTooLargeError:
            return self._unusable(file, "It is too large, alone or together with newer ones.")
        except TransferError as error:
            if error.reason is not Reason.INTEGRITY_UNVERIFIABLE:
                raise
            return self._unusable(file, error.message)  # a lifecycle rule has archived it
        if data is None:
            return None
        loaded = load(file, data, location=self._location)
        return self._unusable(file, loaded.problem) if loaded.problem else loaded

    def _unusable(self, file: UsageFile, problem: str) -> LoadedFile:
        _logger.warning("A file of usage samples cannot be read: %s", problem, extra=self._extra(file.name))
        return LoadedFile(file=file, data=b"", problem=problem)

    def _extra(self, name: str) -> dict[str, str]:
        return {"location": self._location, "file": name}


def _merged(files: list[LoadedFile]) -> list[UsageSample]:
    """All samples in order, each once: single ones first, because they have what the next count needs."""
    found: dict[tuple[datetime, datetime | None], UsageSample] = {}
    for file in sorted(files, key=lambda one: one.file.period is not Period.SAMPLE):
        for sample in file.samples():
            found.setdefault((sample.at, sample.since), sample)
    return sorted(found.values(), key=lambda one: one.at)


def _version(listed: ListedObject) -> str:
    return f"{listed.etag} {listed.size_bytes} {listed.last_modified.isoformat()}"
