"""Transfers behind bandwidth limits in virtual time: who moved how many bytes when, without real delays."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recording_operator.transfer.limits.fair_bucket import LARGEST_GRANT_BYTES, FairBucket, Share, Ticket


@dataclass(slots=True, eq=False, kw_only=True)
class Mover:
    """A transfer: `workers` connections that each bring at most `speed` bytes per second, from `begin_s` to `end_s`.

    They request `window_bytes` at a time.
    """

    buckets: Sequence[FairBucket]
    workers: int = 4
    speed: float = 1e9
    window_bytes: int = LARGEST_GRANT_BYTES
    begin_s: float = 0.0
    end_s: float = float("inf")
    moved: list[tuple[float, int]] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)

    def bytes_between(self, begin_s: float, end_s: float) -> int:
        """What was moved in this time."""
        return sum(count for at, count in self.moved if begin_s <= at < end_s)


class Simulation:
    """Runs movers as `Flow` does: each worker takes from one bucket after the other, gives back the rest, and moves."""

    def __init__(self, movers: Sequence[Mover], *, edits: Sequence[tuple[float, Callable[[float], None]]] = ()) -> None:
        self._edits = sorted(edits, key=lambda edit: edit[0])
        self._buckets = list({id(bucket): bucket for mover in movers for bucket in mover.buckets}.values())
        self._ready: list[tuple[float, int, Mover]] = []
        self._waiting: list[tuple[Mover, int, Ticket]] = []
        self._count = 0
        for mover in movers:
            mover.shares = [Share() for _ in mover.buckets]
            for _ in range(mover.workers):
                self._will_ask(mover, mover.begin_s)

    def run(self, until_s: float) -> None:
        """Advance to this moment."""
        now = 0.0
        while now < until_s:
            now = min(until_s, self._next(now))
            while self._edits and self._edits[0][0] <= now:
                self._edits.pop(0)[1](now)
            while self._ready and self._ready[0][0] <= now:
                _, _, mover = heapq.heappop(self._ready)
                if now < mover.end_s:
                    self._ask(mover, 0, mover.window_bytes)
            self._deal(now)

    def _next(self, now: float) -> float:
        moments = [self._ready[0][0]] if self._ready else []
        moments += [self._edits[0][0]] if self._edits else []
        waits = [bucket.next_grant_s(now) for bucket in self._buckets]
        # A sleep is never as short as one might wish.
        return min(moments + [now + max(wait, 1e-3) for wait in waits if wait is not None], default=float("inf"))

    def _ask(self, mover: Mover, index: int, size_bytes: int) -> None:
        self._waiting.append((mover, index, mover.buckets[index].request(mover.shares[index], size_bytes)))

    def _deal(self, now: float) -> None:
        while True:
            for bucket in self._buckets:
                bucket.deal(now)
            granted = [waiting for waiting in self._waiting if waiting[2].granted.is_set()]
            if not granted:
                return
            self._waiting = [waiting for waiting in self._waiting if not waiting[2].granted.is_set()]
            for mover, index, ticket in granted:
                self._go_on(mover, index, ticket, now)

    def _go_on(self, mover: Mover, index: int, ticket: Ticket, now: float) -> None:
        for before in range(index):
            mover.buckets[before].give_back(mover.shares[before], ticket.size_bytes - ticket.granted_bytes)
        if index + 1 < len(mover.buckets):
            self._ask(mover, index + 1, ticket.granted_bytes)
            return
        mover.moved.append((now, ticket.granted_bytes))
        self._will_ask(mover, now + ticket.granted_bytes / mover.speed)

    def _will_ask(self, mover: Mover, at: float) -> None:
        self._count += 1
        heapq.heappush(self._ready, (at, self._count, mover))
