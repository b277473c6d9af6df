"""Follows Recordings until they are stored, and shows kubectl's own table meanwhile."""

import subprocess
import threading
import time
from types import TracebackType
from typing import Final, Self

from localcluster.kubectl import Kubectl
from localcluster.operatorprocess import OperatorProcess
from localcluster.process import ComponentError, bound_to_parent

_POLL_S: Final = 0.5
_LAST_ROWS_S: Final = 3.0


class Follower:
    """Prints `kubectl get recordings --watch` as it comes."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._names: set[str] = set()
        self._complete: set[str] = set()
        self._watch: subprocess.Popen[str] | None = None
        self._printer = threading.Thread(target=self._print, name="kubectl-watch", daemon=True)

    def wait_complete(self, *, operator: OperatorProcess, timeout_s: float) -> None:
        """Wait until every Recording is Complete.

        Raises ComponentError when one fails, the operator ends, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while (open_names := self._open()) or not self._names:
            if not operator.process.running:
                raise ComponentError(f"the operator ended:\n{operator.process.log_tail()}")
            if time.monotonic() > deadline:
                names = ", ".join(open_names)
                raise ComponentError(f"not Complete within {timeout_s:g} s: {names}\n{operator.process.log_tail()}")
            time.sleep(_POLL_S)
        rows_deadline = time.monotonic() + _LAST_ROWS_S
        while not self._names <= self._complete and time.monotonic() < rows_deadline:
            time.sleep(_POLL_S / 10)

    def _open(self) -> list[str]:
        """Return the Recordings that are not Complete. Raises ComponentError for one that has failed."""
        items = self._kubectl.json("get", "recordings")["items"]
        self._names = {item["metadata"]["name"] for item in items}
        for item in items:
            status = item.get("status", {})
            if status.get("phase") == "Failed":
                name, reason = item["metadata"]["name"], status.get("reason")
                raise ComponentError(f"Recording {name} failed: {reason}: {status.get('message')}")
        return [item["metadata"]["name"] for item in items if item.get("status", {}).get("phase") != "Complete"]

    def _print(self) -> None:
        assert self._watch is not None  # noqa: S101 - set before the thread starts
        for line in self._watch.stdout or ():
            print(line, end="", flush=True)
            words = line.split()
            if "Complete" in words[1:2]:
                self._complete.add(words[0])

    def __enter__(self) -> Self:
        command = bound_to_parent(self._kubectl.command("get", "recordings", "--watch"))
        self._watch = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._printer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.terminate()
            self._watch.wait()
            self._printer.join()
