"""Applies `spec.lifecycle` of a StorageLocation to its bucket, at each check of the location.

If the store has no lifecycle configuration, or the spec says so, the operator carries the rules out itself:
controller/expiry.
"""

import logging
import threading
from collections import defaultdict
from typing import Final

from recording_operator.api.meta import ConditionStatus
from recording_operator.api.names import API_VERSION, STORAGE_LOCATION_KIND
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_lifecycle import EnforcedBy, Lifecycle
from recording_operator.controller.locations.record import LifecycleResult
from recording_operator.controller.recordings.announcements import EventPoster
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.events import EventType
from recording_operator.lifecycle.expiry import LIFECYCLE_APPLIED
from recording_operator.lifecycle.merge import Difference
from recording_operator.lifecycle.rules import bucket_rules, id_begin, not_by_operator, notes, unused
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore

_ACTION: Final = "ApplyLifecycle"
_logger = logging.getLogger(__name__)


class LifecycleApplier:
    """Keeps the rules in the buckets as the specs say. Safe for many threads: one at a time for each bucket."""

    def __init__(self, *, events: EventPoster) -> None:
        self._events = events
        self._buckets: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def apply(self, location: StorageLocation, store: LocationStore) -> LifecycleResult | None:
        """Apply the rules, or remove them if the spec has none any more. None if there is nothing to do.

        Without `spec.lifecycle` the bucket's configuration is not even read: it may need a permission that the
        credentials do not have.
        """
        wanted = location.spec.lifecycle is not None
        if not wanted and location.status.lifecycle is None and location.condition(LIFECYCLE_APPLIED) is None:
            return None
        try:
            with self._bucket_lock(location):
                result, found = self._apply(location, store)
        except (TransferError, LocationError) as error:
            reason = error.location_reason if isinstance(error, StoreError) else error.reason
            return self._failed(location, reason, error.message)
        except Exception as error:
            _logger.exception("Lifecycle rules: an unexpected error", extra={"location": location.metadata.name})
            message = f"Unexpected error in the operator ({type(error).__name__}). Its log has the details."
            return self._failed(location, Reason.INTERNAL_ERROR, message)
        self._announce(location, result, found)
        return result

    def _apply(self, location: StorageLocation, store: LocationStore) -> tuple[LifecycleResult, Difference]:
        wanted, before, rules = location.spec.lifecycle, location.status.lifecycle, bucket_rules(location)
        in_bucket = before is None or before.enforced_by is EnforcedBy.BUCKET
        if not rules and (not in_bucket or (wanted is not None and before is None)):
            return _without_bucket(location), Difference()
        try:
            done = store.apply_lifecycle(rules, own=id_begin(location))
        except StoreError as error:
            is_needed = wanted is not None and wanted.enforced_by is EnforcedBy.BUCKET
            if error.reason is not Reason.LIFECYCLE_UNSUPPORTED or is_needed:
                raise
            return _without_bucket(location, why=error.message), Difference()
        if not rules and wanted is not None:
            return _without_bucket(location), Difference()
        if wanted is None:
            message = "The rules of the location were removed from the bucket's lifecycle configuration."
            return LifecycleResult(reason=Reason.LIFECYCLE_REMOVED, message=message), done.found
        message = f"The bucket's lifecycle configuration has the {len(rules)} rules of the location"
        message += f", and {done.found.others} of others." if done.found.others else "."
        said = [message, *notes(location, keeps_versions=store.capabilities.versioning)]
        return (
            LifecycleResult(
                reason=Reason.LIFECYCLE_APPLIED,
                message=" ".join(said),
                rules=len(rules),
                written=done.written,
                enforced_by=EnforcedBy.BUCKET,
            ),
            done.found,
        )

    def _bucket_lock(self, location: StorageLocation) -> threading.Lock:
        with self._lock:
            return self._buckets[location.store.address, location.store.bucket]

    def _announce(self, location: StorageLocation, result: LifecycleResult, found: Difference) -> None:
        if result.removed:
            self._emit(location, result.reason, result.message, EventType.NORMAL)
        elif found.any and _was_applied(location):
            note = (
                f"Rules of the location in the bucket's lifecycle configuration were {found}. They were written again."
            )
            self._emit(location, Reason.LIFECYCLE_REPAIRED, note, EventType.WARNING)
        elif _changes(location, result.reason):
            self._emit(location, result.reason, result.message, EventType.NORMAL)

    def _failed(self, location: StorageLocation, reason: Reason, message: str) -> LifecycleResult:
        if _changes(location, reason):
            self._emit(location, reason, message, EventType.WARNING)
        return LifecycleResult(reason=reason, message=message)

    def _emit(self, location: StorageLocation, reason: Reason, note: str, event_type: EventType) -> None:
        meta = location.metadata
        regarding = {
            "apiVersion": API_VERSION,
            "kind": STORAGE_LOCATION_KIND,
            "metadata": {"name": meta.name, "uid": meta.uid},
        }
        self._events.emit(regarding, reason=reason, action=_ACTION, note=note, event_type=event_type)
        level = logging.INFO if event_type is EventType.NORMAL else logging.WARNING
        _logger.log(level, "%s: %s", reason, note, extra={"location": meta.name})


def _without_bucket(location: StorageLocation, *, why: str = "") -> LifecycleResult:
    """The result where the bucket has no rules: the operator carries them out."""
    lifecycle = location.spec.lifecycle
    if lifecycle is None:
        return LifecycleResult(reason=Reason.LIFECYCLE_REMOVED, message="The rules of the location were removed.")
    said = [why] if why else []
    said.append("The operator deletes expired objects and aborts old uploads itself.")
    left = not_by_operator(location)
    if left:
        said.append(f"Not carried out: {' and '.join(left)}, which only a bucket's lifecycle configuration can do.")
    return LifecycleResult(
        reason=Reason.LIFECYCLE_PARTLY_APPLIED if left else Reason.ENFORCED_BY_OPERATOR,
        message=" ".join([*said, *unused(location)]),
        rules=_carried_out(lifecycle),
        enforced_by=EnforcedBy.OPERATOR,
    )


def _carried_out(lifecycle: Lifecycle) -> int:
    """The number of rules of which the operator carries out something."""
    return sum(bool(rule.expire_after_days or rule.abort_incomplete_after_days) for rule in lifecycle.rules)


def _was_applied(location: StorageLocation) -> bool:
    """Whether the bucket had the rules of this generation at the last check."""
    before = location.condition(LIFECYCLE_APPLIED)
    if before is None or before.status is not ConditionStatus.TRUE:
        return False
    return before.observed_generation == location.metadata.generation


def _changes(location: StorageLocation, reason: Reason) -> bool:
    before = location.condition(LIFECYCLE_APPLIED)
    return before is None or before.reason != reason
