"""Delivers SIGTERM, SIGINT and SIGHUP to threads without a lock in a signal handler.

Python runs a handler in the main thread, between two instructions of the running code. A handler that sets an Event
may interrupt the main thread inside that Event's own lock, and then waits for itself forever. Here the handler does
nothing; the interpreter writes each signal's number into a pipe (`signal.set_wakeup_fd`), and a thread reads that pipe.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

SAME_REQUEST_S: Final = 1.0
"""A signal within this time after the first is the same request: make and a terminal both signal the group."""
END_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def end_on_signals(status: int) -> None:
    """Until `on_end_signals` is called, a SIGTERM or SIGINT ends the process: nothing of its work has begun.

    Call this in the main thread. Without a handler, SIGTERM does not end the first process of a container, and SIGINT
    would print a traceback.
    """

    def end(_number: int, _frame: object) -> None:
        os._exit(status)

    for number in END_SIGNALS:
        signal.signal(number, end)


def on_end_signals(*, first: Callable[[], None], again: Callable[[], None]) -> None:
    """Call `first` at the first of these signals, and `again` at each one that comes more than a second later.

    SIGHUP, which a closed terminal sends, stays ignored if it is ignored already, as with nohup.
    Both are called in a thread of their own and may take locks. Call this once, in the main thread.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in END_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _ignore)
    threading.Thread(target=_tell, args=(reading, first, again), name="signals", daemon=True).start()


def _tell(reading: int, first: Callable[[], None], again: Callable[[], None]) -> None:
    first_at_s: float | None = None
    while arrived := os.read(reading, 1024):
        if not any(number in END_SIGNALS for number in arrived):
            continue
        if first_at_s is None:
            first_at_s = time.monotonic()
            first()
        elif time.monotonic() - first_at_s > SAME_REQUEST_S:
            again()


def _ignore(_number: int, _frame: object) -> None:
    """The pipe has the number already."""
