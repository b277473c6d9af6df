"""Records the callbacks of a watcher."""

import threading
from dataclasses import dataclass, field
from typing import Any

from recording_operator.api.names import RECORDING_PLURAL, STORAGE_LOCATION_PLURAL, STORAGE_REPORT_PLURAL
from recording_operator.kube.connection import Connection
from recording_operator.kube.ownwrites import OwnWrites
from recording_operator.kube.watch import Watcher, WatchOptions

JsonObject = dict[str, Any]


@dataclass
class Observed:
    """Collects the calls of one watcher."""

    events: list[tuple[str, JsonObject]] = field(default_factory=list)
    locations: list[tuple[str, JsonObject]] = field(default_factory=list)
    reports: list[tuple[str, JsonObject]] = field(default_factory=list)
    lists: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    failing: bool = False
    own_writes: OwnWrites = field(default_factory=OwnWrites)
    watcher: Watcher = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def start(self, where: Connection, options: WatchOptions | None) -> None:
        """Watch in a thread."""
        self.watcher = Watcher(
            where,
            on_change={
                RECORDING_PLURAL: self.on_recording,
                STORAGE_LOCATION_PLURAL: self.on_location,
                STORAGE_REPORT_PLURAL: self.on_report,
            },
            on_listed=self.on_listed,
            own_writes=self.own_writes,
            options=options,
        )
        self.thread = threading.Thread(target=self.watcher.run, args=(self.stopping,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End the watcher. Raises AssertionError if it does not end."""
        self.stopping.set()
        self.thread.join(timeout=15)
        assert not self.thread.is_alive(), "the watcher did not stop"

    def on_recording(self, kind: str, stored: JsonObject) -> None:
        self.events.append((kind, stored))
        if self.failing:
            raise ZeroDivisionError

    def on_location(self, kind: str, stored: JsonObject) -> None:
        self.locations.append((kind, stored))

    def on_report(self, kind: str, stored: JsonObject) -> None:
        self.reports.append((kind, stored))

    def on_listed(self, resource: str, uids: frozenset[str]) -> None:
        self.lists.append((resource, uids))

    def wait_listed(self) -> None:
        """Until everything that was there at the start was handed over."""
        assert self.watcher.listed.wait(30), "not listed within 30 s"

    def saw(self, kind: str, uid: str, *, after: int = 0) -> bool:
        """Whether an event of this kind arrived for the object, `after` so many events."""
        return any(seen == kind and stored["metadata"]["uid"] == uid for seen, stored in self.events[after:])

    def lists_of(self, resource: str) -> list[frozenset[str]]:
        """The uids of each complete list."""
        return [uids for listed, uids in self.lists if listed == resource]
