"""Signals that end a verb as Ctrl-C does, so that it can undo what it has begun."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_ENDS: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM (a CI job is cancelled) and SIGHUP (a terminal is closed) raise KeyboardInterrupt, the first one only.

    What is ignored already, as with nohup, stays ignored.
    """
    before: dict[signal.Signals, Any] = {
        number: signal.getsignal(number) for number in _ENDS if signal.getsignal(number) != signal.SIG_IGN
    }

    def end(number: int, frame: object) -> None:  # noqa: ARG001 - the library's signature
        for later in before:
            signal.signal(later, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
