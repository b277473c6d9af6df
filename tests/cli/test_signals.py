"""Bursts of SIGTERM and SIGINT end a process once, and never make it hang."""

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from recording_operator.signals import SAME_REQUEST_S
from tests.support.waiting import eventually

_BURSTS: Final = 50
_SIGNALS_IN_BURST: Final = 10
_END_WITHIN_S: Final = 30.0
# The main thread is in the Event's lock nearly all the time, as the operator's is for moments.
_PROCESS: Final = """
import os, sys, threading, time
from recording_operator.signals import on_end_signals

stop, again = threading.Event(), threading.Event()

def tell(event, word):
    event.set()
    os.write(1, word)

on_end_signals(first=lambda: tell(stop, b"first\\n"), again=lambda: tell(again, b"again\\n"))
os.write(1, b"ready\\n")
while not stop.wait(0.00001):
    pass
if sys.argv[1] == "once":
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        stop.set()
    sys.exit(7)
again.wait()
os._exit(8)  # at once: the test goes on sending signals, and an interpreter that is ending handles none
"""

# Waits for a signal at the moment at which it would import what the verb works with.
_STARTING: Final = """
import importlib.abc, os, sys, time
from recording_operator.cli import main

class Waits(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[0]:
            os.write(1, b"ready\\n")
            time.sleep(60)

sys.argv[:2] = sys.argv[1:2]
sys.meta_path.insert(0, Waits())
main()
"""


def _start(how: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", _PROCESS, how], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture(scope="module", params=[(signal.SIGTERM,), (signal.SIGTERM, signal.SIGINT)], ids=["one", "both"])
def numbers(request: pytest.FixtureRequest) -> tuple[signal.Signals, ...]:
    found: tuple[signal.Signals, ...] = request.param
    return found


def test_every_burst_of_signals_ends_the_process(numbers: tuple[signal.Signals, ...]) -> None:
    for burst in range(_BURSTS):
        with _start("once") as process:
            try:
                for number in itertools.islice(itertools.cycle(numbers), _SIGNALS_IN_BURST):
                    process.send_signal(number)
                assert process.wait(_END_WITHIN_S) == 7, f"burst {burst}"
                assert process.stdout is not None
                assert process.stdout.read() == "first\n", "a burst is one request"
            finally:
                process.kill()


def test_a_terminal_that_is_closed_is_a_request() -> None:
    with _start("once") as process:
        try:
            process.send_signal(signal.SIGHUP)
            assert process.wait(_END_WITHIN_S) == 7
        finally:
            process.kill()


def test_under_nohup_a_closed_terminal_is_none() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit this, as from nohup
    try:
        with _start("twice") as process:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
                ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
                assert ignored & 1 << signal.SIGHUP - 1
            finally:
                process.kill()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_that_comes_later_is_a_second_request() -> None:
    with _start("twice") as process:
        begun_s = time.monotonic()
        try:

            def ended() -> bool:
                process.send_signal(signal.SIGTERM)
                return process.poll() is not None

            eventually(ended, within_s=_END_WITHIN_S, what="an end by the second request")
            assert process.returncode == 8
            assert time.monotonic() - begun_s > SAME_REQUEST_S
            assert process.stdout is not None
            assert process.stdout.read().splitlines()[:2] == ["first", "again"]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("module", "arguments", "status"),
    [
        ("recording_operator.cli.process.running", ["run"], 0),
        (
            "recording_operator.cli.files.copying",
            ["copy", "https://media.example.com/a.mp4", "s3://recordings/a.mp4"],
            130,
        ),
    ],
)
def test_a_signal_that_comes_while_a_verb_is_imported_ends_it(
    number: signal.Signals, module: str, arguments: list[str], status: int
) -> None:
    """The first process of a container is not ended by a signal that it has no handler for."""
    command = [sys.executable, "-c", _STARTING, module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(_SIGNALS_IN_BURST):
                process.send_signal(number)
            assert process.wait(_END_WITHIN_S) == status
            assert process.stderr.read() == "", "no traceback"
        finally:
            process.kill()
