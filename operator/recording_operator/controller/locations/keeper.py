"""Owns the state of StorageLocations: their stores, when they are probed, and the results.

The engine receives facts about them. Bandwidth limits and metrics are added and removed together with a record.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.clock import uptime
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.locations.lifecycle import LifecycleApplier
from recording_operator.controller.locations.overlaps import overlapping
from recording_operator.controller.locations.prober import LocationProber
from recording_operator.controller.locations.record import LocationRecord, ProbeResult
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.engine.backoff import Backoff
from recording_operator.engine.facts import Fact, LocationGone, LocationSeen, LocationsListed
from recording_operator.errors import LocationError
from recording_operator.metrics import Metrics
from recording_operator.stores.location_store import LocationStore

_LEAST_TIME_BETWEEN_RECHECKS: Final = timedelta(seconds=10)
_logger = logging.getLogger(__name__)


class LocationKeeper:
    """Keeps all StorageLocations. Thread-safe. Probes run in `pool`."""

    def __init__(
        self,
        *,
        prober: LocationProber,
        lifecycle: LifecycleApplier,
        status: LocationStatusWriter,
        post: Callable[[Fact], None],
        pool: Executor,
        metrics: Metrics,
        bandwidth: BandwidthLimits,
        probe_interval: timedelta,
        retry_interval: timedelta,
        uptime: Callable[[], datetime] = uptime,
    ) -> None:
        self._prober = prober
        self._lifecycle = lifecycle
        self._status = status
        self._post = post
        self._pool = pool
        self._metrics = metrics
        self._bandwidth = bandwidth
        self._probe_interval = probe_interval
        self._retry_interval = retry_interval
        self._uptime = uptime
        self._records: dict[str, LocationRecord] = {}
        self._listed = False
        self._announced = False
        self._lock = threading.RLock()

    # Called by the watch

    def seen(self, raw: dict[str, Any]) -> None:
        """A StorageLocation was added or modified. Probe it if it is new or its spec has changed."""
        try:
            location = StorageLocation.model_validate(raw)
        except ValidationError:
            name = str(raw.get("metadata", {}).get("name"))
            _logger.error(
                "The StorageLocation cannot be read: its CRD has another version than the operator",
                extra={"location": name},
            )
            return
        name = location.metadata.name
        with self._lock:
            record = self._records.get(name)
            if record is not None and record.location.metadata.uid == location.metadata.uid:
                changed = record.location.metadata.generation != location.metadata.generation
                record.location = location
            elif record is not None and record.location.metadata.version > location.metadata.version:
                return  # an outdated event: a newer location has this name
            else:
                changed = True
                if record is not None:
                    self._bandwidth.gone(record.location)
                self._records[name] = LocationRecord(location=location)
                # Report now that it exists, so that Recordings created with it do not report LocationNotFound during
                # the check.
                self._post(LocationSeen(location=location, ready=False, checked=False))
            self._bandwidth.seen(location)
        if changed:
            self.probe(name)

    def gone(self, name: str, *, uid: str) -> None:
        """The StorageLocation was deleted. Running transfers keep their client.

        Events of two objects may arrive in any order, so there may already be another location with this name.
        """
        with self._lock:
            record = self._records.get(name)
            if record is None or record.location.metadata.uid != uid:
                return
            del self._records[name]
            self._bandwidth.gone(record.location)
            self._metrics.forget_location(name)
            self._post(LocationGone(name=name))
        self._announce()

    def listed(self, uids: frozenset[str]) -> None:
        """All StorageLocations were listed: those that are missing were deleted."""
        with self._lock:
            known = {name: record.location.metadata.uid for name, record in self._records.items()}
            self._listed = True
        for name, uid in known.items():
            if uid not in uids:
                self.gone(name, uid=uid)
        self._announce()

    # Clients

    def store(self, location: StorageLocation) -> LocationStore:
        """The client for a location, with the credentials of its last probe. Raises LocationError."""
        return self.store_named(location.metadata.name, uid=location.metadata.uid)

    def store_named(self, location: str, *, uid: str) -> LocationStore:
        """See `store`. A location that was created again with the same name may have another bucket."""
        with self._lock:
            record = self._records.get(location)
            if record is not None and record.store is not None and record.location.metadata.uid == uid:
                return record.store
        raise LocationError(Reason.LOCATION_NOT_READY, "The StorageLocation has not been checked yet.")

    @property
    def checked(self) -> bool:
        """Whether all locations that existed at start have been probed."""
        with self._lock:
            return self._announced

    def locations(self) -> list[tuple[StorageLocation, LocationStore]]:
        """All locations whose last probe succeeded."""
        with self._lock:
            return [
                (record.location, record.store)
                for record in self._records.values()
                if record.store is not None and record.result is not None and record.result.ready
            ]

    def ready(self, name: str) -> tuple[StorageLocation, LocationStore] | None:
        """The location with this name; None if its last probe did not succeed."""
        with self._lock:
            record = self._records.get(name)
            if record is None or record.store is None or record.result is None or not record.result.ready:
                return None
            return record.location, record.store

    # Probes

    def tick(self) -> None:
        """Probe what is due. Called about once a second."""
        now = self._uptime()
        with self._lock:
            due = [
                name
                for name, record in self._records.items()
                if record.next_probe is not None and record.next_probe <= now and not record.probing
            ]
        for name in due:
            self.probe(name)

    def recheck(self, name: str) -> None:
        """A transfer failed because of the location: probe it now, or later if it was just probed for the same reason.

        Otherwise, a fault that only transfers find would cause continuous probes.
        """
        now = self._uptime()
        with self._lock:
            record = self._records.get(name)
            if record is None:
                return
            retry_after = timedelta(seconds=record.store.retry_after_s if record.store is not None else 0.0)
            due = now + retry_after
            if record.rechecked_at is not None:
                due = max(due, record.rechecked_at + _LEAST_TIME_BETWEEN_RECHECKS)
            if due > now:
                record.next_probe = min(record.next_probe or due, due)
                return
            record.rechecked_at = now
        self.probe(name)

    def probe(self, name: str) -> None:
        """Probe a location now, or again after the running probe."""
        with self._lock:
            record = self._records.get(name)
            if record is None:
                return
            if record.probing:
                record.again = True
                return
            record.probing = True
        self._pool.submit(self._probe_and_report, name, record)

    def _probe_and_report(self, name: str, record: LocationRecord) -> None:
        while True:
            with self._lock:
                if self._records.get(name) is not record:
                    return
                record.again = False
                location = record.location
                older = overlapping(location, [one.location for one in self._records.values()])
            result = self._prober.probe(record, location) if older is None else _overlaps(older)
            with self._lock:
                if self._records.get(name) is not record:
                    return
                record.result = result
                record.next_probe = self._next_probe(record, result)
                if record.again:
                    continue
                # Under the lock, so that reports are in the same order as changes.
                self._report(location, result)
            self._announce()
            # After the report, because Recordings do not wait for lifecycle rules. The location is not probed
            # meanwhile, so that rules of an older spec are never written after those of a newer one.
            self._finish(location, record, result)
            with self._lock:
                record.probing = record.again
                if not record.probing:
                    return

    def _finish(self, location: StorageLocation, record: LocationRecord, result: ProbeResult) -> None:
        try:
            if result.ready and record.store is not None:
                result = replace(result, lifecycle=self._lifecycle.apply(location, record.store))
            self._status.write(location, result)
        except Exception:
            _logger.exception("A check failed with an unexpected error", extra={"location": location.metadata.name})

    def _next_probe(self, record: LocationRecord, result: ProbeResult) -> datetime:
        if result.ready:
            record.backoff = Backoff()
            return self._uptime() + self._probe_interval
        again = min(record.backoff.again(self._uptime()), self._uptime() + self._retry_interval)
        return max(again, self._uptime() + result.retry_after)

    def _report(self, location: StorageLocation, result: ProbeResult) -> None:
        name = location.metadata.name
        self._metrics.set_location_ready(name, ready=result.ready)
        self._post(LocationSeen(location=location, ready=result.ready, message=result.message, reason=result.reason))

    def _announce(self) -> None:
        """Report that all locations that existed at start have been probed: a missing one does not exist."""
        with self._lock:
            waiting = any(record.result is None for record in self._records.values())
            if self._announced or not self._listed or waiting:
                return
            self._announced = True
        self._post(LocationsListed())


def _overlaps(older: StorageLocation) -> ProbeResult:
    message = (
        f"spec.filesystem.path lies below the path of StorageLocation {older.metadata.name}, or contains it. Choose a "
        "path beside it, or the same path and another prefix."
    )
    return ProbeResult(reason=Reason.PATH_OVERLAPS, message=message)
