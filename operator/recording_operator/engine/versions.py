"""Compares the versions of a Recording."""

from recording_operator.api.recording import Recording


def version_of(recording: Recording) -> int:
    """The resourceVersion as a number."""
    return recording.metadata.version


def is_newer(recording: Recording, than: Recording) -> bool:
    """Whether `recording` is a newer version than the other."""
    return version_of(recording) > version_of(than)
