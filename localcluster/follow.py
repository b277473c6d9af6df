"""Follows Recordings until they are stored, and shows a row for each change meanwhile."""

import json
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Final, Self

from localcluster.kubectl import JsonObject, Kubectl
from localcluster.operatorprocess import OperatorProcess
from localcluster.process import ComponentError, bound_to_parent

_POLL_S: Final = 0.1
# The columns of `kubectl get recordings`, at fixed widths: kubectl's own --watch measures each row by itself.
_COLUMNS: Final[Mapping[str, tuple[int, str]]] = {
    "PHASE": (11, "phase"),
    "PROGRESS": (10, "progress"),
    "SIZE": (11, "size"),
    "ATTEMPTS": (10, "attempts"),
    "NEXT-RETRY": (22, "nextRetryTime"),
    "EXPIRES": (22, "expiresAt"),
    "LOCATION": (10, "storageLocation"),
}
_NAME_WIDTH: Final = 18


class Follower:
    """Prints the output of `kubectl get recordings --watch` immediately."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._statuses: dict[str, JsonObject] = {}
        self._watch: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def wait_complete(self, names: Iterable[str], *, operator: OperatorProcess, timeout_s: float) -> None:
        """Wait until all of these Recordings are Complete.

        Raises ComponentError when one fails, the operator ends, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while missing := [name for name in names if self._phase(name) != "Complete"]:
            if failed := [name for name in missing if self._phase(name) == "Failed"]:
                status = self._statuses[failed[0]]
                raise ComponentError(f"Recording {failed[0]} failed: {status.get('reason')}: {status.get('message')}")
            if not operator.process.running:
                raise ComponentError(f"the operator ended:\n{operator.process.log_tail()}")
            if time.monotonic() > deadline:
                late = f"not Complete within {timeout_s:g} s: {', '.join(missing)}"
                raise ComponentError(f"{late}\n{operator.process.log_tail()}")
            time.sleep(_POLL_S)

    def _phase(self, name: str) -> str | None:
        return self._statuses.get(name, {}).get("phase")

    def _read(self, watch: "subprocess.Popen[str]") -> None:
        print(("NAME".ljust(_NAME_WIDTH) + "".join(n.ljust(width) for n, (width, _) in _COLUMNS.items())).rstrip())
        shown: dict[str, str] = {}
        for recording in _objects(watch.stdout or ()):
            name, status = recording["metadata"]["name"], recording.get("status", {})
            row = "".join(str(status.get(key, "")).ljust(width) for width, key in _COLUMNS.values())
            if shown.get(name) != row:
                shown[name] = row
                print((name.ljust(_NAME_WIDTH) + row).rstrip(), flush=True)
            self._statuses[name] = status  # after the row: who waits for it has seen it

    def __enter__(self) -> Self:
        command = bound_to_parent(self._kubectl.command("get", "recordings", "--watch", "--output=json"))
        watch = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._watch = watch
        self._reader = threading.Thread(target=self._read, args=(watch,), name="kubectl-watch", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None and self._reader is not None:
            self._watch.terminate()
            self._watch.wait()
            self._reader.join()


def _objects(lines: Iterable[str]) -> Iterator[JsonObject]:
    """Yield the objects in kubectl's JSON output. Each has several lines, and the last one is a single brace."""
    text = ""
    for line in lines:
        text += line
        if line == "}\n":
            yield json.loads(text)
            text = ""
