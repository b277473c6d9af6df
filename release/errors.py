"""Errors of building what is published."""


class ArtifactError(RuntimeError):
    """Something could not be built, or is not what it should be; the message says what."""
