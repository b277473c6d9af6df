"""Counts StorageLocations: the Recordings are listed once for all of them, then the bucket of each."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import ReportSource
from recording_operator.controller.manifests import own_manifest_keys
from recording_operator.controller.usage.deleted import DeletedLocation
from recording_operator.controller.usage.downloads import DownloadCounter, StoreLookup
from recording_operator.controller.usage.errors import NOT_PERMITTED, CountError, CountStopped
from recording_operator.controller.usage.owners import OwnerLookup
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.arrivals import sample_from
from recording_operator.usage.counting import LocationTally, OpenPart
from recording_operator.usage.owners import KeySpaces, RecordingIndex, basis_of, key_space
from recording_operator.usage.recordings import RecordingTally
from recording_operator.usage.sample import UsageSample
from recording_operator.usage.window import window_after

MOST_SIZED_UPLOADS: Final = 1000
"""The most uploads in a location whose parts are listed, because a listing of uploads contains no sizes."""
_STOP_EVERY: Final = 1000
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageClasses:
    """What counts need of the price profile of a location."""

    default: str
    """The class of objects that are listed without one."""
    min_days: Callable[[str], int]
    """The days for which objects of a class are charged at least."""
    gb_bytes: int
    """The bytes of a GB."""
    rate: Callable[[str], Decimal]
    """The price of a GB-month of a class, before any discount for volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFailure:
    """A location that could not be counted. A retry may help."""

    location: str
    message: str


@dataclass(slots=True, kw_only=True)
class _Count:
    """The count of one location."""

    location: StorageLocation
    previous: UsageSample | None
    failures: int = 0
    """Failed attempts so far."""
    store: LocationStore | None = None
    """None if the bucket may not be listed."""
    denied: str | None = None
    failure: str | None = None
    counted_by: str | None = None
    basis: str = ""
    notes: list[str] = field(default_factory=list)
    versions: Iterator[ListedObject] | None = None
    """The listing of all versions, if they are to be counted and may be listed."""

    @property
    def name(self) -> str:
        """The name of the location."""
        return self.location.metadata.name


class UsageCounter:
    """Counts locations. `stopping` is called regularly; an interrupted count has no result."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        stores: StoreLookup,
        classes_of: Callable[[StorageLocation], StorageClasses],
        stopping: Callable[[], bool],
    ) -> None:
        self._kube = kube
        self._stores = stores
        self._classes_of = classes_of
        self._stopping = stopping

    def count(
        self,
        previous: Mapping[str, UsageSample | None],
        locations: Sequence[StorageLocation],
        *,
        deleted: Sequence[DeletedLocation] = (),
        failures: Mapping[str, int],
        now: datetime,
    ) -> Iterator[UsageSample | CountFailure]:
        """Count the locations that `previous` names, of all that there are, and return each sample as it is complete.

        `previous` has the last sample of each, and `failures` the number of failed attempts. Locations of one bucket
        and prefix must be counted together. `deleted` do not exist any more. Raises CountStopped, KubeError.
        """
        counts = [
            _Count(location=location, previous=previous[name], failures=failures.get(name, 0))
            for location in locations
            if (name := location.metadata.name) in previous
        ]
        for count in counts:
            self._open(count)
        # A location that fails now may be listed the next time: it keeps its keys.
        key_spaces = KeySpaces([count.location for count in counts if count.denied is None], locations)
        for count in counts:
            count.counted_by = key_spaces.counted_by(count.location)
        for count in counts:
            if count.previous is None and count.counted_by is None:
                count.previous = _taken_over(count, counts, key_spaces, deleted)
        recordings = RecordingTally(index=RecordingIndex(listed_from=now), now=now)
        tallies = {
            count.name: self._tally(count, key_spaces, recordings.index, now)
            for count in counts
            if count.failure is None
        }
        self._list_recordings(recordings, counts, tallies)
        downloads = DownloadCounter(stores=self._stores, locations=locations, stop=self._check_stop)
        for count in counts:
            # Taken out, so that the sums of a location are dropped with its sample.
            yield self._result(count, tallies.pop(count.name, None), recordings, downloads)

    def _open(self, count: _Count) -> None:
        """Find out whether the bucket can be listed, and its versions."""
        location = count.location
        try:
            store = self._stores.store(location)
            store.may_list(location.store.prefix)
            if location.status.capabilities.get("versioning"):
                count.versions = self._versions(store, count)
            count.store = store
        except StoreError as error:
            self._not_listed(count, error.message, permitted=error.location_reason not in NOT_PERMITTED)
        except LocationError as error:
            reason = _ready_reason(location)
            permitted = reason not in NOT_PERMITTED
            self._not_listed(count, error.message if permitted else f"It is not ready ({reason}).", permitted=permitted)
        except TransferError as error:
            count.failure = error.message

    def _not_listed(self, count: _Count, message: str, *, permitted: bool) -> None:
        if permitted:
            count.failure = message
        else:
            count.denied = message

    def _versions(self, store: LocationStore, count: _Count) -> Iterator[ListedObject] | None:
        """The listing of all versions, or None and a note if the store does not permit it."""
        listing = iter(store.versions(count.location.store.prefix))
        try:
            first = next(listing, None)
        except StoreError as error:
            if error.location_reason not in NOT_PERMITTED:
                raise
            count.notes.append(
                f"Noncurrent versions and delete markers of {count.name} are not counted: {error.message.rstrip('.')}."
            )
            return None
        return listing if first is None else chain([first], listing)

    def _tally(self, count: _Count, key_spaces: KeySpaces, index: RecordingIndex, now: datetime) -> LocationTally:
        location, store = count.location, count.store
        claims = key_spaces.claims_on(location)
        count.basis = basis_of(location, claims, versions=count.versions is not None)
        classes = self._classes_of(location)
        return LocationTally(
            prefix=location.store.prefix,
            key_template=location.spec.key_template,
            claims=claims,
            index=index,
            window=window_after(count.previous, now=now, basis=count.basis),
            default_class=classes.default,
            min_days=classes.min_days,
            org_of=OwnerLookup(store).org if store is not None else None,
        )

    def _list_recordings(
        self, recordings: RecordingTally, counts: Collection[_Count], tallies: Mapping[str, LocationTally]
    ) -> None:
        """List all Recordings, and count those of locations whose bucket may not be listed."""
        denied = {count.name: count for count in counts if count.denied is not None and count.counted_by is None}
        for number, raw in enumerate(self._kube.list_recordings()):
            self._stop_now_and_then(number)
            count = denied.get(recordings.add(raw) or "")
            if count is not None:
                tallies[count.name].add_recording(raw, storage_class=count.location.store.storage_class)

    def _result(
        self, count: _Count, tally: LocationTally | None, recordings: RecordingTally, downloads: DownloadCounter
    ) -> UsageSample | CountFailure:
        self._check_stop()
        if tally is None:
            return CountFailure(location=count.name, message=count.failure or "")
        try:
            return self._sample(count, tally, recordings, downloads)
        except (TransferError, CountError, LocationError) as error:
            return CountFailure(location=count.name, message=error.message)

    def _sample(
        self, count: _Count, tally: LocationTally, recordings: RecordingTally, downloads: DownloadCounter
    ) -> UsageSample:
        counts_keys, source = count.counted_by is None, ReportSource.INVENTORY
        if count.store is not None and counts_keys:
            self._count_bucket(count, count.store, tally)
        elif count.denied is not None and counts_keys:
            source = ReportSource.RECORDINGS
            count.notes.append(f"The bucket of {count.name} could not be listed: {count.denied.rstrip('.')}.")
        downloaded = downloads.count(
            count.location, tally, window=tally.window, counts_keys=counts_keys, failures=count.failures
        )
        return sample_from(
            tally,
            location=count.name,
            previous=count.previous,
            basis=count.basis,
            recordings=recordings.rows(count.name),
            source=source,
            download_source=downloaded.source,
            counted_by=count.counted_by,
            profile=count.location.price_profile,
            notes=[*count.notes, *([downloaded.note] if downloaded.note else [])],
        )

    def _count_bucket(self, count: _Count, store: LocationStore, tally: LocationTally) -> None:
        for at in own_manifest_keys(store, count.location):
            tally.orphans.describe(at.uid)
        listing = store.objects(count.location.store.prefix) if count.versions is None else count.versions
        for number, found in enumerate(listing):
            self._stop_now_and_then(number)
            is_current = found.is_latest and not found.is_delete_marker
            add = tally.add if is_current else partial(tally.add_noncurrent, is_delete_marker=found.is_delete_marker)
            add(
                found.key,
                size_bytes=found.size_bytes,
                storage_class=found.storage_class,
                last_modified=found.last_modified,
                etag=found.etag,
            )
        tally.was_listed()
        self._count_open_uploads(count, store, tally)

    def _count_open_uploads(self, count: _Count, store: LocationStore, tally: LocationTally) -> None:
        """Count open uploads. Their listing contains no sizes, so the parts of each are listed, up to a limit."""
        for number, upload in enumerate(store.uploads(count.location.store.prefix)):
            self._check_stop()
            if number == MOST_SIZED_UPLOADS:
                _logger.warning(
                    "More than %d open uploads; the others are not counted",
                    MOST_SIZED_UPLOADS,
                    extra={"location": count.name},
                )
                tally.unsized_uploads = True
                return
            try:
                listed = store.sent_parts(upload.key, upload.upload_id)
            except TransferError as error:
                if error.reason is Reason.STORE_UPLOAD_LOST:
                    continue  # the upload was completed or aborted meanwhile
                raise
            begun = upload.initiated_at
            parts = [OpenPart(part.size_bytes, max(begun, part.uploaded_at or begun)) for part in listed]
            tally.add_open_upload(upload.key, parts=parts, storage_class=count.location.store.storage_class)

    def _stop_now_and_then(self, number: int) -> None:
        if number % _STOP_EVERY == 0:
            self._check_stop()

    def _check_stop(self) -> None:
        if self._stopping():
            raise CountStopped


def _taken_over(
    count: _Count, counts: Iterable[_Count], key_spaces: KeySpaces, deleted: Iterable[DeletedLocation]
) -> UsageSample | None:
    """The last sample of the location that counted these objects so far, if there is one."""
    twins, space = key_spaces.twins_of(count.location), key_space(count.location)
    samples = [other.previous for other in counts if other.name in twins and other.previous is not None]
    samples += [other.usage.newest for other in deleted if key_space(other.location) == space]
    return max((one for one in samples if one.counted_by is None), key=lambda one: one.at, default=None)


def _ready_reason(location: StorageLocation) -> Reason | None:
    ready = location.ready_condition
    return Reason(ready.reason) if ready is not None and ready.reason in set(Reason) else None
