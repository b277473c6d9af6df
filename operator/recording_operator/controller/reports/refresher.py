"""One refresh of a StorageReport: reads prices, counts Recordings and buckets, and calls the cost computation."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import MOST_NOTES, ReportSource, StorageReport, StorageReportStatus
from recording_operator.controller.reports.downloads import DownloadCounter, StoreLookup
from recording_operator.controller.reports.errors import NOT_PERMITTED, RefreshError, RefreshStopped
from recording_operator.controller.reports.notes import MOST_SIZED_UPLOADS, counted_so, not_counted
from recording_operator.controller.reports.owners import OwnerLookup
from recording_operator.costs.index import RecordingIndex
from recording_operator.costs.keyspaces import KeySpaces
from recording_operator.costs.library import find_profile, overridden
from recording_operator.costs.profile import PriceError
from recording_operator.costs.report import CountResult, CurrencyError, currency_of, refreshed, starts_again, window_of
from recording_operator.costs.sample import CostTerms, LocationPrices
from recording_operator.costs.uploads import RecordingTally, add_recording
from recording_operator.costs.usage import LocationTally, OpenPart, Scope, Usage
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Forbidden, KubeError, NotFound
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore

_STOP_EVERY: Final = 1000
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult:
    """New numbers, and a message about how they were counted."""

    status: StorageReportStatus
    message: str


class Refresher:
    """Computes a report. `stopping` is called regularly; an interrupted refresh writes nothing."""

    def __init__(
        self, *, kube: KubeApi, stores: StoreLookup, operator_namespace: str, stopping: Callable[[], bool]
    ) -> None:
        self._kube = kube
        self._stores = stores
        self._namespace = operator_namespace
        self._stopping = stopping

    def refresh(self, report: StorageReport, *, now: datetime) -> RefreshResult:
        """Count everything in the report's scope. Raises RefreshError, RefreshStopped."""
        try:
            return self._refresh(report, now)
        except (PriceError, CurrencyError) as error:
            reason = Reason.PRICES_INVALID if isinstance(error, PriceError) else Reason.CURRENCY_MISMATCH
            raise RefreshError(reason, str(error)) from None
        except KubeError as error:
            raise RefreshError(Reason.REFRESH_FAILED, f"The API server did not respond: {error}") from None

    def _refresh(self, report: StorageReport, now: datetime) -> RefreshResult:
        locations = self._locations()
        wanted = frozenset(report.spec.scope.storage_locations)
        seen = [location for location in locations if not wanted or location.metadata.name in wanted]
        terms = self._terms(report, seen)
        currency_of(terms, report.spec.budget, previous=report.status)
        stores, denied = self._listable(seen)
        spec = report.spec
        scope = Scope(
            orgs=frozenset(spec.scope.orgs), namespaces=frozenset(spec.scope.namespaces), storage_locations=wanted
        )
        window = window_of(report.status, now=now, scope=scope.mark)
        usage = Usage()
        tally = RecordingTally(index=RecordingIndex(listed_from=now), scope=scope, window=window)
        key_spaces = KeySpaces([location for location, _ in stores], locations)
        shared = {location.metadata.name: key_spaces.counted_by(location) for location in seen}
        denied = [(location, why) for location, why in denied if shared[location.metadata.name] is None]
        self._count_recordings(tally, usage, {location.metadata.name: location for location, _ in denied}, terms)
        listed = {location.metadata.name: store for location, store in stores}
        counting = [location for location in seen if shared[location.metadata.name] is None]
        tallies = self._tallies(usage, counting, listed, key_spaces, terms=terms, tally=tally)
        for location, store in stores:
            if location.metadata.name in tallies:
                self._count_bucket(usage, tallies[location.metadata.name], location, store)
        usage.bases |= {name: counter for name, counter in shared.items() if counter is not None}
        sources = {location.metadata.name: ReportSource.INVENTORY for location in seen}
        sources |= {location.metadata.name: ReportSource.RECORDINGS for location, _ in denied}
        failures, stop = report.status.failures, self._stop_now_and_then
        counter = DownloadCounter(
            stores=self._stores, usage=usage, scope=scope, window=window, failures=failures, stop=stop
        )
        downloads = counter.count(seen, tallies)
        counted = CountResult(
            at=now, usage=usage, recordings=tally, sources=sources, scope=scope.mark, downloads=downloads.sources
        )
        status = refreshed(report.status, counted, terms, budget=spec.budget)
        restarts = starts_again(report.status, now=now, scope=scope.mark)
        so = [*counted_so(usage, shared, account_restarts=restarts), *downloads.notes]
        left_out = not_counted([location for location, _ in stores], [location for location, _ in denied], usage)
        status = status.model_copy(update={"notes": tuple([*left_out, *so][:MOST_NOTES])})
        return RefreshResult(status=status, message=_message(status, denied, so))

    # Prices

    def _locations(self) -> list[StorageLocation]:
        locations = []
        for raw in self._kube.list_locations():
            try:
                locations.append(StorageLocation.model_validate(raw))
            except ValidationError:
                name = raw["metadata"]["name"]
                raise RefreshError(Reason.INTERNAL_ERROR, f"StorageLocation {name} cannot be read.") from None
        return sorted(locations, key=lambda location: location.metadata.name)

    def _terms(self, report: StorageReport, locations: Iterable[StorageLocation]) -> CostTerms:
        own = report.spec.prices
        prices: dict[str, LocationPrices] = {}
        for location in locations:
            given = location.spec.prices
            name = own.profile or given.profile
            entries = self._config_map(location.metadata.name, given.config_map) if given.config_map else None
            profile = overridden(
                find_profile(name, config_map=entries, config_map_name=given.config_map or ""),
                per_gb_month=own.storage_per_gb_month,
                per_gb_out=own.download_per_gb,
            )
            prices[location.metadata.name] = LocationPrices(group=f"{given.config_map or ''}/{name}", profile=profile)
        playback = report.spec.playback
        return CostTerms(prices=prices, playback_ratio=playback.ratio, playback_base=playback.base)

    def _config_map(self, location: str, name: str) -> dict[str, str]:
        try:
            return self._kube.read_config_map(self._namespace, name)
        except NotFound:
            raise PriceError(
                f"StorageLocation {location} names ConfigMap {name}, which does not exist in {self._namespace}."
            ) from None
        except Forbidden:
            raise PriceError(
                f"The operator may not read ConfigMap {name}, which StorageLocation {location} names, in its namespace "
                f"{self._namespace}. Grant it get."
            ) from None

    # Counting

    def _listable(
        self, locations: Iterable[StorageLocation]
    ) -> tuple[list[tuple[StorageLocation, LocationStore]], list[tuple[StorageLocation, str]]]:
        """Which buckets can be listed, and why the others cannot. Raises RefreshError for temporary errors."""
        listable, denied = [], []
        for location in locations:
            name = location.metadata.name
            try:
                store = self._stores.store(location)
                store.may_list(location.store.prefix)
                listable.append((location, store))
            except StoreError as error:
                if error.location_reason not in NOT_PERMITTED:
                    raise RefreshError(Reason.REFRESH_FAILED, f"StorageLocation {name}: {error.message}") from None
                denied.append((location, error.message))
            except LocationError as error:
                reason = _ready_reason(location)
                if reason not in NOT_PERMITTED:
                    raise RefreshError(Reason.REFRESH_FAILED, f"StorageLocation {name}: {error.message}") from None
                denied.append((location, f"the location is not ready ({reason})"))
        return listable, denied

    def _count_recordings(
        self, tally: RecordingTally, usage: Usage, denied: dict[str, StorageLocation], terms: CostTerms
    ) -> None:
        for number, raw in enumerate(self._kube.list_recordings()):
            self._stop_now_and_then(number)
            location = denied.get(str(raw["spec"].get("storageLocation"))) if tally.add(raw) else None
            if location is not None:
                profile = terms.prices[location.metadata.name].profile
                storage_class = location.store.storage_class
                add_recording(usage, raw, storage_class=storage_class, profile=profile, window=tally.window)

    def _tallies(
        self,
        usage: Usage,
        locations: Iterable[StorageLocation],
        stores: Mapping[str, LocationStore],
        key_spaces: KeySpaces,
        *,
        terms: CostTerms,
        tally: RecordingTally,
    ) -> dict[str, LocationTally]:
        """The tally of each location, including those of which only downloads can be counted."""
        lookups = {name: OwnerLookup(store).org for name, store in stores.items()}
        return {
            location.metadata.name: LocationTally(
                usage,
                location=location.metadata.name,
                prefix=location.store.prefix,
                key_template=location.spec.key_template,
                claims=key_spaces.claims_on(location),
                profile=terms.prices[location.metadata.name].profile,
                index=tally.index,
                scope=tally.scope,
                window=tally.window,
                org_of=lookups.get(location.metadata.name),
            )
            for location in locations
        }

    def _count_bucket(
        self, usage: Usage, counting: LocationTally, location: StorageLocation, store: LocationStore
    ) -> None:
        name = location.metadata.name
        try:
            for number, found in enumerate(store.objects(location.store.prefix)):
                self._stop_now_and_then(number)
                counting.add(
                    found.key,
                    size_bytes=found.size_bytes,
                    storage_class=found.storage_class,
                    last_modified=found.last_modified,
                    etag=found.etag,
                )
            counting.was_listed()
            self._count_open_uploads(usage, counting, store, location)
        except TransferError as error:
            raise RefreshError(Reason.REFRESH_FAILED, f"StorageLocation {name}: {error.message}") from None

    def _count_open_uploads(
        self, usage: Usage, counting: LocationTally, store: LocationStore, location: StorageLocation
    ) -> None:
        """Count open uploads. Their listing contains no sizes, so the parts of each are listed, up to a limit."""
        for number, upload in enumerate(store.uploads(location.store.prefix)):
            self._stop_now_and_then(0)
            if number == MOST_SIZED_UPLOADS:
                extra = {"location": location.metadata.name}
                _logger.warning(
                    "More than %d open uploads; the others are not counted", MOST_SIZED_UPLOADS, extra=extra
                )
                usage.unsized_uploads.add(location.metadata.name)
                return
            try:
                listed = store.list_parts(upload.key, upload.upload_id)
            except TransferError as error:
                if error.reason is Reason.STORE_UPLOAD_LOST:
                    continue  # the upload was completed or aborted meanwhile
                raise
            storage_class = location.store.storage_class
            begun = upload.initiated_at
            parts = [OpenPart(part.size_bytes, max(begun, part.uploaded_at or begun)) for part in listed]
            counting.add_incomplete(upload.key, parts=parts, storage_class=storage_class)

    def _stop_now_and_then(self, number: int = 0) -> None:
        if number % _STOP_EVERY == 0 and self._stopping():
            raise RefreshStopped


def _ready_reason(location: StorageLocation) -> Reason | None:
    ready = location.ready_condition
    return Reason(ready.reason) if ready is not None and ready.reason in set(Reason) else None


def _message(status: StorageReportStatus, denied: Iterable[tuple[StorageLocation, str]], notes: Iterable[str]) -> str:
    totals = status.totals
    sentences = []
    if totals is not None:
        sentences.append(f"{totals.objects} objects of {totals.recordings} Recordings were counted.")
    sentences += (
        f"{location.metadata.name} was counted from its Recordings, because its bucket may not be listed: "
        f"{why.rstrip('.')}."
        for location, why in denied
    )
    sentences += notes
    if status.unpriced:
        sentences.append(f"Usage without a price is not included in any cost: {', '.join(status.unpriced)}.")
    return " ".join(sentences)
