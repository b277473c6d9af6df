"""What follows from each reason: try again, give up, or wait without spending an attempt."""

from enum import Enum
from typing import Final

from recording_operator.api.reasons import Reason


class Verdict(Enum):
    """The consequence of a failure reason for one artifact."""

    RETRY = "retry"
    """An attempt is spent; it is tried again after the location's delays, then fails."""
    FINAL = "final"
    """It cannot get better by itself: Failed at once."""
    NOT_ITS_FAULT = "not its fault"
    """No attempt is spent; it is tried again soon, or when the thing it waits for changes."""
    EXPIRED = "expired"
    """It waits for a fresh URL for the location's refresh grace, then fails."""


VERDICTS: Final[dict[Reason, Verdict]] = {
    Reason.SOURCE_EXPIRED: Verdict.EXPIRED,
    # Providers publish late: files, rights and names may be on their way. One that never comes fails after the delays.
    Reason.SOURCE_NOT_READY: Verdict.RETRY,
    Reason.SOURCE_NOT_FOUND: Verdict.RETRY,
    Reason.SOURCE_FORBIDDEN: Verdict.RETRY,
    Reason.SOURCE_EMPTY: Verdict.RETRY,
    Reason.SOURCE_UNRESOLVABLE: Verdict.RETRY,
    Reason.SOURCE_UNREACHABLE: Verdict.RETRY,
    Reason.SOURCE_UNAVAILABLE: Verdict.RETRY,
    Reason.SOURCE_RESET: Verdict.RETRY,
    Reason.SOURCE_TLS_ERROR: Verdict.RETRY,
    Reason.SOURCE_TOO_SLOW: Verdict.RETRY,
    Reason.SOURCE_PROTOCOL_ERROR: Verdict.RETRY,
    Reason.STORE_INTEGRITY: Verdict.RETRY,
    Reason.STORE_UPLOAD_LOST: Verdict.RETRY,
    Reason.INTERNAL_ERROR: Verdict.RETRY,
    Reason.SOURCE_BLOCKED: Verdict.FINAL,
    Reason.SOURCE_INVALID: Verdict.FINAL,
    Reason.SOURCE_REDIRECT_LIMIT: Verdict.FINAL,
    Reason.SOURCE_TOO_LARGE: Verdict.FINAL,
    Reason.SOURCE_TRUNCATED: Verdict.FINAL,
    Reason.SOURCE_CHANGED: Verdict.FINAL,
    Reason.UNEXPECTED_CONTENT: Verdict.FINAL,
    Reason.SIZE_MISMATCH: Verdict.FINAL,
    Reason.CHECKSUM_MISMATCH: Verdict.FINAL,
    Reason.INTEGRITY_UNVERIFIABLE: Verdict.FINAL,
    Reason.STORE_KEY_CONFLICT: Verdict.FINAL,
    Reason.CANCELLED: Verdict.FINAL,
    Reason.STORE_UNAVAILABLE: Verdict.NOT_ITS_FAULT,
    Reason.STORE_DENIED: Verdict.NOT_ITS_FAULT,
    Reason.STORE_QUOTA: Verdict.NOT_ITS_FAULT,
    Reason.LOCATION_NOT_FOUND: Verdict.NOT_ITS_FAULT,
    Reason.LOCATION_NOT_ALLOWED: Verdict.NOT_ITS_FAULT,
    Reason.LOCATION_NOT_READY: Verdict.NOT_ITS_FAULT,
    Reason.BUCKET_NOT_FOUND: Verdict.NOT_ITS_FAULT,
    Reason.ACCESS_DENIED: Verdict.NOT_ITS_FAULT,
    Reason.CREDENTIALS_NOT_FOUND: Verdict.NOT_ITS_FAULT,
    Reason.CREDENTIALS_INVALID: Verdict.NOT_ITS_FAULT,
    Reason.ENDPOINT_UNREACHABLE: Verdict.NOT_ITS_FAULT,
    Reason.ENDPOINT_BLOCKED: Verdict.NOT_ITS_FAULT,
    Reason.WRONG_REGION: Verdict.NOT_ITS_FAULT,
    Reason.ENCRYPTION_KEY_NOT_USABLE: Verdict.NOT_ITS_FAULT,
    Reason.CLOCK_SKEW: Verdict.NOT_ITS_FAULT,
    Reason.STORE_UNSUPPORTED: Verdict.NOT_ITS_FAULT,
    # The Secret may come a moment after the Recording that names it.
    Reason.SECRET_NOT_FOUND: Verdict.NOT_ITS_FAULT,
    Reason.SECRET_NOT_USABLE: Verdict.NOT_ITS_FAULT,
    Reason.INTERRUPTED: Verdict.NOT_ITS_FAULT,
}

ABOUT_THE_LOCATION: Final = frozenset(
    {
        Reason.STORE_UNAVAILABLE,
        Reason.STORE_DENIED,
        Reason.STORE_QUOTA,
        Reason.BUCKET_NOT_FOUND,
        Reason.ACCESS_DENIED,
        Reason.CREDENTIALS_NOT_FOUND,
        Reason.CREDENTIALS_INVALID,
        Reason.ENDPOINT_UNREACHABLE,
        Reason.ENDPOINT_BLOCKED,
        Reason.WRONG_REGION,
        Reason.ENCRYPTION_KEY_NOT_USABLE,
        Reason.CLOCK_SKEW,
        Reason.STORE_UNSUPPORTED,
    }
)
"""Reasons that put the location in doubt: it is probed again before anything else is tried there."""


def verdict_of(reason: Reason) -> Verdict:
    """The consequence of a failure reason. An unlisted reason is a fault of ours and is tried again."""
    return VERDICTS.get(reason, Verdict.RETRY)
