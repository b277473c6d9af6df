"""Writes the results of probes into the status of StorageLocations."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from recording_operator.api.meta import Condition, ConditionStatus, ObjectMeta
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation, StorageLocationStatus
from recording_operator.api.storagelocation_lifecycle import LifecycleStatus
from recording_operator.api.storagelocation_orphans import OrphansStatus
from recording_operator.controller.locations.record import LifecycleResult, ProbeResult
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, KubeError, NotFound
from recording_operator.kube.outage import level_of
from recording_operator.kube.status import merge_patch_between
from recording_operator.lifecycle.expiry import LIFECYCLE_APPLIED

_WRITE_TRIES: Final = 3
_logger = logging.getLogger(__name__)


class LocationStatusWriter:
    """Writes the status of StorageLocations. Safe for many threads."""

    def __init__(self, kube: KubeApi, *, now: Callable[[], datetime]) -> None:
        self._kube = kube
        self._now = now

    def write(self, probed: StorageLocation, result: ProbeResult) -> None:
        """Write the result of the last probe. An error is logged, and the next probe writes again.

        Nothing is written if the location was edited or created again since: it will be probed again.
        """
        name = probed.metadata.name
        for _ in range(_WRITE_TRIES):
            try:
                raw = self._kube.get_location(name)
                if _is_same(raw, probed):
                    self._patch(raw, result)
                return
            except Conflict:
                continue
            except NotFound:
                return
            except KubeError as error:
                _logger.log(level_of(error), "The status was not written: %s", error, extra={"location": name})
                return

    def write_orphans(self, location: StorageLocation, found: OrphansStatus) -> None:
        """Write what a count has found, if it differs. An error is logged, and the next count writes again."""
        if location.status.orphans == found:
            return
        for _ in range(_WRITE_TRIES):
            try:
                self._patch_orphans(location.metadata, found)
                return
            except Conflict:
                continue  # with a probe, for example
            except NotFound:
                return
            except KubeError as error:
                extra = {"location": location.metadata.name}
                _logger.log(level_of(error), "The orphans were not written: %s", error, extra=extra)
                return

    def _patch_orphans(self, meta: ObjectMeta, found: OrphansStatus) -> None:
        raw = self._kube.get_location(meta.name)
        wanted = found.model_dump(mode="json", by_alias=True)
        if raw["metadata"]["uid"] == meta.uid and (raw.get("status") or {}).get("orphans") != wanted:
            version = str(raw["metadata"]["resourceVersion"])
            self._kube.patch_location_status(meta.name, resource_version=version, status={"orphans": wanted})

    def _patch(self, raw: dict[str, Any], result: ProbeResult) -> None:
        location = StorageLocation.model_validate(raw)
        wanted = _status(location, result, self._now()).model_dump(mode="json", by_alias=True, exclude_none=True)
        patch = merge_patch_between(raw.get("status") or {}, wanted)
        if not patch:
            return
        meta = location.metadata
        self._kube.patch_location_status(meta.name, resource_version=meta.resource_version, status=patch)
        old = location.ready_condition
        if old is None or old.reason != result.reason:
            level = logging.INFO if result.ready else logging.WARNING
            _logger.log(level, "%s: %s", result.reason, result.message, extra={"location": meta.name})


def _is_same(raw: dict[str, Any], probed: StorageLocation) -> bool:
    meta = probed.metadata
    return (raw["metadata"]["uid"], raw["metadata"]["generation"]) == (meta.uid, meta.generation)


def _status(location: StorageLocation, result: ProbeResult, now: datetime) -> StorageLocationStatus:
    old = location.status
    generation = location.metadata.generation
    ready = _condition(location, "Ready", is_true=result.ready, reason=result.reason, message=result.message, now=now)
    status = old.model_copy(
        update={
            "observed_generation": generation,
            "conditions": _with(old.conditions, ready),
            "capabilities": result.capabilities.as_status() if result.capabilities else old.capabilities,
            "last_probe_time": now,
            "quotas": old.quotas if location.spec.quotas else (),
        }
    )
    return status if result.lifecycle is None else _with_lifecycle(location, status, result.lifecycle, now)


def _with_lifecycle(
    location: StorageLocation, status: StorageLocationStatus, result: LifecycleResult, now: datetime
) -> StorageLocationStatus:
    if result.removed:
        kept = tuple(one for one in status.conditions if one.type != LIFECYCLE_APPLIED)
        return status.model_copy(update={"conditions": kept, "lifecycle": None})
    condition = _condition(
        location, LIFECYCLE_APPLIED, is_true=result.applied, reason=result.reason, message=result.message, now=now
    )
    status = status.model_copy(update={"conditions": _with(status.conditions, condition)})
    if result.enforced_by is None:
        return status
    before = status.lifecycle
    is_new = result.written or before is None or before.enforced_by is not result.enforced_by
    lifecycle = LifecycleStatus(
        enforced_by=result.enforced_by,
        applied_time=now if is_new or before is None else before.applied_time,
        rules=result.rules,
    )
    return status.model_copy(update={"lifecycle": lifecycle})


def _with(conditions: tuple[Condition, ...], condition: Condition) -> tuple[Condition, ...]:
    """The conditions with this one in the place of that of its type."""
    if all(one.type != condition.type for one in conditions):
        return (*conditions, condition)
    return tuple(condition if one.type == condition.type else one for one in conditions)


def _condition(
    location: StorageLocation, kind: str, *, is_true: bool, reason: Reason, message: str, now: datetime
) -> Condition:
    status = ConditionStatus.TRUE if is_true else ConditionStatus.FALSE
    old = location.condition(kind)
    since = old.last_transition_time if old is not None and old.status is status else now
    return Condition(
        type=kind,
        status=status,
        observed_generation=location.metadata.generation,
        last_transition_time=since,
        reason=reason,
        message=message,
    )
