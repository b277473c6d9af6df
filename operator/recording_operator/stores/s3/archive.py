"""Archive storage classes of S3, as HEAD and RestoreObject know them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html, API_HeadObject.html (x-amz-restore) and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from recording_operator.stores.archive import ArchiveState, NotRestorableError, RestoreOutcome, RestoreTier
from recording_operator.stores.capabilities import ARCHIVED_CLASSES
from recording_operator.stores.s3.errors import status_of, translated

_NOT_FOUND: Final = 404
# The response to a request for the version of a delete marker.
_METHOD_NOT_ALLOWED: Final = 405
_RESTORED: Final = re.compile(r'ongoing-request="false"(?:, *expiry-date="([^"]+)")?')
_RESTORING: Final = 'ongoing-request="true"'
_EXTENDED: Final = 200
_TIERING: Final = "INTELLIGENT_TIERING"


def state_in(head: Any) -> ArchiveState:
    """The state of an object, from a response to HeadObject."""
    # Of INTELLIGENT_TIERING: ARCHIVE_ACCESS or DEEP_ARCHIVE_ACCESS.
    archive = head.get("ArchiveStatus") or head.get("StorageClass")
    if archive not in ARCHIVED_CLASSES and not head.get("ArchiveStatus"):
        return ArchiveState()
    stated = str(head.get("Restore", ""))
    found = _RESTORED.search(stated)
    return ArchiveState(
        archive=str(archive),
        is_restoring=_RESTORING in stated,
        is_restored=found is not None,
        restored_until=_instant(found[1]) if found and found[1] else None,
    )


def head_or_none(client: Any, *, bucket: str, key: str, version_id: str | None) -> Any:
    """The response to HeadObject; None if this version does not exist. Raises StoreError."""
    with translated("HeadObject"):
        try:
            return client.head_object(Bucket=bucket, Key=key, **_version(version_id))
        except ClientError as error:
            if status_of(error) not in (_NOT_FOUND, _METHOD_NOT_ALLOWED):
                raise
            return None


def archive_state(client: Any, *, bucket: str, key: str, version_id: str | None) -> ArchiveState | None:
    """As `Archive` says."""
    head = head_or_none(client, bucket=bucket, key=key, version_id=version_id)
    return None if head is None else state_in(head)


def restore(
    client: Any, *, bucket: str, key: str, version_id: str | None, days: int, tier: RestoreTier
) -> RestoreOutcome:
    """As `Archive` says."""
    head = head_or_none(client, bucket=bucket, key=key, version_id=version_id)
    of_tiering = head is not None and head.get("StorageClass") == _TIERING
    request = {
        # An object of INTELLIGENT_TIERING goes back to its frequent access tier, and S3 accepts no days.
        **({} if of_tiering else {"Days": days}),
        "GlacierJobParameters": {"Tier": tier.value.capitalize()},
    }
    with translated("RestoreObject"):
        try:
            response = client.restore_object(Bucket=bucket, Key=key, RestoreRequest=request, **_version(version_id))
        except ClientError as error:
            if _code(error) == "RestoreAlreadyInProgress":
                return RestoreOutcome.IN_PROGRESS
            why = _why_not(error, tier)
            if why is None:
                raise
            raise NotRestorableError(why) from None
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return RestoreOutcome.EXTENDED if status == _EXTENDED else RestoreOutcome.STARTED


def _why_not(error: ClientError, tier: RestoreTier) -> str | None:
    match _code(error):
        case "InvalidObjectState":
            return "The object is not archived. It can be read now."
        case "GlacierExpeditedRetrievalNotAvailable":
            return "The store has no capacity for expedited restores now. Try again later, or use the tier standard."
        case "InvalidRequest" | "InvalidArgument" if tier is RestoreTier.EXPEDITED:
            return "The store has no expedited restores of this object (of DEEP_ARCHIVE there are none). Use standard."
        case _:
            return None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _version(version_id: str | None) -> dict[str, str]:
    return {} if version_id is None else {"VersionId": version_id}


def _instant(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
