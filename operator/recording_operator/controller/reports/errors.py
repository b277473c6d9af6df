"""Errors that end a refresh of a StorageReport without numbers."""

from typing import Final

from recording_operator.api.reasons import Trait, reasons_with
from recording_operator.errors import ReasonedError

NOT_PERMITTED: Final = reasons_with(Trait.NEEDS_ADMINISTRATOR)


class RefreshError(ReasonedError):
    """The report could not be counted."""


class RefreshStopped(Exception):  # noqa: N818 - the process ends
    """The operator is shutting down."""
