"""How work is told to end: a signal that is looked at, and what is raised then."""

from typing import Protocol


class StopSignal(Protocol):
    """The part of `threading.Event` that a transfer uses; looked at for every window of 256 KiB."""

    def is_set(self) -> bool:
        """Whether the transfer shall end now."""

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep up to `timeout` seconds; True as soon as the signal is set."""


class Stopped(Exception):  # noqa: N818 - no error: the operator asked for it
    """The stop signal was set; the open upload and its parts are left as they are."""
