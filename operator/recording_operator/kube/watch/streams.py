"""The state of the LISTs and WATCHes of this process: whether a LIST is complete, and whether a WATCH is alive.

Only the watcher's event loop writes it. Any thread may read the figures.
"""

import time
from collections.abc import Callable, Mapping
from typing import Protocol


class ByteCounter(Protocol):
    """An open response: how many bytes have arrived, and whether more can arrive."""

    @property
    def total_bytes(self) -> int: ...

    @property
    def is_open(self) -> bool: ...


class Stream:
    """The LIST of one resource, and the WATCH that follows it.

    `on_listed` is called once for each LIST, when the handlers have seen all of it, with the uids seen since it began.
    """

    def __init__(
        self, *, on_listed: Callable[[frozenset[str]], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_listed = on_listed
        self._clock = clock
        self._watch: ByteCounter | None = None
        self._bytes = 0
        self._missing: set[str] = set()  # uids in the LIST that no handler has seen yet
        self._seen: set[str] = set()  # uids of every event since the LIST began
        self._complete = False
        self.kept: set[str] = set()
        """uids of objects that were listed, and of which no event was handled since."""
        self.listing = False
        self.late_pages = 0
        """Pages that did not arrive in time since the last complete LIST."""
        self.pages_without_response = 0
        """Those of them for which not even a response began."""
        self.requested = False
        self.last_byte_s = clock()
        self._connected_s = clock()

    @property
    def connected(self) -> bool:
        """True while a WATCH is open, as far as the client knows."""
        return self._watch is not None and self._watch.is_open

    def restart(self) -> None:
        """kopf starts: nothing has been requested yet."""
        self.requested = False
        self._watch = None
        self.kept.clear()
        self._connected_s = self._clock()

    def seconds_away(self) -> float:
        """Seconds since the WATCH was last seen open, or kopf was started."""
        return 0.0 if self.connected else self._clock() - self._connected_s

    def list_begins(self) -> None:
        """The first page was requested. What an earlier, broken LIST returned does not count."""
        self.requested = self.listing = True
        self._complete = False
        self._missing.clear()
        self._seen.clear()

    def page_arrived(self, uids: set[str]) -> None:
        """A page of the LIST was received; its objects will be passed to the handlers."""
        self.last_byte_s = self._connected_s = self._clock()  # a long LIST is no reason to restart
        self._missing |= uids
        self.kept |= uids

    def list_ends(self) -> None:
        """All pages were received."""
        self._complete = True
        self.late_pages = self.pages_without_response = 0
        self._report_when_listed()

    def watch_opens(self, watch: ByteCounter) -> None:
        """The server accepted the WATCH."""
        self._watch, self._bytes, self.last_byte_s = watch, watch.total_bytes, self._clock()

    def event_arrived(self, uid: str, *, from_list: bool) -> None:
        """A handler has seen an object."""
        if not from_list:
            self.kept.discard(uid)
        if not self.listing:
            return
        self._seen.add(uid)
        if from_list:
            self._missing.discard(uid)
        self._report_when_listed()

    def sample(self) -> None:
        """Note whether bytes were received since the last sample."""
        watch = self._watch
        if self.connected:
            self._connected_s = self._clock()
        if watch is not None and watch.total_bytes != self._bytes:
            self._bytes, self.last_byte_s = watch.total_bytes, self._clock()

    def _report_when_listed(self) -> None:
        if not (self.listing and self._complete) or self._missing:
            return
        seen = frozenset(self._seen)
        self.listing = False
        self._seen.clear()
        self._on_listed(seen)


class WatchHealth:
    """Whether events would arrive if there were any."""

    def __init__(self, streams: Mapping[str, Stream], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._streams = streams
        self._clock = clock
        self._beat_s = clock()
        self.hopeless = False
        """Tasks of the last watcher cannot be ended."""
        self.restarts = 0
        """How often the watcher was started again after an error that ended it."""

    def beat(self) -> None:
        """The event loop runs: called by it about every second."""
        self._beat_s = self._clock()
        for stream in self._streams.values():
            stream.sample()

    def connected(self, resource: str) -> bool:
        """True while the WATCH of `resource` is open, as far as the client knows."""
        return self._streams[resource].connected

    def seconds_since_last_byte(self, resource: str) -> float:
        """Seconds since a byte of `resource` was received. The server sends at least a bookmark about once a minute."""
        return max(0.0, self._clock() - self._streams[resource].last_byte_s)

    def problem(self, *, limit_s: float = 120.0) -> str | None:
        """Why restarting the process may help: an open WATCH is silent, or the event loop has stopped, for `limit_s`.

        An unreachable API server is no reason: uploads continue without it, and the WATCH is opened again.
        """
        if self._clock() - self._beat_s > limit_s:
            return f"the watcher's event loop has been stuck for more than {limit_s:g} s"
        if self.hopeless:
            return "the watcher failed and cannot be stopped"
        for resource in self._streams:
            if self.connected(resource) and self.seconds_since_last_byte(resource) > limit_s:
                return f"the watch of {resource} is open, but has been silent for more than {limit_s:g} s"
        return None
