"""The queue of artifacts: slots, fairness between namespaces, and the order within a namespace.

The namespace with the fewest running transfers is next, then the one that has waited longest for a turn. So a tenant
with thousands of Recordings delays a single Recording of another tenant by at most one slot. Within a namespace, the
order is: priority, URLs that have not expired, earliest expiry, oldest. Priorities of one tenant do not affect others.
"""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from recording_operator.engine.expiry import Expiry

K = TypeVar("K")
ArtifactKey = tuple[str, str]
"""(uid of the Recording, name of the artifact)"""


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """The order of artifacts of one namespace; the smaller rank starts first."""

    negated_priority: int
    past_expiry: bool
    expires_at: datetime
    created: datetime
    key: ArtifactKey


def rank(*, priority: int, expiry: Expiry, created: datetime, key: ArtifactKey, now: datetime) -> Rank:
    """Rank an artifact. One whose stated expiry has passed is last among equals, because it will probably fail."""
    return Rank(-priority, expiry.stated and expiry.at <= now, expiry.at, created, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Artifacts that compete for the same slots."""

    namespace: str
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many artifacts may be in transfer at once."""

    total: int
    per_namespace: int
    """Of one namespace, over all locations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """The limits that a location sets."""

    location: int | None = None
    namespace_at_location: int | None = None


@dataclass(slots=True)
class Slots:
    """Counts running transfers. Every `take` is followed by one `give_back`."""

    capacity: Capacity
    running: dict[ArtifactKey, Lane] = field(default_factory=dict)
    _by_namespace: Counter[str] = field(default_factory=Counter)
    _by_location: Counter[str] = field(default_factory=Counter)
    _by_lane: Counter[Lane] = field(default_factory=Counter)

    def free(self, lane: Lane, limits: LaneLimits) -> bool:
        """Whether one more transfer of this lane may run."""
        return (
            len(self.running) < self.capacity.total
            and self._by_namespace[lane.namespace] < self.capacity.per_namespace
            and (limits.location is None or self._by_location[lane.location] < limits.location)
            and (limits.namespace_at_location is None or self._by_lane[lane] < limits.namespace_at_location)
        )

    def in_namespace(self, namespace: str) -> int:
        """Transfers of a namespace that run now."""
        return self._by_namespace[namespace]

    def take(self, key: ArtifactKey, lane: Lane) -> None:
        """Occupy a slot. Raises ValueError if the artifact has one already."""
        if key in self.running:
            raise ValueError(f"{key} runs already")
        self.running[key] = lane
        self._count(lane, 1)

    def give_back(self, key: ArtifactKey) -> None:
        """Free the slot of an artifact, if it has one."""
        lane = self.running.pop(key, None)
        if lane is not None:
            self._count(lane, -1)

    def _count(self, lane: Lane, step: int) -> None:
        _add(self._by_namespace, lane.namespace, step)
        _add(self._by_location, lane.location, step)
        _add(self._by_lane, lane, step)


def _add(counter: "Counter[K]", name: K, step: int) -> None:
    counter[name] += step
    if not counter[name]:
        del counter[name]


_SLACK: Final = 64
"""Outdated heap entries are removed only if there are more than this."""


class ArtifactQueue:
    """The artifacts that wait for a slot, by lane. Adding, removing and taking cost O(log n)."""

    def __init__(self) -> None:
        self._heaps: dict[Lane, list[Rank]] = defaultdict(list)
        self._ranks: dict[ArtifactKey, tuple[Lane, Rank]] = {}
        self._turn: dict[str, int] = {}
        self._turns = 0
        self._backlog = 0

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, key: ArtifactKey) -> bool:
        return key in self._ranks

    def put(self, lane: Lane, ranked: Rank) -> None:
        """Add an artifact, or move it to a new rank."""
        if self._ranks.get(ranked.key) == (lane, ranked):
            return
        self._ranks[ranked.key] = (lane, ranked)
        heapq.heappush(self._heaps[lane], ranked)
        self._backlog += 1
        if self._backlog > 2 * len(self._ranks) + _SLACK:
            self._compact()

    def discard(self, key: ArtifactKey) -> None:
        """Remove an artifact. Its heap entry is dropped later, when it is at the top."""
        self._ranks.pop(key, None)

    def backlog(self) -> int:
        """Heap entries, outdated ones included."""
        return sum(len(heap) for heap in self._heaps.values())

    def _compact(self) -> None:
        """Drop outdated entries. While a location is full, artifacts may be added and removed for hours."""
        self._heaps.clear()
        for lane, ranked in self._ranks.values():
            self._heaps[lane].append(ranked)
        for heap in self._heaps.values():
            heapq.heapify(heap)
        self._backlog = len(self._ranks)

    def take(self, slots: Slots, limits: dict[str, LaneLimits]) -> ArtifactKey | None:
        """The next artifact for which a slot is free, with the slot taken; None if nothing can start."""
        if len(slots.running) >= slots.capacity.total:
            return None
        best: tuple[tuple[int, int, Rank], Lane] | None = None
        for lane in list(self._heaps):
            head = self._head(lane)
            if head is None or not slots.free(lane, limits.get(lane.location, LaneLimits())):
                continue
            standing = (slots.in_namespace(lane.namespace), self._turn.get(lane.namespace, 0), head)
            if best is None or standing < best[0]:
                best = (standing, lane)
        if best is None:
            return None
        (_, _, ranked), lane = best
        self._pop(self._heaps[lane])
        del self._ranks[ranked.key]
        self._turns += 1
        self._turn[lane.namespace] = self._turns
        slots.take(ranked.key, lane)
        return ranked.key

    def _head(self, lane: Lane) -> Rank | None:
        heap = self._heaps[lane]
        while heap and self._ranks.get(heap[0].key) != (lane, heap[0]):
            self._pop(heap)
        if not heap:
            del self._heaps[lane]
            return None
        return heap[0]

    def _pop(self, heap: list[Rank]) -> None:
        heapq.heappop(heap)
        self._backlog -= 1
