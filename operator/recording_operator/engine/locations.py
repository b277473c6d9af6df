"""StorageLocations and the labels of namespaces: whether a Recording may be stored there now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import RetryPolicy, StorageLocation
from recording_operator.engine.actions import Action, ProbeLocation, ReadNamespace
from recording_operator.engine.facts import Affects, LocationGone, LocationSeen, LocationsListed, NamespaceSeen
from recording_operator.engine.imports import source_locations
from recording_operator.engine.next_step import Obstacle
from recording_operator.engine.permissions import admits
from recording_operator.engine.placement import location_name
from recording_operator.engine.queue import LaneLimits

LABELS_GOOD_FOR: Final = timedelta(seconds=60)

LocationFact = LocationSeen | LocationGone | LocationsListed | NamespaceSeen


@dataclass(slots=True)
class _Labels:
    values: dict[str, str] | None = None
    read_at: datetime | None = None
    requested: bool = False


class Locations:
    """The newest version of every location, and the labels of the namespaces that had to be read."""

    def __init__(self) -> None:
        self._seen: dict[str, LocationSeen] = {}
        self._labels: dict[str, _Labels] = {}
        self._rechecking: set[str] = set()
        self._rechecked_for_deletion_at: dict[str, datetime] = {}
        self._reported_faults: dict[str, Reason] = {}
        self._all_listed = False
        self.limits: dict[str, LaneLimits] = {}

    def observe(self, fact: LocationFact, now: datetime) -> Affects:
        """Note a fact. Returns which Recordings it may concern."""
        match fact:
            case LocationSeen(location=location):
                name = location.metadata.name
                if self._is_unchanged(fact):
                    return lambda _recording, _location: False
                takes = self._weight(name) > 0 or location.spec.placement.weight > 0
                self._seen[name] = fact
                self._rechecking.discard(name)
                limits = location.spec.limits
                self.limits[name] = LaneLimits(
                    location=limits.concurrent_uploads, namespace_at_location=limits.per_namespace
                )
                return lambda recording, at: (
                    at == name or (takes and location_name(recording) is None) or name in source_locations(recording)
                )
            case LocationGone(name=gone):
                took = self._weight(gone) > 0
                for memory in (self._seen, self.limits, self._rechecked_for_deletion_at, self._reported_faults):
                    memory.pop(gone, None)
                return lambda recording, at: (
                    at == gone or (took and location_name(recording) is None) or gone in source_locations(recording)
                )
            case LocationsListed():
                self._all_listed = True
                return lambda recording, at: (
                    at is None
                    or at not in self._seen
                    or any(name not in self._seen for name in source_locations(recording))
                )
            case NamespaceSeen(namespace=namespace, labels=labels):
                self._labels[namespace] = _Labels(values=labels, read_at=now)
                return lambda recording, _: recording.metadata.namespace == namespace

    def _weight(self, name: str) -> int:
        location = self.get(name)
        return location.spec.placement.weight if location else 0

    def _is_unchanged(self, fact: LocationSeen) -> bool:
        """Whether the probe has the same result as the last one, so that waiting Recordings are not affected."""
        name = fact.location.metadata.name
        before = self._seen.get(name)
        return (
            before is not None
            and name not in self._rechecking
            and (before.ready, before.message, before.checked) == (fact.ready, fact.message, fact.checked)
            and before.reason is fact.reason
            and before.location.spec == fact.location.spec
        )

    def get(self, name: str | None) -> StorageLocation | None:
        """The location as last seen, ready or not; None if there is none with this name."""
        seen = self._seen.get(name or "")
        return seen.location if seen else None

    def retry_policy(self, name: str | None) -> RetryPolicy:
        """The location's retry rules; the default ones while it is not known."""
        location = self.get(name)
        return RetryPolicy() if location is None else location.spec.retry

    def recheck(self, name: str | None) -> list[Action]:
        """A transfer failed because of the location: nothing starts there until the location has been probed again."""
        if name is None or name in self._rechecking or name not in self._seen:
            return []
        self._rechecking.add(name)
        return [ProbeLocation(name=name)]

    def recheck_after_deletion(self, name: str | None, now: datetime, *, every: timedelta) -> list[Action]:
        """A deletion failed because of the location: probe it again, at most once in `every`."""
        seen, last = self._seen.get(name or ""), self._rechecked_for_deletion_at.get(name or "")
        if name is None or seen is None or not seen.ready or (last is not None and now - last < every):
            return []
        self._rechecked_for_deletion_at[name] = now
        return self.recheck(name)

    def fault(self, name: str | None) -> tuple[Reason, str] | None:
        """The fault that the newest check of the location found; None if it works or is being checked."""
        seen = self._seen.get(name or "")
        if seen is None or seen.ready or not seen.checked or name in self._rechecking:
            return None
        return seen.reason or Reason.LOCATION_NOT_READY, f"StorageLocation {name} is not ready: {seen.message}"

    def works(self, name: str | None) -> bool | None:
        """Whether the newest check of the location found no fault; None while it is being checked."""
        seen = self._seen.get(name or "")
        if seen is None or not seen.checked or name in self._rechecking:
            return None
        return seen.ready

    def missing(self, name: str | None) -> bool:
        """Whether the location certainly does not exist."""
        return self._all_listed and name not in self._seen

    def differs_from_last_report(self, name: str, reason: Reason) -> bool:
        """Whether the reason differs from the last one that was reported about deletions at the location. Notes it."""
        before, self._reported_faults[name] = self._reported_faults.get(name), reason
        return before is not reason

    def deletion_works(self, name: str | None) -> None:
        """Objects were deleted there: a later fault is reported again."""
        self._reported_faults.pop(name or "", None)

    @property
    def all_listed(self) -> bool:
        """Whether every location has been seen once."""
        return self._all_listed

    def weights(self) -> Iterator[tuple[str, int]]:
        """The locations that take Recordings which name none, and their weights."""
        for name, seen in self._seen.items():
            if (weight := seen.location.spec.placement.weight) > 0:
                yield name, weight

    def obstacle(self, namespace: str, name: str, now: datetime) -> tuple[Obstacle | None, list[Action]]:
        """What keeps a Recording in the namespace from the location, and the actions that find out more."""
        seen = self._seen.get(name)
        if seen is None:
            message = f"StorageLocation {name} does not exist. The Recording waits until it does."
            return (Obstacle(reason=Reason.LOCATION_NOT_FOUND, message=message), []) if self._all_listed else _UNKNOWN
        labels = self._labels.setdefault(namespace, _Labels())
        fresh = labels.read_at is not None and timedelta(0) <= now - labels.read_at < LABELS_GOOD_FOR
        allowed = admits(
            seen.location.spec.allowed_namespaces, namespace=namespace, labels=labels.values if fresh else None
        )
        if allowed is None:
            if labels.requested:
                return _UNKNOWN
            labels.requested = True
            return Obstacle(reason=None), [ReadNamespace(namespace=namespace)]
        if not allowed:
            denied = f"StorageLocation {name} does not admit namespace {namespace}"
            message = f"{denied}. Ask its owner to add it to spec.allowedNamespaces."
            return Obstacle(reason=Reason.LOCATION_NOT_ALLOWED, message=message), []
        if name in self._rechecking or not seen.checked:
            return _UNKNOWN
        if not seen.ready:
            message = f"StorageLocation {name} is not ready: {seen.message}"
            return Obstacle(reason=Reason.LOCATION_NOT_READY, message=message), []
        return None, []

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        for labels in self._labels.values():
            labels.read_at = labels.read_at + by if labels.read_at else None
        for name, at in self._rechecked_for_deletion_at.items():
            self._rechecked_for_deletion_at[name] = at + by

    def recheck_at(self, namespace: str, now: datetime) -> datetime | None:
        """When the labels that deny Recordings in the namespace have to be read again; None if there are none."""
        labels = self._labels.get(namespace)
        until = labels.read_at + LABELS_GOOD_FOR if labels and labels.read_at else None
        return min(until, now + LABELS_GOOD_FOR) if until is not None and until > now else None


_UNKNOWN: Final[tuple[Obstacle, list[Action]]] = (Obstacle(reason=None), [])
