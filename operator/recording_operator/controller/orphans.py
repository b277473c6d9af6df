"""Orphans of StorageLocations: reported after each count, and deleted where the location says so."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from recording_operator.api.keytemplate import key_pattern, manifest_patterns
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_orphans import OrphanAction, OrphansStatus
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.controller.manifests import own_manifest_keys
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.metrics import Metrics
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.orphans import OrphanFinder, OrphanGroup
from recording_operator.usage.owners import KeyClaim, KeySpaces, RecordingIndex
from recording_operator.usage.recordings import claimed_uids
from recording_operator.usage.sample import UsageSample

SWEEP_EVERY: Final = timedelta(hours=24)
FIRST_AFTER: Final = timedelta(minutes=30)
"""After a start, so that a cluster that is being set up deletes nothing at once."""
_logger = logging.getLogger(__name__)


class OrphanReports:
    """Writes the orphans of a usage sample into the status of its location and into the metrics."""

    def __init__(self, *, status: LocationStatusWriter, metrics: Metrics) -> None:
        self._status = status
        self._metrics = metrics

    def counted(self, location: StorageLocation, sample: UsageSample) -> None:
        """The location was counted, or its newest sample was read."""
        name = location.metadata.name
        self._metrics.set_location_counted(name, sample.at)
        self._metrics.set_location_orphans(name, sample.orphaned_bytes)
        found = OrphansStatus(
            objects=sample.orphaned_objects, bytes=sample.orphaned_bytes, counted_time=sample.at.replace(microsecond=0)
        )
        self._status.write_orphans(location, found)

    def gone(self, location: str) -> None:
        """The location was deleted."""
        self._metrics.set_location_counted(location, None)
        self._metrics.set_location_orphans(location, None)


class OrphanSweep:
    """Deletes orphans of locations with `orphans.action: Delete`, once a day.

    Nothing is deleted if a Recording could not be listed, or if another cluster owns the prefix.
    """

    def __init__(
        self,
        *,
        kube: KubeApi,
        locations: LocationKeeper,
        cluster_id: str,
        leads: Callable[[], bool],
        now: Callable[[], datetime],
        uptime: Callable[[], datetime],
    ) -> None:
        self._kube = kube
        self._locations = locations
        self._cluster_id = cluster_id
        self._leads = leads
        self._now = now
        self._uptime = uptime
        self._due = uptime() + FIRST_AFTER

    def turn(self) -> None:
        """Sweep if it is due. Raises KubeError."""
        if self._uptime() < self._due:
            return
        self.sweep()
        self._due = self._uptime() + SWEEP_EVERY

    def sweep(self) -> None:
        """Sweep all locations that want it. Raises KubeError."""
        wanted = [
            (location, store)
            for location, store in self._locations.locations()
            if location.spec.orphans.action is OrphanAction.DELETE and location.spec.manifest.enabled
        ]
        if not wanted:
            return
        everywhere = self._all_locations()
        if everywhere is None:
            return
        for location, store in wanted:
            claims = KeySpaces([location], everywhere).others_on(location)
            try:
                self._sweep(location, store, claims)
            except (TransferError, LocationError) as error:
                extra = {"location": location.metadata.name}
                _logger.warning("Orphans could not be deleted: %s", error.message, extra=extra)

    def _all_locations(self) -> list[StorageLocation] | None:
        """All locations, to know whose keys are theirs; None if one cannot be read."""
        try:
            return [StorageLocation.model_validate(raw) for raw in self._kube.list_locations()]
        except ValidationError:
            _logger.error("A StorageLocation cannot be read, so no orphans are deleted")
            return None

    def _sweep(self, location: StorageLocation, store: LocationStore, claims: tuple[KeyClaim, ...]) -> None:
        extra = {"location": location.metadata.name}
        if store.claim_prefix(self._cluster_id) != self._cluster_id:
            _logger.warning("The prefix belongs to another cluster. Orphans there are not deleted", extra=extra)
            return
        prefix, template = location.store.prefix, location.spec.key_template
        own = key_pattern(prefix=prefix, template=template)
        patterns = (*((own,) if own else ()), *manifest_patterns(prefix=prefix, template=template))
        oldest = self._now() - location.spec.orphans.older_than
        removal = _OrphanRemoval(store, oldest=oldest, leads=self._leads)
        finder = OrphanFinder(removal.remove, keeps_keys=True)
        for at in own_manifest_keys(store, location):
            finder.describe(at.uid)
        known = self._recordings()
        for found in store.objects(prefix):
            if any(claim.holds(found.key) for claim in claims):
                continue
            match = next((one for pattern in patterns if (one := pattern.fullmatch(found.key))), None)
            if match is None or known.owner(match["uid"])[2]:
                continue
            finder.add(match["uid"], found.key, size_bytes=found.size_bytes, last_modified=found.last_modified)
        finder.end()
        if removal.deleted or removal.protected:
            _logger.warning(
                "Deleted %d orphaned objects; %d are protected from deletion",
                removal.deleted,
                removal.protected,
                extra=extra,
            )

    def _recordings(self) -> RecordingIndex:
        """All uids that a Recording has or claims. Raises KubeError if not all could be listed."""
        known = RecordingIndex()
        for raw in self._kube.list_recordings():
            for uid in claimed_uids(raw):
                known.add(uid, org="", namespace="")
        return known


class _OrphanRemoval:
    """Deletes the objects of groups that are old enough."""

    def __init__(self, store: LocationStore, *, oldest: datetime, leads: Callable[[], bool]) -> None:
        self._store = store
        self._oldest = oldest
        self._leads = leads
        self.deleted = 0
        self.protected = 0

    def remove(self, group: OrphanGroup) -> None:
        """Delete exactly the listed objects, if all are old. The store keeps those whose metadata name another uid."""
        if group.newest is None or group.newest > self._oldest:
            return
        for key in group.keys:
            head = self._store.head(key)
            if head is None or not self._leads():
                continue
            try:
                version = head.stored.version_id
                self.deleted += self._store.delete(key, version_id=version, recording_uid=group.uid)
            except TransferError as error:
                if error.reason is not Reason.RETENTION_IN_FORCE:
                    raise
                self.protected += 1
