"""The time at which each Recording is due."""

import heapq
from datetime import datetime, timedelta


class Timers:
    """The earliest time of each uid counts. Setting and taking cost O(log n)."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._at: dict[str, datetime] = {}

    def set(self, uid: str, at: datetime | None) -> None:
        """Make `uid` due at `at` or earlier. None changes nothing."""
        if at is None or (uid in self._at and self._at[uid] <= at):
            return
        self._at[uid] = at
        heapq.heappush(self._heap, (at, uid))

    def due(self, now: datetime) -> list[str]:
        """The uids that are due, each once. They are forgotten here."""
        uids = []
        while self._heap and self._heap[0][0] <= now:
            at, uid = heapq.heappop(self._heap)
            if self._at.get(uid) == at:
                del self._at[uid]
                uids.append(uid)
        return uids

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        self._at = {uid: at + by for uid, at in self._at.items()}
        self._heap = [(at, uid) for uid, at in self._at.items()]
        heapq.heapify(self._heap)

    def next(self) -> datetime | None:
        """When the next one is due."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
