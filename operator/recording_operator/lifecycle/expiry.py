"""When objects expire by the rules of a location, and who deletes them then."""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_lifecycle import EnforcedBy, LifecycleRule

LIFECYCLE_APPLIED: Final = "LifecycleApplied"
"""Type of the condition of a StorageLocation that says whether all its rules are carried out."""
_DAY: Final = timedelta(days=1)
_BUCKET_IS_LATE: Final = _DAY
"""S3 deletes at midnight after the last day, and lists what it deletes once a day."""


def enforcer(location: StorageLocation) -> EnforcedBy | None:
    """Who deletes what expires at the location: Bucket or Operator. None without rules, or if it is not known yet."""
    lifecycle, status = location.spec.lifecycle, location.status.lifecycle
    if lifecycle is None:
        return None
    if lifecycle.enforced_by is EnforcedBy.OPERATOR:
        return EnforcedBy.OPERATOR
    applied = location.condition(LIFECYCLE_APPLIED)
    if status is None or applied is None or applied.observed_generation != location.metadata.generation:
        return None
    return status.enforced_by


def expires_at(location: StorageLocation, key: str, *, ended_at: datetime) -> datetime | None:
    """When the object at the key expires whose Recording ended then; None for never."""
    days = [rule.expire_after_days for rule in _rules(location) if key.startswith(location.store.prefix + rule.prefix)]
    shortest = min((day for day in days if day is not None), default=None)
    return None if shortest is None else ended_at + timedelta(days=shortest)


def earliest_expiry(location: StorageLocation, manifest_key: str) -> timedelta | None:
    """After how long, at the earliest, an object expires that a manifest at this key can list; None for never."""
    base, folder = location.store.prefix, manifest_key.rpartition("/")[0] + "/"
    is_apart = folder.startswith(f"{base}{RESERVED_FOLDER}/")  # its objects may be anywhere below the prefix
    days = [
        rule.expire_after_days
        for rule in _rules(location)
        if is_apart or folder.startswith(base + rule.prefix) or (base + rule.prefix).startswith(folder)
    ]
    shortest = min((day for day in days if day is not None), default=None)
    return None if shortest is None else timedelta(days=shortest)


def abort_after(location: StorageLocation, key: str) -> timedelta | None:
    """At which age an open upload to the key is aborted; None for never."""
    base = location.store.prefix
    days = [rule.abort_incomplete_after_days for rule in _rules(location) if key.startswith(base + rule.prefix)]
    shortest = min((day for day in days if day is not None), default=None)
    return None if shortest is None else timedelta(days=shortest)


def is_looked_for(expired_at: datetime, by: EnforcedBy, *, since: datetime | None, now: datetime) -> bool:
    """Whether an expired object is looked for now, after a look at everything `since`.

    The operator deletes it at once. A bucket deletes it some time later, so it is looked for after 1, 2, 3, 5, 9, 17 …
    days. Without `since`, at once.
    """
    first = at = expired_at if by is EnforcedBy.OPERATOR else expired_at + _BUCKET_IS_LATE
    wait = _DAY
    while at <= now:
        if since is None or at > since:
            return True
        at, wait = first + wait, 2 * wait
    return False


def _rules(location: StorageLocation) -> tuple[LifecycleRule, ...]:
    return location.spec.lifecycle.rules if location.spec.lifecycle is not None else ()
