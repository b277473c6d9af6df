"""Fills the catalog with the manifests of a StorageLocation, for Recordings that are long gone from Kubernetes.

The bucket is the authority: a row whose manifest was deleted there is removed. A manifest is read once for each of its
ETags, so a run that was interrupted is continued by the next one, and a check of a bucket without changes only lists.
"""

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final

from recording_operator.api.reasons import Trait, reasons_with
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.entries import milliseconds
from recording_operator.catalog.manifests import (
    ManifestRead,
    ManifestRows,
    UnlikelyManifestError,
    UnprovenRow,
    entry_of_manifest,
)
from recording_operator.controller.manifests import (
    ManifestKey,
    NoManifestError,
    OtherObjectError,
    manifest_keys,
    read_manifest,
)
from recording_operator.stopping import StopSignal
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.owners import key_space

READERS: Final = 16
_AHEAD: Final = 4 * READERS
_ROWS: Final = 500
_OF_ONE_OBJECT: Final = reasons_with(Trait.MAY_BE_ONE_OBJECT)
"""After any other failure nothing more is read."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """Of an attempt to read a manifest."""

    manifest: ManifestRead
    error: StoreError | None = None
    """Why it cannot be read now."""


@dataclass(slots=True, kw_only=True)
class RebuildTally:
    """What was found at a location."""

    manifests: int = 0
    read: int = 0
    """Those that were new or had changed."""
    unusable: int = 0
    removed: int = 0
    moved_to: frozenset[str] = frozenset()
    """Other locations that are to be read again: they have what this one has no more."""
    unreadable: int = 0
    """Those that the store does not return: it denies them, or they are archived."""
    why_unreadable: str = ""
    """Of the first one."""

    @property
    def problem(self) -> str | None:
        """What is missing."""
        if not self.unreadable:
            return None
        return f"{self.unreadable:,} of {self.manifests:,} manifests cannot be read: {self.why_unreadable}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRebuild:
    """One run for one location. `others` are all locations: some may share its bucket and prefix."""

    store: LocationStore
    location: StorageLocation
    others: tuple[StorageLocation, ...]
    rows: ManifestRows
    began: datetime
    stop: StopSignal
    tally: RebuildTally = field(default_factory=RebuildTally)

    def run(self) -> RebuildTally:
        """Read everything. Raises StoreError, CatalogError; what was read until then stays."""
        self.rows.forget_unstored_rebuilds()
        writes_manifests = self.location.spec.manifest.enabled
        unproven = self.rows.without_manifest(self._name) if writes_manifests else ()
        found = manifest_keys(self.store, self.location)
        pool = ThreadPoolExecutor(READERS, thread_name_prefix="manifests")
        try:
            while batch := {at.key: at for at in islice(found, _ROWS)}:
                self._take(batch, pool)
                if self.stop.is_set():
                    return self.tally
            self.tally.removed, self.tally.moved_to = self.rows.forget_unseen(self._name, run=self._run)
            self.tally.removed += self.rows.forget_without_manifest(
                self._name, unproven, stored=partial(self._stored, pool=pool)
            )
        finally:
            pool.shutdown(cancel_futures=True)
        self.rows.forget_rebuilt()
        return self.tally

    @property
    def _name(self) -> str:
        return self.location.metadata.name

    @property
    def _run(self) -> int:
        return milliseconds(self.began) or 0

    def _take(self, batch: Mapping[str, ManifestKey], pool: ThreadPoolExecutor) -> None:
        self.tally.manifests += len(batch)
        unread = self.rows.unread(self._name, {key: at.etag for key, at in batch.items()}, run=self._run)
        results = list(self._read_all([batch[key] for key in batch if key in unread], pool))
        errors = [one.error for one in results if one.error is not None]
        self.tally.read += len(results) - len(errors)
        self.tally.unusable += sum(one.manifest.entry is None for one in results) - len(errors)
        self.tally.unreadable += len(errors)
        self.tally.why_unreadable = self.tally.why_unreadable or next((one.message for one in errors), "")
        self.rows.put(self._name, [one.manifest for one in results], run=self._run)

    def _read_all(self, keys: list[ManifestKey], pool: ThreadPoolExecutor) -> Iterator[_Result]:
        waiting: deque[Future[_Result]] = deque()
        for at in keys:
            if self.stop.is_set():
                return
            waiting.append(pool.submit(self._read, at))
            if len(waiting) == _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _read(self, at: ManifestKey) -> _Result:
        entry, etag = None, at.etag
        try:
            manifest = read_manifest(self.store, at)
            if not self._is_of_another(manifest.storage_location):
                entry = entry_of_manifest(manifest, location=self._name)
        except OtherObjectError:
            pass
        except (NoManifestError, UnlikelyManifestError) as error:
            _logger.info("A manifest is left out: %s", error, extra={"location": self._name})
            etag = ""  # a later version of the program may understand it
        except StoreError as error:
            if error.location_reason not in _OF_ONE_OBJECT:
                raise
            # Without its ETag it is read again next time, and its row stays until then.
            return _Result(manifest=ManifestRead(key=at.key, etag="", uid=at.uid, entry=None), error=error)
        return _Result(manifest=ManifestRead(key=at.key, etag=etag, uid=at.uid, entry=entry))

    def _stored(self, rows: Sequence[UnprovenRow], *, pool: ThreadPoolExecutor) -> set[str]:
        """The uids of rows with a file in the store. Those stay, although there is no manifest of them."""
        found = pool.map(self._has_file, rows)
        return {row.uid for row, has_file in zip(rows, found, strict=True) if has_file}

    def _has_file(self, row: UnprovenRow) -> bool:
        if self.stop.is_set():
            return True
        try:
            return any(self._is_stored(key, row.stored_uid) for key in row.keys)
        except StoreError as error:
            if error.location_reason not in _OF_ONE_OBJECT:
                raise
            return True

    def _is_stored(self, key: str, uid: str) -> bool:
        head = self.store.head(key)
        return head is not None and head.recording_uid == uid

    def _is_of_another(self, name: str) -> bool:
        """Whether the manifest names another location of the same bucket and prefix, which reads it too."""
        return name != self._name and any(
            other.metadata.name == name and key_space(other) == key_space(self.location) for other in self.others
        )
