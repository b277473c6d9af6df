"""Records every version of every Recording that the API server sends, in order. Tests wait for facts in it.

with History(kubectl) as history:
    history.wait(uid, lambda version: version["status"]["phase"] == "Complete", within_s=30, what="Complete")
"""

import json
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from localcluster import Kubectl

JsonObject = dict[str, Any]
_WATCH: Final = "/apis/recordings.dev/v1alpha1/recordings?watch=1"
_AGAIN_S: Final = 0.2


class History:
    """A watch in a separate thread. It survives restarts of the API server, and can miss versions only then."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self.versions_of: dict[str, list[JsonObject]] = defaultdict(list)
        self._gone: set[str] = set()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._process is not None:
            self._process.kill()
        self._thread.join(10)

    def versions(self, uid: str) -> list[JsonObject]:
        """All versions of one Recording so far."""
        with self._changed:
            return list(self.versions_of[uid])

    def is_gone(self, uid: str) -> bool:
        """Whether its deletion was seen."""
        return uid in self._gone

    def wait(
        self, uid: str, fact: Callable[[JsonObject], bool], *, within_s: float, what: str, least_version: int = 0
    ) -> JsonObject:
        """The first version for which `fact` holds: the newest known one, or a later one.

        Versions older than `least_version` do not count. Raises AssertionError after `within_s`.
        """
        deadline_s = time.monotonic() + within_s
        with self._changed:
            versions = self.versions_of[uid]
            seen = max(0, len(versions) - 1)
            while True:
                for version in versions[seen:]:
                    if version_of(version) >= least_version and fact(version):
                        return version
                seen = len(versions)
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise AssertionError(f"not within {within_s:g} s: {what}; {_last_words(versions)}")
                self._changed.wait(left_s)

    def wait_gone(self, uid: str, *, within_s: float) -> None:
        """Return when the Recording is deleted. Raises AssertionError after `within_s`."""
        with self._changed:
            if not self._changed.wait_for(lambda: uid in self._gone, within_s):
                raise AssertionError(f"not gone within {within_s:g} s; {_last_words(self.versions_of[uid])}")

    def _run(self) -> None:
        while not self._closing.is_set():
            command = self._kubectl.command("get", "--raw", _WATCH)
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                self._process = process
                if self._closing.is_set():
                    process.kill()
                for line in process.stdout or ():
                    if line.endswith(b"\n"):  # else kubectl was killed within it
                        self._note(json.loads(line))
            self._closing.wait(_AGAIN_S)

    def _note(self, event: JsonObject) -> None:
        stored: JsonObject = event["object"]
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return
        uid = stored["metadata"]["uid"]
        with self._changed:
            known = self.versions_of[uid]
            if not known or version_of(known[-1]) < version_of(stored):
                known.append(stored)
            if event["type"] == "DELETED":
                self._gone.add(uid)
            self._changed.notify_all()


def version_of(stored: JsonObject) -> int:
    """The resourceVersion as a number."""
    return int(stored["metadata"]["resourceVersion"])


def _last_words(versions: list[JsonObject]) -> str:
    if not versions:
        return "no version was ever seen"
    last = versions[-1]
    status = last.get("status", {})
    artifacts = [
        {key: artifact.get(key) for key in ("name", "phase", "reason", "message", "attempts", "bytesDone")}
        for artifact in status.get("artifacts", [])
    ]
    seen = {key: status.get(key) for key in ("phase", "reason", "message", "progress", "claim")}
    return f"{last['metadata']['name']} generation {last['metadata']['generation']} was last {seen}, {artifacts}"
