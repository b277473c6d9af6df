"""Names of buckets: those that cannot be used in a request, and those that a store may reject."""

import re
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import LocationError

# Names that AWS accepts, or accepted in the past.
_AWS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_ACCESS_POINT: Final = re.compile(r"arn:aws[a-z-]*:s3:[a-z0-9-]+:[0-9]{12}:accesspoint/[a-z0-9-]{3,63}")
_NEW_AWS: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ANY: Final = re.compile(r"[^\x00-\x20/?#\\\x7f]{1,255}")


def check_name(bucket: str, *, endpoint: str | None) -> None:
    """Raises ValueError for a name that cannot be used in a request. `endpoint` None means AWS."""
    if bucket.startswith("arn:"):
        if endpoint is not None:
            raise ValueError(
                "The ARN of an access point works only on AWS. Write the name of the bucket, or omit the endpoint."
            )
        if not _ACCESS_POINT.fullmatch(bucket):
            raise ValueError("Write the ARN as arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME.")
        return
    allowed = _AWS if endpoint is None else _ANY
    if not allowed.fullmatch(bucket):
        more = "" if endpoint is not None else " For a store that is not AWS, set --endpoint-url."
        raise ValueError(
            f"{bucket!r} is not a bucket name: AWS accepts 3 to 63 lower-case letters, digits, dots and hyphens.{more}"
        )


def may_be_rejected(bucket: str) -> bool:
    """Whether a store may reject requests because of this name alone."""
    return not _NEW_AWS.fullmatch(bucket) and "arn:" not in bucket


def check_is_general_purpose(bucket: str) -> None:
    """Raises LocationError for a directory bucket (S3 Express One Zone), by the end of its name.

    Its listings are unsorted and accept only prefixes that end with '/', its ETags are not MD5s, and each request needs
    a session.
    """
    if bucket.endswith("--x-s3"):
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "Directory buckets (S3 Express One Zone) are not supported. Use a general purpose bucket.",
        )
