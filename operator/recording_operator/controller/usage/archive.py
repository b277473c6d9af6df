"""Where usage samples are kept: in the location's own store, or in a ConfigMap if the store cannot be used for them."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Protocol

from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.usage.configmap import KEEP_DAYS, ConfigMapSamples, config_map_name
from recording_operator.controller.usage.samples import LoadedFile, UsageSamples, load, unread
from recording_operator.controller.usage.store_files import FileCache, StoreFiles
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Forbidden
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.codec import encode, sample_name
from recording_operator.usage.months import CLOCKS_DIFFER, chain, expired
from recording_operator.usage.sample import UsageSample

_LASTING: Final = reasons_with(Trait.NEEDS_ADMINISTRATOR) | {Reason.WRONG_REGION, Reason.ENCRYPTION_KEY_NOT_USABLE}
"""Why a store cannot be used until a person changes it."""
_logger = logging.getLogger(__name__)


class LocationStores(Protocol):
    """Provides the stores of StorageLocations, like the LocationKeeper."""

    def store(self, location: StorageLocation) -> LocationStore:
        """The store of a location. Raises LocationError."""


class UsageArchive(Protocol):
    """Keeps usage samples.

    Every method may raise TransferError or LocationError if the store fails for now, and KubeError. A store that
    cannot be used until a person changes it is no error: see `notes`.
    """

    def samples(self, location: StorageLocation) -> UsageSamples:
        """The samples of a location that count now, in order, as they are kept. None overlap."""

    def keep(self, location: StorageLocation, sample: UsageSample) -> None:
        """Keep a sample. If there is one of the same second, that of another leader, it stays.

        Raises UsageFormatError if it is too large to be read again.
        """

    def compact(self, location: StorageLocation, now: datetime) -> None:
        """Put the samples of past days and months into one file each, and delete those that have expired."""

    def notes(self, location: StorageLocation) -> tuple[str, ...]:
        """What the last call of `samples` or `keep` found: sentences for a report."""


class LocationArchive:
    """Keeps samples in the location's store, else in a ConfigMap."""

    def __init__(
        self,
        *,
        stores: LocationStores,
        kube: KubeApi,
        operator_namespace: str,
        keep_months: int,
        now: Callable[[], datetime],
        on_forbidden: Callable[[Forbidden], object] = lambda _: None,
    ) -> None:
        """`on_forbidden`: the ConfigMaps of a location whose store can be used may not be read."""
        self._stores = stores
        self._config_maps = ConfigMapSamples(kube=kube, namespace=operator_namespace)
        self._namespace = operator_namespace
        self._keep_months = keep_months
        self._now = now
        self._on_forbidden = on_forbidden
        self._caches: dict[str, FileCache] = {}
        self._unreadable: dict[str, str] = {}
        self._unwritable: dict[str, str] = {}
        self._unread: dict[str, list[str]] = {}

    def samples(self, location: StorageLocation) -> UsageSamples:
        """As `UsageArchive` says."""
        name = location.metadata.name
        in_store, in_config_map = self._from_store(location), self._from_config_map(name)
        loaded = [*in_store, *in_config_map]
        if in_config_map and name not in self._unreadable:  # kept there by an earlier process
            self._unwritable.setdefault(name, "It could not be used at the last count.")
        now = self._now()
        old = set(expired([file.file for file in loaded], now, self._keep_months))
        entries = [entry for file in loaded if file.file not in old for entry in file.entries]
        self._unread[name] = list(unread(name, loaded))
        if any(entry.at > now + CLOCKS_DIFFER for entry in entries):
            self._unread[name].append(f"Usage samples of {name} with times in the future are left out.")
        return UsageSamples(chain(entries, until=now))

    def keep(self, location: StorageLocation, sample: UsageSample) -> None:
        """As `UsageArchive` says."""
        data = encode(sample)
        try:
            files = self._files(location)
            kept = files.create(sample_name(sample.location, sample.at), data)
        except (LocationError, TransferError) as error:
            if not _is_lasting(error, location, also={Reason.STORE_QUOTA}):
                raise
            self._falls_back(self._unwritable, location.metadata.name, error.message)
            self._config_maps.keep(sample)
            return
        self._unwritable.pop(location.metadata.name, None)
        if kept != data:
            extra = {"location": location.metadata.name}
            _logger.warning("Another operator has counted the location in the same second", extra=extra)
        self._move(location.metadata.name, files)

    def compact(self, location: StorageLocation, now: datetime) -> None:
        """As `UsageArchive` says."""
        try:
            self._files(location).compact(now, keep_months=self._keep_months)
        except (LocationError, TransferError) as error:
            if not _is_lasting(error, location):
                raise
            extra = {"location": location.metadata.name}
            _logger.warning("Usage samples could not be compacted: %s", error.message, extra=extra)

    def notes(self, location: StorageLocation) -> tuple[str, ...]:
        """As `UsageArchive` says."""
        name = location.metadata.name
        why = self._unwritable.get(name) or self._unreadable.get(name)
        in_config_map = [] if why is None else [self._fallback_note(name, why)]
        return (*in_config_map, *self._unread.get(name, ()))

    def _files(self, location: StorageLocation) -> StoreFiles:
        """Raises LocationError."""
        name = location.metadata.name
        cache = self._caches.setdefault(name, FileCache())
        return StoreFiles(self._stores.store(location), location=name, prefix=location.store.prefix, cache=cache)

    def _from_store(self, location: StorageLocation) -> list[LoadedFile]:
        name = location.metadata.name
        try:
            loaded = self._files(location).load()
        except (LocationError, TransferError) as error:
            if not _is_lasting(error, location):
                raise
            self._falls_back(self._unreadable, name, error.message)
            return []
        self._unreadable.pop(name, None)
        return loaded

    def _from_config_map(self, name: str) -> list[LoadedFile]:
        try:
            files = self._config_maps.files(name)
        except Forbidden as forbidden:
            if name in self._unreadable:
                raise
            self._on_forbidden(forbidden)
            return []  # the operator itself could not have written any
        return [load(file, data, location=name) for file, data in files.items()]

    def _move(self, name: str, files: StoreFiles) -> None:
        """Move samples from the ConfigMap to the store, now that it can be used."""
        try:
            found = self._config_maps.files(name)
        except Forbidden:
            return
        for file, data in found.items():
            files.create(file.name, data)
        if found:
            self._config_maps.clear(name)
            _logger.info("Usage samples were moved from a ConfigMap to the store", extra={"location": name})

    def _falls_back(self, kind: dict[str, str], name: str, why: str) -> None:
        if name not in kind:
            _logger.warning("Usage samples are kept in a ConfigMap: %s", why, extra={"location": name})
        kind[name] = why

    def _fallback_note(self, name: str, why: str) -> str:
        return (
            f"Usage samples of {name} are kept for {KEEP_DAYS} days in ConfigMap {config_map_name(name)} of namespace "
            f"{self._namespace}, because its store cannot be used for them: {why}"
        )


def _is_lasting(
    error: LocationError | TransferError, location: StorageLocation, *, also: Iterable[Reason] = ()
) -> bool:
    """Whether the store cannot be used until a person changes it."""
    reason = error.location_reason if isinstance(error, StoreError) else error.reason
    ready = location.ready_condition
    if isinstance(error, LocationError) and ready is not None and ready.reason in set(Reason):
        reason = Reason(ready.reason)
    return reason in _LASTING | set(also)
