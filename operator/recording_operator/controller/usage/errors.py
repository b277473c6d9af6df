"""Errors that end the count of a StorageLocation without a sample."""

from typing import Final

from recording_operator.api.reasons import Trait, reasons_with
from recording_operator.errors import ReasonedError

NOT_PERMITTED: Final = reasons_with(Trait.NEEDS_ADMINISTRATOR)
"""No retry helps: other sources of usage take the place of what may not be read."""


class CountError(ReasonedError):
    """A location could not be counted. A retry may help."""


class CountStopped(Exception):  # noqa: N818 - the process ends
    """The operator is shutting down, or no longer leads."""
