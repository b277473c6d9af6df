"""A token bucket that serves transfers fairly. Pure: no clock, no thread.

Each transfer has one share, regardless of its number of connections. The transfer that was served least is next. One
that could not take its turn (a slow source) catches up, but for at most `_CREDIT_GRANTS` grants, so that a transfer
that was idle does not starve the others. What one transfer leaves is free for the others at once.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

LARGEST_GRANT_BYTES: Final = 256 * 2**10
SMALLEST_GRANT_BYTES: Final = 4 * 2**10
# The longest time of one grant. If it is shorter, transfers take turns more often.
_GRANT_S: Final = 0.02
# How much may be caught up after the process was busy; also the largest burst after a pause.
_BURST_S: Final = 0.25
_CREDIT_GRANTS: Final = 4


@dataclass(slots=True, eq=False, kw_only=True)
class Ticket:
    """A request for up to `size_bytes`; `granted_bytes` is 0 until `granted` is set."""

    share: "Share"
    size_bytes: int
    granted_bytes: int = 0
    granted: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True, eq=False)
class Share:
    """The state of one transfer at one bucket."""

    served_bytes: float = 0.0
    turn: int = 0
    waiting: deque[Ticket] = field(default_factory=deque)


class FairBucket:
    """Not thread-safe. Every `now` is seconds of the same clock. `rate` is bytes per second; None means no limit.

    In any time `t`, at most `rate * (t + 0.25 s)` bytes plus one grant are moved.
    """

    def __init__(self, rate: int | None, *, now: float) -> None:
        self.rate = rate
        self._tokens = 0.0
        self._filled_at = now
        self._waiting: set[Share] = set()
        self._served_bytes = 0.0
        self._turns = 0

    def set_rate(self, rate: int | None, *, now: float) -> None:
        """Set another limit. Bytes that were taken in advance still count, up to one grant at the new rate."""
        self._fill(now)
        self.rate = rate
        if rate is not None:
            self._tokens = max(self._tokens, -float(grant_bytes(rate)))
            self._fill(now)

    def request(self, share: Share, size_bytes: int) -> Ticket:
        """Queue up; `deal` serves."""
        ticket = Ticket(share=share, size_bytes=size_bytes)
        share.waiting.append(ticket)
        self._waiting.add(share)
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Cancel a request, and return the bytes that it was granted."""
        if ticket.granted.is_set():
            self.give_back(ticket.share, ticket.granted_bytes)
        else:
            ticket.share.waiting.remove(ticket)
            self._forget_if_served(ticket.share)

    def give_back(self, share: Share, size_bytes: int) -> None:
        """Return the bytes that were granted but not used."""
        self._tokens += size_bytes
        share.served_bytes -= size_bytes

    def deal(self, now: float) -> None:
        """Grant the tokens that there are, in order of turn."""
        self._fill(now)
        while self._waiting and (self.rate is None or self._tokens > 0):
            least = self._least_place()
            self._serve(min(self._waiting, key=lambda share: (max(share.served_bytes, least), share.turn)), least)

    def next_grant_s(self, now: float) -> float | None:
        """Seconds until the next grant; None if no transfer waits."""
        if not self._waiting:
            return None
        if self.rate is None:
            return 0.0
        return max(0.0, self._filled_at - now - self._tokens / self.rate)

    def _least_place(self) -> float:
        """A share that was served less than this counts as if it were this much."""
        grant = LARGEST_GRANT_BYTES if self.rate is None else grant_bytes(self.rate)
        return self._served_bytes - _CREDIT_GRANTS * grant

    def _serve(self, share: Share, least: float) -> None:
        ticket = share.waiting.popleft()
        self._forget_if_served(share)
        place = max(share.served_bytes, least)
        granted = ticket.size_bytes if self.rate is None else min(ticket.size_bytes, grant_bytes(self.rate))
        self._turns += 1
        share.turn = self._turns
        share.served_bytes = place + granted
        self._served_bytes = max(self._served_bytes, place)
        if self.rate is not None:
            self._tokens -= granted
        ticket.granted_bytes = granted
        ticket.granted.set()

    def _forget_if_served(self, share: Share) -> None:
        if not share.waiting:
            self._waiting.discard(share)

    def _fill(self, now: float) -> None:
        if self.rate is not None:
            most = max(self.rate * _BURST_S, grant_bytes(self.rate))
            self._tokens = min(most, self._tokens + self.rate * max(0.0, now - self._filled_at))
        self._filled_at = max(now, self._filled_at)


def grant_bytes(rate: int) -> int:
    """The largest grant at this rate."""
    return int(max(SMALLEST_GRANT_BYTES, min(LARGEST_GRANT_BYTES, rate * _GRANT_S)))
