"""Errors that end a refresh of a StorageReport without numbers."""

from recording_operator.errors import ReasonedError


class RefreshError(ReasonedError):
    """The report could not be refreshed."""
