"""Child processes that never outlive the process that started them.

Errors: ComponentError (did not start, or not in time).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Final

# Runs in the child before the real program: asks the kernel for SIGKILL when the parent ends, then becomes the program.
# Not `preexec_fn`, which may deadlock when the parent has threads. The check of the parent closes the race in which it
# ended before the request.
_BIND_TO_PARENT: Final = """
import os, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
except (OSError, AttributeError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent ended before this process started")
os.execv(sys.argv[2], sys.argv[2:])
"""
_PR_SET_PDEATHSIG: Final = 1
_POLL_S: Final = 0.03


class ComponentError(RuntimeError):
    """A component did not start or did not become ready; the message holds the end of its log."""


def bound_to_parent(argv: Sequence[str]) -> list[str]:
    """Return the command line that runs `argv` and ends it (SIGKILL) when the thread that starts it ends.

    The kernel ties the request to the starting *thread*: start long-lived children from the main thread.
    The program must be an absolute path.
    """
    return [sys.executable, "-I", "-S", "-c", _BIND_TO_PARENT, str(os.getpid()), *argv]


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process `number` when its parent ends, also after it became another program."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):  # not Linux: a terminal's signals still reach both
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        raise ComponentError("the parent process ended")


class Process:
    """One child with its own session (a Ctrl-C at the terminal reaches only the parent) and a log file."""

    def __init__(
        self,
        *,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._argv = [str(argument) for argument in argv]
        self._env = dict(os.environ if env is None else env)
        self._cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def arguments(self) -> list[str]:
        """The command line."""
        return list(self._argv)

    @property
    def pid(self) -> int:
        """Process id of the running or last child. Raises ComponentError if it was never started."""
        return self._child().pid

    @property
    def returncode(self) -> int | None:
        """Exit status (negative: signal), None while it runs. Raises ComponentError if it was never started."""
        return self._child().poll()

    @property
    def running(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start the child; its output is appended to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._popen = subprocess.Popen(
                bound_to_parent(self._argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )

    def wait_ready(self, check: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait until `check` is true. Connection errors count as "not yet".

        Raises ComponentError if the child ends first or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        seen = ""
        while time.monotonic() < deadline:
            if (status := self.returncode) is not None:
                raise ComponentError(f"{self.name} ended with status {status}:\n{self.log_tail()}")
            try:
                if check():
                    return
            except (OSError, HTTPException, ValueError) as error:
                seen = f" (last: {type(error).__name__})"
            time.sleep(_POLL_S)
        raise ComponentError(f"{self.name} was not ready within {timeout_s:g} s{seen}:\n{self.log_tail()}")

    def log_tail(self, size_bytes: int = 4000) -> str:
        """Return the end of the log."""
        if not self.log.exists():
            return "(no log)"
        return self.log.read_bytes()[-size_bytes:].decode(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if the child runs."""
        if self.running:
            self._child().send_signal(number)

    def freeze(self) -> None:
        """Freeze the child (SIGSTOP). Returns when none of its threads is running."""
        self.signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.pid}/task")
        while any(_state(task) not in "TtZX" for task in tasks.iterdir()):
            time.sleep(_POLL_S)

    def thaw(self) -> None:
        """Let a frozen child continue (SIGCONT)."""
        self.signal(signal.SIGCONT)

    def wait(self, *, timeout_s: float | None = None) -> int:
        """Wait for the end and return the exit status. Raises subprocess.TimeoutExpired."""
        return self._child().wait(timeout_s)

    def kill(self) -> None:
        """Kill the child (SIGKILL) and wait for its end. Does nothing if it is not running."""
        if self._popen is not None:
            self.signal(signal.SIGKILL)
            self._popen.wait()

    def stop(self, *, timeout_s: float = 20) -> None:
        """Terminate the child (SIGTERM), even a frozen one. Kill it (SIGKILL) if it takes too long."""
        if self._popen is None:
            return
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_s)
        self.kill()

    def _child(self) -> subprocess.Popen[bytes]:
        if self._popen is None:
            raise ComponentError(f"{self.name} was not started")
        return self._popen


def _state(task: Path) -> str:
    """The kernel's letter for what a thread does; X where it has ended."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"
