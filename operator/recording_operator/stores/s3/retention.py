"""Object Lock: why an object cannot be deleted.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

import re
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError

_DENIED: Final = ("AccessDenied", "ObjectLocked", "InvalidRequest", "MethodNotAllowed")
# AWS: "Access Denied because object protected by object lock."; MinIO: "Object is WORM protected and cannot be
# overwritten".
_NAMES_LOCK: Final = re.compile(r"object.?lock|\bWORM\b|retention|legal hold", re.IGNORECASE)


def retention_of(
    error: ClientError, client: Any, *, bucket: str, key: str, version: dict[str, str]
) -> StoreError | None:
    """The error for a deletion that Object Lock prevents; None if `error` has another cause."""
    details = error.response.get("Error", {})
    if details.get("Code") not in _DENIED:
        return None
    until = _protected_until(client, bucket=bucket, key=key, version=version)
    if not until and not _NAMES_LOCK.search(str(details.get("Message", ""))):
        return None
    return StoreError(
        Reason.RETENTION_IN_FORCE, f"The object is protected by Object Lock{until}, so the store does not delete it."
    )


def _protected_until(client: Any, *, bucket: str, key: str, version: dict[str, str]) -> str:
    """Until when, as the end of a sentence; empty if it is not protected, or the store does not say."""
    try:
        head = client.head_object(Bucket=bucket, Key=key, **version)
    except (ClientError, BotoCoreError):
        return ""
    if head.get("ObjectLockLegalHoldStatus") == "ON":
        return " with a legal hold"
    until = head.get("ObjectLockRetainUntilDate")
    if not isinstance(until, datetime) or until <= datetime.now(UTC):
        return ""
    return f" ({head.get('ObjectLockMode', 'retention')}) until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
