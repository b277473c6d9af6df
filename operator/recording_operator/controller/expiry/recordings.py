"""Recordings in Kubernetes whose objects have expired. The sweep of finished Recordings reports those that are due.

Only they cost requests to the store: a HEAD for each object, or a deletion. docs/decisions/expired-objects.md.
"""

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import ValidationError

from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_lifecycle import EnforcedBy
from recording_operator.controller.expiry.objects import delete_all, is_gone, message_about
from recording_operator.controller.identities import IdentityRejectedError, confirm
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.engine.facts import Fact, ObjectsExpired
from recording_operator.engine.former import former_of
from recording_operator.engine.identity import recording_uid
from recording_operator.engine.manifest import manifest_key
from recording_operator.engine.placement import key_of
from recording_operator.engine.settled import is_finished
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.lifecycle.expiry import enforcer, expires_at, is_looked_for
from recording_operator.log_throttle import LogThrottle
from recording_operator.metrics import Metrics
from recording_operator.stores.location_store import LocationStore

PER_TURN: Final = 5
"""A turn comes each second."""
MOST_DUE: Final = 20_000
"""More are left to the next sweep: about 5 MB."""
_logger = logging.getLogger(__name__)


class _Due(NamedTuple):
    namespace: str
    name: str
    uid: str
    location: str


class ExpiredRecordings:
    """Looks at the Recordings that are due, a few in each turn, and posts what has expired to the engine.

    A sweep calls `begin`, and `consider` for each finished Recording.
    """

    def __init__(
        self,
        *,
        kube: KubeApi,
        locations: LocationKeeper,
        post: Callable[[Fact], None],
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._kube = kube
        self._locations = locations
        self._post = post
        self._metrics = metrics
        self._now = now
        self._due: deque[_Due] = deque()
        self._since: dict[str, datetime] = {}
        """By location: when the last sweep began after which nothing was left."""
        self._began = now()
        self._left: set[str] = set()
        """Locations at which this sweep leaves something to the next one, because there is too much."""
        self._failing: set[str] = set()
        """Locations whose store failed during this sweep."""
        self._throttle = LogThrottle()

    def begin(self) -> None:
        """A sweep begins."""
        self._due.clear()
        self._left, self._failing = set(), set()
        self._began = self._now()

    def consider(self, recording: Recording) -> None:
        """Remember a finished Recording, if objects of it have expired."""
        found = self._locations.ready(recording.location or "")
        if found is None or not self._expired_names(recording, found[0]):
            return
        meta, name = recording.metadata, found[0].metadata.name
        if len(self._due) < MOST_DUE:
            self._due.append(_Due(meta.namespace, meta.name, meta.uid, name))
        else:
            self._left.add(name)

    def turn(self) -> None:
        """Look at the next few. Raises KubeError; the Recording stays due then."""
        for _ in range(PER_TURN):
            if not self._due:
                return
            due = self._due[0]
            try:
                if due.location not in self._failing:
                    self._look(due)
            except (TransferError, LocationError) as error:
                self._failing.add(due.location)
                level = self._throttle.level(due.location)
                extra = {"location": due.location}
                _logger.log(level, "Expired objects could not be checked: %s", error.message, extra=extra)
            self._due.popleft()
            if not self._due:
                names = {location.metadata.name for location, _ in self._locations.locations()}
                self._since.update(dict.fromkeys(names - self._left - self._failing, self._began))

    def _look(self, due: _Due) -> None:
        recording, found = self._read(due), self._locations.ready(due.location)
        if recording is None or found is None or recording.location != due.location:
            return
        location, store = found
        by = enforcer(location)
        names = self._expired_names(recording, location)
        if by is None or not names:
            return
        is_owner = _is_owner(recording, location, store)
        deletes = EnforcedBy.BUCKET if not is_owner else by
        gone = frozenset(name for name in names if self._is_gone(recording, name, location, store, deletes))
        if not gone:
            return
        stored = {state.name for state in recording.status.artifacts if state.is_stored}
        if stored <= gone and is_owner:
            _delete_manifest(store, manifest_key(recording, location), uid=recording_uid(recording), by=by)
        self._metrics.objects_expired(len(gone), enforced_by=by)
        message = message_about(by, self._now())
        self._post(ObjectsExpired(recording=recording, artifacts=gone, message=message))

    def _read(self, due: _Due) -> Recording | None:
        """Its newest version; None if it is gone, or something is left to do for it first."""
        try:
            recording = Recording.model_validate(self._kube.get_recording(due.namespace, due.name))
        except (NotFound, ValidationError):
            return None
        return recording if recording.metadata.uid == due.uid else None

    def _expired_names(self, recording: Recording, location: StorageLocation) -> list[str]:
        """The stored artifacts that have expired, and whose objects are due to be looked for."""
        by, ended_at, status = enforcer(location), recording.status.completed_at, recording.status
        is_there = status.bucket in (None, location.store.bucket)
        ends = recording.metadata.deletion_timestamp is not None
        # One that waits to be moved expires too: its owner could put that off for ever.
        if by is None or ended_at is None or ends or not (is_there and is_finished(recording)):
            return []
        since, now, names = self._since.get(location.metadata.name), self._now(), []
        specified = {artifact.name for artifact in recording.spec.artifacts}
        for state in status.artifacts:
            if not state.is_stored or state.name not in specified:
                continue
            expired_at = expires_at(location, key_of(recording, state.name, location), ended_at=ended_at)
            if expired_at is not None and is_looked_for(expired_at, by, since=since, now=now):
                names.append(state.name)
        return names

    def _is_gone(
        self, recording: Recording, name: str, location: StorageLocation, store: LocationStore, by: EnforcedBy
    ) -> bool:
        state = next(one for one in recording.status.artifacts if one.name == name)
        key, uid = key_of(recording, name, location), recording_uid(recording)
        return is_gone(store, key, version_id=state.version_id, uid=uid, by=by)


def _is_owner(recording: Recording, location: StorageLocation, store: LocationStore) -> bool:
    """Whether the objects are those of this Recording. If it was rebuilt, the store has to confirm it.

    Otherwise nothing is deleted, but objects that are gone are gone: the manifest may have been deleted with them.
    """
    former = former_of(recording, location)
    if former is None:
        return True
    try:
        confirm(store, former)
    except IdentityRejectedError:
        return False
    return True


def _delete_manifest(store: LocationStore, key: str, *, uid: str, by: EnforcedBy) -> None:
    """Delete the manifest of objects that are gone. Where the bucket deletes, the operator may lack the permission."""
    try:
        delete_all(store, key, uid=uid)
    except TransferError as error:
        if by is EnforcedBy.OPERATOR:
            raise
        _logger.info("The manifest of expired objects was not deleted: %s", error.message, extra={"uid": uid})
