"""Restored copies of archived objects in a strict bucket.

Source: API reference, RestoreObject and HeadObject (x-amz-restore); user guide, "Restoring an archived object": the
copy is kept for the days of the request, up to the next midnight UTC.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.support.strict_bucket import ARCHIVED_CLASSES, Bucket, Restoration, Version
from tests.support.strict_errors import S3Error
from tests.support.strict_request import Reply, S3Request
from tests.support.strict_xml import malformed, parsed

# From slow to fast.
_TIERS = ("Bulk", "Standard", "Expedited")


def restore_object(request: S3Request, bucket: Bucket) -> Reply:
    """RestoreObject: 202 if a copy will be made, 200 if there is one, whose end is moved."""
    version = bucket.find(request.key, request.query.get("versionId"))
    storage_class = version.attributes.storage_class
    days, tier = _stated(request, of_tiering=storage_class == "INTELLIGENT_TIERING")
    if not _is_archived(version):
        message = "Restore is not allowed for the object's current storage class"
        raise S3Error("InvalidObjectState", message, StorageClass=storage_class)
    if tier == "Expedited" and storage_class == "DEEP_ARCHIVE":
        raise S3Error("InvalidRequest", "Retrieval option is not supported by this storage class")
    before = _current(version)
    if before is not None and before.until is None:
        if days != before.days or _TIERS.index(tier) <= _TIERS.index(before.tier):
            raise S3Error("RestoreAlreadyInProgress", "Object restore is already in progress")
        _set(bucket, request.key, version, Restoration(days=days, tier=tier))
        return Reply(status=202)
    if before is not None:
        _set(bucket, request.key, version, Restoration(days=days, tier=tier, until=_end(days)))
        return Reply(status=200)
    _set(bucket, request.key, version, Restoration(days=days, tier=tier))
    return Reply(status=202)


def check_readable(version: Version) -> None:
    """Raises S3Error for an archived object without a restored copy."""
    state = _current(version)
    if _is_archived(version) and (state is None or state.until is None):
        message = "The operation is not valid for the object's storage class"
        raise S3Error("InvalidObjectState", message, StorageClass=version.attributes.storage_class)


def restore_headers(version: Version) -> dict[str, str]:
    """What HEAD and GET say about the restore of an object."""
    state = _current(version)
    if state is None:
        return {}
    if state.until is None:
        return {"x-amz-restore": 'ongoing-request="true"'}
    end = format_datetime(state.until, usegmt=True)
    return {"x-amz-restore": f'ongoing-request="false", expiry-date="{end}"'}


def finish_restores(bucket: Bucket) -> None:
    """All copies that were requested are there now."""
    for key, version, state in list(_states(bucket)):
        if state.until is None:
            _set(bucket, key, version, replace(state, until=_end(state.days)))


def end_restores(bucket: Bucket) -> None:
    """The days of all copies are over."""
    for key, version, state in list(_states(bucket)):
        _set(bucket, key, version, replace(state, until=datetime.now(tz=UTC)))


def requested(bucket: Bucket) -> list[tuple[str, int, str]]:
    """Key, days and tier of each restore."""
    return [(key, state.days, state.tier) for key, _, state in _states(bucket)]


def _is_archived(version: Version) -> bool:
    attributes = version.attributes
    return attributes.storage_class in ARCHIVED_CLASSES or "x-amz-archive-status" in attributes.kept


def _stated(request: S3Request, *, of_tiering: bool) -> tuple[int, str]:
    """Days and tier. A restore of INTELLIGENT_TIERING has no end, and its request no days."""
    root = parsed(request.body, "RestoreRequest")
    days, tier = root.findtext("Days"), root.findtext("GlacierJobParameters/Tier") or "Standard"
    if of_tiering and days is None and tier in _TIERS:
        return 0, tier
    if of_tiering or days is None or not days.isdecimal() or int(days) < 1 or tier not in _TIERS:
        raise malformed()
    return int(days), tier


def _states(bucket: Bucket) -> Iterator[tuple[str, Version, Restoration]]:
    for key, kept in bucket.versions.items():
        for version in kept:
            if version.restoration is not None:
                yield key, version, version.restoration


def _current(version: Version) -> Restoration | None:
    """The restore of a version, unless its days are over."""
    state = version.restoration
    return state if state is None or state.until is None or state.until > datetime.now(tz=UTC) else None


def _set(bucket: Bucket, key: str, version: Version, state: Restoration) -> None:
    changed = replace(version, restoration=state)
    bucket.versions[key] = [changed if one is version else one for one in bucket.versions[key]]


def _end(days: int) -> datetime:
    after = datetime.now(tz=UTC) + timedelta(days=days + 1)
    return after.replace(hour=0, minute=0, second=0, microsecond=0)
