"""Bandwidth limits of a StorageLocation and of the process, shared fairly between transfers.

A transfer waits here before it reads from its source, so that reading and storing both stay within the limit. Without
a limit this costs one attribute access.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from recording_operator.stopping import Stopped, StopSignal
from recording_operator.transfer.limits.fair_bucket import FairBucket, Share, Ticket

_STOP_POLL_S: Final = 0.25
# Shorter sleeps cost more than they gain. The bucket compensates for the difference.
_SHORTEST_SLEEP_S: Final = 0.002
_LINGER_S: Final = 5.0


class RateLimiter:
    """One limit, in bytes per second (None: none), that many transfers share. Thread-safe; may be changed at any time.

    `on_wait` is called with the seconds that a connection of a transfer had to wait.
    """

    def __init__(
        self,
        limit: int | None = None,
        *,
        on_wait: Callable[[float], None] = lambda _seconds: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = FairBucket(limit, now=monotonic())
        self._on_wait = on_wait
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._dealing = False
        self._sleeping = False

    @property
    def limit(self) -> int | None:
        """Bytes per second."""
        return self._bucket.rate

    def set_limit(self, limit: int | None) -> None:
        """Change the limit. It applies to running transfers too."""
        with self._changed:
            if limit != self._bucket.rate:
                self._bucket.set_rate(limit, now=self._monotonic())
                self._changed.notify_all()

    def take(self, share: Share, size_bytes: int, stop: StopSignal) -> int:
        """Wait for a turn. Returns how many of the bytes may be moved now, at least one. Raises Stopped."""
        if self._bucket.rate is None:
            return size_bytes
        with self._changed:
            ticket = self._bucket.request(share, size_bytes)
            now = self._monotonic()
            self._bucket.deal(now)
            if not ticket.granted.is_set():
                try:
                    self._start_dealing()
                except RuntimeError:  # no more threads
                    self._bucket.withdraw(ticket)
                    raise
        if not ticket.granted.is_set():
            self._wait(ticket, stop)
            self._on_wait(self._monotonic() - now)
        return ticket.granted_bytes

    def give_back(self, share: Share, size_bytes: int) -> None:
        """Return the bytes that were taken but not used."""
        if self._bucket.rate is not None:
            with self._changed:
                self._bucket.give_back(share, size_bytes)

    def _wait(self, ticket: Ticket, stop: StopSignal) -> None:
        while not ticket.granted.wait(_STOP_POLL_S) and not stop.is_set():
            pass
        if stop.is_set():
            with self._changed:
                self._bucket.withdraw(ticket)
            raise Stopped

    def _start_dealing(self) -> None:
        if not self._dealing:
            threading.Thread(target=self._serve, name="bandwidth", daemon=True).start()
            self._dealing = True
        elif self._sleeping:
            self._changed.notify_all()

    def _serve(self) -> None:
        """Serve waiting transfers as soon as there are tokens. Returns when no transfer has waited for a while."""
        with self._changed:
            while True:
                self._bucket.deal(self._monotonic())
                next_s = self._bucket.next_grant_s(self._monotonic())
                if next_s is not None:
                    self._changed.wait(max(next_s, _SHORTEST_SLEEP_S))
                    continue
                self._sleeping = True
                self._changed.wait(_LINGER_S)
                self._sleeping = False
                if self._bucket.next_grant_s(self._monotonic()) is None:
                    self._dealing = False
                    return


class Flow:
    """All limits of one transfer. All of its connections wait here. Thread-safe."""

    def __init__(self, limiters: Sequence[RateLimiter] = ()) -> None:
        self._limits: Final = tuple((limiter, Share()) for limiter in limiters)

    def take(self, size_bytes: int, stop: StopSignal) -> int:
        """Wait until some of the bytes may be moved. Returns how many, at least one. Raises Stopped."""
        taken = size_bytes
        for index, (limiter, share) in enumerate(self._limits):
            try:
                granted = limiter.take(share, taken, stop)
            except (Stopped, RuntimeError):
                self._give_back(taken, before=index)
                raise
            if granted < taken:
                self._give_back(taken - granted, before=index)
                taken = granted
        return taken

    def take_all(self, size_bytes: int, stop: StopSignal) -> None:
        """Wait until all of the bytes may be moved. Raises Stopped."""
        while size_bytes > 0:
            size_bytes -= self.take(size_bytes, stop)

    def give_back(self, size_bytes: int) -> None:
        """Return the bytes that were taken but not used."""
        if size_bytes > 0:
            self._give_back(size_bytes, before=len(self._limits))

    def _give_back(self, size_bytes: int, *, before: int) -> None:
        for limiter, share in self._limits[:before]:
            limiter.give_back(share, size_bytes)
