"""S3 Object Lock: the retention of new objects, and whether the bucket supports it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from recording_operator.api.reasons import Reason
from recording_operator.errors import LocationError
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.errors import translated

_WITHOUT_LOCK: Final = ("ObjectLockConfigurationNotFoundError", "ObjectLockConfigurationNotFound")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how long new objects are retained. `mode` is Governance or Compliance."""

    mode: str
    days: int


def headers(lock: Retention | None, *, now: datetime) -> Mapping[str, Any]:
    """The parameters of a request that creates an object or an upload."""
    if lock is None:
        return {}
    until = now + timedelta(days=lock.days)
    return {"ObjectLockMode": lock.mode.upper(), "ObjectLockRetainUntilDate": until.replace(microsecond=0)}


def check_bucket(client: Any, *, bucket: str) -> None:
    """Check that the bucket has Object Lock. Raises LocationError if it has not, or that cannot be read; StoreError."""
    try:
        enabled = _is_enabled(client, bucket)
    except StoreError as error:
        if error.location_reason is not Reason.ACCESS_DENIED:
            raise
        raise LocationError(
            Reason.ACCESS_DENIED,
            "spec.s3.objectLock is set, and the credentials do not permit reading whether the bucket has S3 Object "
            "Lock. Grant s3:GetBucketObjectLockConfiguration on the bucket.",
        ) from None
    if not enabled:
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "spec.s3.objectLock is set, and the bucket has no S3 Object Lock. Enable it for the bucket, or remove the "
            "field.",
        )


def _is_enabled(client: Any, bucket: str) -> bool:
    with translated("GetObjectLockConfiguration"):
        try:
            response = client.get_object_lock_configuration(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"].get("Code") in _WITHOUT_LOCK:
                return False
            raise
        return bool(response["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")
