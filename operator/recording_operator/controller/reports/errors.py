"""How a refresh of a StorageReport ends without numbers, and what no wait mends."""

from typing import Final

from recording_operator.api.reasons import Reason

NOT_PERMITTED: Final = frozenset(
    {
        Reason.ACCESS_DENIED,
        Reason.CREDENTIALS_INVALID,
        Reason.CREDENTIALS_NOT_FOUND,
        Reason.BUCKET_NOT_FOUND,
        Reason.STORE_UNSUPPORTED,
        Reason.ENDPOINT_BLOCKED,
    }
)
"""What only an administrator mends: then other sources have to do."""


class RefreshError(Exception):
    """The report could not be counted; `reason` and the text are for its status."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class RefreshStopped(Exception):  # noqa: N818 - the process ends
    """The operator is shutting down."""
