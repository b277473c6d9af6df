"""The watchdog continues to work after a moment in which no thread could be started."""

import socket
import threading

import pytest

from recording_operator.egress.watchdog import Interruption, SocketWatchdog
from tests.support.no_threads import no_more_threads
from tests.support.waiting import eventually


def test_it_watches_again_after_a_thread_could_not_be_started() -> None:
    watchdog, stop = SocketWatchdog(), threading.Event()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with no_more_threads(), pytest.raises(RuntimeError):
            watchdog.watch(ours, stop=stop, within_s=None)
        watch = watchdog.watch(ours, stop=stop, within_s=0.0)
        eventually(lambda: watch.interruption is Interruption.DEADLINE)
        watch.release()
