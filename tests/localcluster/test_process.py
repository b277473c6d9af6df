"""Children end with their parent, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcluster import ComponentError, Process

DEADLINE_S = 20.0
LAUNCHER = """
import sys, time
from pathlib import Path
from localcluster.process import Process
child = Process(name="child", argv=["/bin/sleep", "600"], log=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def start_launcher(log: Path) -> tuple["subprocess.Popen[str]", int]:
    command = [sys.executable, "-c", LAUNCHER, str(log)]
    launcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert launcher.stdout is not None
    child = int(launcher.stdout.readline())
    deadline = time.monotonic() + DEADLINE_S
    while Path(f"/proc/{child}/comm").read_text() != "sleep\n":  # until then it is our Python that becomes it
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return launcher, child


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_with_its_parent(number: signal.Signals, tmp_path: Path) -> None:
    launcher, child = start_launcher(tmp_path / "log")
    with launcher:
        assert os.getsid(child) == child, "a Ctrl-C at the terminal must not reach the child"
        launcher.send_signal(number)
        launcher.wait()
    wait_until_gone(child)


def test_a_child_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    process = Process(name="short", argv=["/bin/sh", "-c", "echo no such option; exit 3"], log=tmp_path / "log")
    process.start()
    with pytest.raises(ComponentError, match=r"short ended with status 3:\nno such option"):
        process.wait_ready(lambda: False, timeout_s=DEADLINE_S)


def test_a_child_that_does_not_get_ready_is_reported(tmp_path: Path) -> None:
    process = Process(name="deaf", argv=["/bin/sleep", "600"], log=tmp_path / "log")
    process.start()

    def refused() -> bool:
        raise ConnectionRefusedError

    with pytest.raises(ComponentError, match=r"deaf was not ready within 0.2 s \(last: ConnectionRefusedError\)"):
        process.wait_ready(refused, timeout_s=0.2)
    process.kill()
    assert process.returncode == -signal.SIGKILL


def test_stop_ends_a_frozen_child_and_one_that_ignores_it(tmp_path: Path) -> None:
    frozen = Process(name="frozen", argv=["/bin/sleep", "600"], log=tmp_path / "frozen")
    frozen.start()
    frozen.signal(signal.SIGSTOP)
    frozen.stop()
    assert frozen.returncode == -signal.SIGTERM
    script = "trap '' TERM; echo ready; while :; do sleep 600; done"
    stubborn = Process(name="stubborn", argv=["/bin/sh", "-c", script], log=tmp_path / "stubborn")
    stubborn.start()
    stubborn.wait_ready(lambda: "ready" in stubborn.log_tail(), timeout_s=DEADLINE_S)
    stubborn.stop(timeout_s=0.2)
    assert stubborn.returncode == -signal.SIGKILL
