"""What has expired of Recordings that are no longer in Kubernetes, where the operator carries the rules out.

Their manifests say what was stored, and when. A manifest of a Recording in Kubernetes is left to it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

from recording_operator.api.names import MANIFEST_FILE
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_lifecycle import EnforcedBy
from recording_operator.controller.clock import uptime
from recording_operator.controller.expiry.objects import delete_all, is_gone
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.manifests import (
    ManifestKey,
    NoManifestError,
    has_own_keys,
    manifest_keys,
    read_manifest,
)
from recording_operator.engine.keys import uid_pattern
from recording_operator.engine.manifest import CONTENT_TYPE, Manifest, MissingArtifact, encode
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.lifecycle.expiry import abort_after, earliest_expiry, enforcer, expires_at
from recording_operator.metrics import Metrics
from recording_operator.stores.documents import DocumentOwner
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.recordings import claimed_uids, has_expired, location_of_recording

PER_TURN: Final = 5
"""A turn comes each second."""
_logger = logging.getLogger(__name__)


class _Candidate(NamedTuple):
    location: StorageLocation
    store: LocationStore
    at: ManifestKey


class ExpiredManifests:
    """Lists the manifests of such locations now and then, and handles those that are old enough, a few in each turn."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        locations: LocationKeeper,
        metrics: Metrics,
        cluster_id: str,
        every: timedelta,
        now: Callable[[], datetime],
        uptime: Callable[[], datetime] = uptime,
    ) -> None:
        self._kube = kube
        self._locations = locations
        self._metrics = metrics
        self._cluster_id = cluster_id
        self._every = every
        self._now = now
        self._uptime = uptime
        self._due = uptime()
        self._found: Iterator[_Candidate] | None = None

    def turn(self) -> None:
        """Handle the next few. Raises KubeError; the next turn continues after the manifest then."""
        if self._found is None:
            if self._uptime() < self._due:
                return
            self._found = self._candidates()
        handled = 0
        for candidate in islice(self._found, PER_TURN):
            handled += 1
            try:
                self._handle(candidate)
            except (TransferError, LocationError) as error:
                _log(candidate.location, error)
        if handled < PER_TURN:
            self._found, self._due = None, self._uptime() + self._every

    def _candidates(self) -> Iterator[_Candidate]:
        for location, store in self._locations.locations():
            if enforcer(location) is not EnforcedBy.OPERATOR:
                continue
            try:
                if store.claim_prefix(self._cluster_id) != self._cluster_id:
                    continue  # they may belong to Recordings of another cluster
                self._abort_uploads(location, store)
                for at in manifest_keys(store, location):
                    after = earliest_expiry(location, at.key)
                    if after is not None and at.last_modified is not None and at.last_modified + after <= self._now():
                        yield _Candidate(location, store, at)
            except (TransferError, LocationError) as error:
                _log(location, error)

    def _abort_uploads(self, location: StorageLocation, store: LocationStore) -> None:
        pattern = uid_pattern(prefix=location.store.prefix, template=location.spec.key_template)
        if pattern is None:
            return
        for upload in store.uploads(location.store.prefix):
            after = abort_after(location, upload.key) if pattern.fullmatch(upload.key) else None
            if after is not None and upload.initiated_at + after <= self._now():
                store.abort(upload.key, upload.upload_id)

    def _handle(self, candidate: _Candidate) -> None:
        location, store, at = candidate
        newest = self._locations.ready(location.metadata.name)
        if newest is None or newest[0].spec != location.spec or newest[0].metadata.uid != location.metadata.uid:
            return  # the rules may be others
        try:
            manifest = read_manifest(store, at)
        except NoManifestError:
            return
        is_here = manifest.storage_location == location.metadata.name and has_own_keys(manifest, location)
        expired = [one.name for one in manifest.artifacts if self._has_expired(manifest, one.key, location)]
        if not expired or not is_here or self._is_left_to_its_recording(manifest):
            return
        gone = {
            one.name
            for one in manifest.artifacts
            if one.name in expired
            and is_gone(store, one.key, version_id=one.version_id, uid=at.uid, by=EnforcedBy.OPERATOR)
        }
        if not gone:
            return
        self._metrics.objects_expired(len(gone), enforced_by=EnforcedBy.OPERATOR)
        if len(gone) == len(manifest.artifacts):
            delete_all(store, at.key, uid=at.uid)
        else:
            _write_rest(store, at, manifest, gone)

    def _has_expired(self, manifest: Manifest, key: str, location: StorageLocation) -> bool:
        if manifest.completed_at is None:
            return False
        expired_at = expires_at(location, key, ended_at=manifest.completed_at)
        return expired_at is not None and expired_at <= self._now()

    def _is_left_to_its_recording(self, manifest: Manifest) -> bool:
        """Whether its Recording is in Kubernetes, and looks after these objects.

        It does not if it was moved and left them here, also if it has expired elsewhere and returned since: its status
        names none of them.
        """
        try:
            raw = self._kube.get_recording(manifest.namespace, manifest.name)
        except NotFound:
            return False
        status = raw.get("status") or {}
        is_elsewhere = location_of_recording(raw) != manifest.storage_location
        names_none = status.get("phase") == Phase.COMPLETE and has_expired(status)
        was_moved = (is_elsewhere or names_none) and not status.get("move")
        return manifest.uid in claimed_uids(raw) and not was_moved


def _write_rest(store: LocationStore, at: ManifestKey, manifest: Manifest, gone: set[str]) -> None:
    """Write the manifest again, without the objects that are gone."""
    head = store.head(at.key)
    if head is None:
        return
    missing = tuple(
        MissingArtifact(name=one.name, kind=one.kind, optional=one.optional, reason=Reason.EXPIRED)
        for one in manifest.artifacts
        if one.name in gone
    )
    rest = manifest.model_copy(
        update={
            "artifacts": tuple(one for one in manifest.artifacts if one.name not in gone),
            "missing": (*manifest.missing, *missing),
        }
    )
    owner = DocumentOwner(recording_uid=at.uid, name=MANIFEST_FILE, org=manifest.owner.org)
    store.replace_document(at.key, encode(rest), CONTENT_TYPE, owner, if_match=head.stored.etag)


def _log(location: StorageLocation, error: TransferError | LocationError) -> None:
    extra = {"location": location.metadata.name}
    _logger.warning("Expired objects could not be deleted: %s", error.message, extra=extra)
