"""Sweeps: they find edits made while no operator was running, what has expired, orphans and orphaned uploads."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.clock import uptime
from recording_operator.controller.expiry.sweep import ExpirySweep
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.loop import utc_now
from recording_operator.controller.orphans import OrphanSweep
from recording_operator.controller.recordings.unsettled import FINISHED, LEFT, UnsettledSweep
from recording_operator.engine.aftercare import lacks_manifest
from recording_operator.engine.facts import Fact, RecordingSeen
from recording_operator.engine.keys import uid_pattern
from recording_operator.engine.settled import was_changed
from recording_operator.engine.ttl_schedule import TtlSchedule
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import UNFINISHED, KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.kube.outage import level_of
from recording_operator.log_throttle import LogThrottle
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.store import OpenUpload
from recording_operator.usage.recordings import claimed_uids

_logger = logging.getLogger(__name__)
_REST_BETWEEN_SWEEPS: Final = timedelta(minutes=2)
_REST_AFTER_FAILURE: Final = timedelta(seconds=10)
# A parsed Recording takes about 20 KB. A page of them is most of the memory of a sweep.
_PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepIntervals:
    """How often to sweep, and the minimum age of an upload that is aborted."""

    finished: timedelta
    uploads: timedelta
    upload_min_age: timedelta


class Sweeper:
    """Finds what the watch does not show. `run_due` blocks: call it in a separate thread."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        locations: LocationKeeper,
        post: Callable[[Fact], None],
        intervals: SweepIntervals,
        default_ttl: timedelta,
        cluster_id: str,
        leads: Callable[[], bool],
        expired: ExpirySweep,
        orphans: OrphanSweep,
        now: Callable[[], datetime] = utc_now,
        uptime: Callable[[], datetime] = uptime,
    ) -> None:
        self._kube = kube
        self._locations = locations
        self._post = post
        self._intervals = intervals
        self._default_ttl = default_ttl
        self._cluster_id = cluster_id
        self._leads = leads
        self._orphans = orphans
        self._now = now
        self._uptime = uptime
        self._finished_due = uptime()
        self._uploads_due = uptime()
        self._not_before = uptime()
        self._missed = threading.Event()
        self._swept_at: datetime | None = None
        self._throttle = LogThrottle()
        self._expired = expired
        self._unsettled = UnsettledSweep(
            kube=kube,
            post=post,
            uptime=uptime,
            earlier_every=intervals.finished,
            lacks_manifest=self._lacks_manifest,
        )

    def sweep_soon(self) -> None:
        """The watch was interrupted, and its new list does not contain finished Recordings. Call it from any thread."""
        self._missed.set()

    def find_unsettled_soon(self) -> None:
        """An EventSink can be used again, and Recordings wait for that. Call it from any thread."""
        self._unsettled.find_left()

    def run_due(self) -> None:
        """Run the sweeps that are due. If the API server fails during a sweep, it is retried some seconds later."""
        if not self._leads():
            return
        self._unsettled.turn()
        if self._uptime() < self._not_before:
            return
        try:
            if self._uptime() >= self._finished_due or self._may_have_missed():
                self._missed.clear()
                self._finished_due = self._uptime()
                self.sweep_finished()
                self._swept_at = self._uptime()
                self._finished_due = self._swept_at + self._intervals.finished
            if self._uptime() >= self._uploads_due and self._locations.locations():
                self.sweep_uploads()
                self._uploads_due = self._uptime() + self._intervals.uploads
            self._expired.turn()
            self._orphans.turn()
        except KubeError as error:
            self._not_before = self._uptime() + _REST_AFTER_FAILURE
            _logger.log(self._throttle.level(type(error).__name__, level_of(error)), "A sweep was aborted: %s", error)

    def _may_have_missed(self) -> bool:
        """Whether there was a new list, and the last sweep was long enough ago. The watch may be interrupted often."""
        rested = self._swept_at is None or self._uptime() >= self._swept_at + _REST_BETWEEN_SWEEPS
        return self._missed.is_set() and rested

    def sweep_finished(self) -> None:
        """Report finished Recordings that were edited unnoticed, are being deleted, or end before the next one.

        Only one page is in memory."""
        near = TtlSchedule(default_ttl=self._default_ttl)
        self._expired.begin()
        for selector in FINISHED:
            for raw in self._kube.list_recordings(field_selector=selector, page_size=_PAGE):
                try:
                    recording = Recording.model_validate(raw)
                except ValidationError:
                    continue
                ends_at = near.ends_at(recording)
                ending = ends_at is not None and ends_at <= self._now() + self._intervals.finished * 1.2
                if ending or was_changed(recording):
                    self._post(RecordingSeen(recording=recording))
                elif self._lacks_manifest(recording):
                    self._unsettled.find_undescribed()
                self._expired.consider(recording)

    def _lacks_manifest(self, recording: Recording) -> bool:
        if recording.status.manifest_revision is not None:
            return False
        known = {location.metadata.name: location for location, _ in self._locations.locations()}
        return lacks_manifest(recording, known.get(recording.location or ""))

    def sweep_uploads(self) -> None:
        """Abort open uploads of Recordings that do not exist or have ended, under prefixes that this cluster owns."""
        for location, store in self._locations.locations():
            try:
                self._sweep_location(location, store)
            except (TransferError, LocationError) as error:
                extra = {"location": location.metadata.name}
                _logger.warning("Open uploads could not be listed: %s", error.message, extra=extra)

    def _sweep_location(self, location: StorageLocation, store: LocationStore) -> None:
        prefix = location.store.prefix
        pattern = uid_pattern(prefix=prefix, template=location.spec.key_template)
        if pattern is None:
            return
        oldest = self._now() - self._intervals.upload_min_age
        left_over: dict[str, list[OpenUpload]] = {}
        for upload in store.uploads(prefix):
            found = pattern.fullmatch(upload.key)
            if found is not None and upload.initiated_at <= oldest:
                left_over.setdefault(found["uid"], []).append(upload)
        if not left_over or not self._is_ours(location, store):
            return
        # List Recordings after uploads, because a Recording exists before its upload.
        # An unsettled one may be moving here.
        listed = (raw for selector in (UNFINISHED, LEFT) for raw in self._kube.list_recordings(field_selector=selector))
        live = {uid for raw in listed for uid in claimed_uids(raw)}
        for uid in left_over.keys() - live:
            for upload in left_over[uid]:
                if store.abort(upload.key, upload.upload_id):
                    extra = {"location": location.metadata.name, "uid": uid}
                    _logger.warning("Aborted an upload that belongs to no Recording", extra=extra)

    def _is_ours(self, location: StorageLocation, store: LocationStore) -> bool:
        """Whether this cluster owns the prefix. Otherwise, the uploads may belong to another cluster."""
        if store.claim_prefix(self._cluster_id) == self._cluster_id:
            return True
        extra = {"location": location.metadata.name}
        _logger.warning("The prefix belongs to another cluster. Orphaned uploads there are not aborted", extra=extra)
        return False
