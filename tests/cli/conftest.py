"""Restores the state of the process after commands that run in it."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def untouched_process() -> Iterator[None]:
    """Signal handlers, hooks and logs as before."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hooks, root = (sys.excepthook, threading.excepthook), logging.getLogger()
    kept, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.excepthook, threading.excepthook = hooks
    root.handlers[:] = kept
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(False)
