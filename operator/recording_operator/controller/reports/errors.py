"""How a refresh of a StorageReport ends without numbers, and what no wait mends."""

from typing import Final

from recording_operator.api.reasons import Reason, Trait, reasons_with

NOT_PERMITTED: Final = reasons_with(Trait.NEEDS_ADMINISTRATOR)


class RefreshError(Exception):
    """The report could not be counted; `reason` and the text are for its status."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class RefreshStopped(Exception):  # noqa: N818 - the process ends
    """The operator is shutting down."""
