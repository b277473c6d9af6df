"""Which of two versions of one Recording is newer."""

from recording_operator.api.recording import Recording


def version_of(recording: Recording) -> int:
    """The resourceVersion as a number; 0 where it is not a number.

    Versions of one resource type may be compared as numbers since Kubernetes 1.35; older servers use numbers too.
    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    """
    text = recording.metadata.resource_version
    return int(text) if text.isdigit() else 0


def is_newer(recording: Recording, than: Recording) -> bool:
    """Whether `recording` is a newer version than the other."""
    return version_of(recording) > version_of(than)
