"""Recordings beyond what a namespace may take of memory: known by name alone, and read again when there is room.

Whoever may create Recordings is not trusted. Remembered whole, some hundred of the largest, or a hundred thousand
small ones, would end the operator, and again each time it starts, for all tenants.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from recording_operator.api.recording import Recording
from recording_operator.engine.entry import version_of
from recording_operator.engine.expiry import expiry_of
from recording_operator.engine.facts import Ref

MOST_BYTES: Final = 128 * 2**20
"""Of one namespace: some 10,000 small Recordings."""
MAKE_ROOM_EVERY: Final = timedelta(minutes=1)
SLEEP: Final = timedelta(minutes=10)
"""So long, at least, one that waits for something else than a slot makes room for others."""
_EACH_BYTES: Final = 8 * 2**10
_ARTIFACT_BYTES: Final = 3 * 2**10
_READ_AT_ONCE: Final = 8
_READ_AGAIN: Final = timedelta(seconds=5)

Order = tuple[bool, bool, int, bool, datetime, str]
"""Who is read first: being deleted, not suspended, priority, URL that lives, expiry; the uid makes it one order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What no status tells, and is not to be forgotten with the rest; as in Entry."""

    touched: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    contested: bool = False


@dataclass(frozen=True, slots=True)
class _LeftOut:
    ref: Ref
    version: int
    weight_bytes: int
    order: Order
    kept: Kept
    asleep_until: datetime | None


class Backlog:
    """Weighs what is remembered of each namespace, and keeps the names of what is not."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._weights: dict[str, tuple[str, str, int]] = {}
        """By uid: namespace, the version that was weighed, and its bytes."""
        self._used: Counter[str] = Counter()
        self._left_out: dict[str, _LeftOut] = {}
        self._ready: dict[str, list[tuple[Order, str]]] = {}
        """By namespace, a heap. Whoever is not in `_left_out` with the same order has gone from it."""
        self._asleep: list[tuple[datetime, str]] = []
        self._asked: dict[str, _LeftOut] = {}
        self._newest: dict[str, int] = {}
        """The newest version that was seen of one while it was read."""
        self._read_again_at: datetime | None = None
        self._make_room_at: dict[str, datetime] = {}

    def __len__(self) -> int:
        """How many are known by name alone."""
        return len(self._left_out) + len(self._asked)

    # What is remembered

    def takes(self, recording: Recording) -> bool:
        """Whether there is room to remember one more. One always fits, however large."""
        return self._has_room(recording.metadata.namespace, weight_of(recording))

    def weigh(self, recording: Recording) -> None:
        """Note what a remembered Recording takes."""
        meta = recording.metadata
        known = self._weights.get(meta.uid)
        if known is not None and known[1] == meta.resource_version:
            return
        self.release(meta.uid)
        self._count(meta.uid, meta.namespace, meta.resource_version, weight_of(recording))

    def release(self, uid: str) -> None:
        """It is not remembered any longer."""
        namespace, _, weight_bytes = self._weights.pop(uid, ("", "", 0))
        if weight_bytes:
            self._used[namespace] -= weight_bytes
            if not self._used[namespace]:
                del self._used[namespace]

    def overflows(self, uid: str) -> bool:
        """Whether a namespace takes a quarter more than it may, and not by this one alone: Recordings grow by edits.

        A quarter, so that whoever goes is not read again at once because it went.
        """
        namespace, _, weight_bytes = self._weights.get(uid, ("", "", 0))
        used = self._used[namespace]
        return used > self._most_bytes * 1.25 and used > weight_bytes

    # What is not

    def leave_out(
        self, recording: Recording, now: datetime, *, kept: Kept, asleep_until: datetime | None = None
    ) -> None:
        """Remember no more than its name, and when its turn comes."""
        meta = recording.metadata
        self.drop(meta.uid)
        ref = Ref(namespace=meta.namespace, name=meta.name, uid=meta.uid)
        version, weight_bytes, order = version_of(recording), weight_of(recording), _order_of(recording, now)
        self._put(_LeftOut(ref, version, weight_bytes, order, kept, asleep_until))

    def is_echo(self, recording: Recording) -> bool:
        """Whether a newer version was left out."""
        known = self._left_out.get(recording.metadata.uid)
        return known is not None and version_of(recording) < known.version

    def drop(self, uid: str) -> Kept:
        """It is gone, or seen now. Returns what was kept of it."""
        self._newest.pop(uid, None)
        if uid in self._asked:
            self.release(uid)
        known = self._asked.pop(uid, None) or self._left_out.pop(uid, None)
        return known.kept if known is not None else Kept()

    def wake_missing(self, uids: frozenset[str]) -> None:
        """A complete list was seen: whoever is not in it has ended or is gone, and is read when there is room."""
        for uid in self._left_out.keys() - uids:
            self._put(replace(self._left_out[uid], asleep_until=None))

    def crowded(self, now: datetime) -> list[str]:
        """The namespaces in which one waits for room that others should make now; each is told once a minute."""
        self._wake(now)
        found = []
        for namespace in list(self._ready):
            head = self._head(namespace)
            if head is None or self._has_room(namespace, head.weight_bytes):
                self._make_room_at.pop(namespace, None)
            elif self._make_room_at.get(namespace, now) <= now:
                self._make_room_at[namespace] = now + MAKE_ROOM_EVERY
                found.append(namespace)
        return found

    def next_reads(self, now: datetime) -> list[Ref]:
        """Those that there is room for now; each is to be answered by `drop`, `put_back` or `refused`."""
        if self._read_again_at is not None and now < self._read_again_at:
            return []
        self._read_again_at = None
        found: list[Ref] = []
        for namespace in list(self._ready):
            reading = sum(asked.ref.namespace == namespace for asked in self._asked.values())
            while reading < _READ_AT_ONCE and (head := self._head(namespace)) is not None:
                if not self._has_room(namespace, head.weight_bytes):
                    break
                heapq.heappop(self._ready[namespace])
                self._asked[head.ref.uid] = self._left_out.pop(head.ref.uid)
                self._count(head.ref.uid, namespace, "", head.weight_bytes)  # the room is taken until it is there
                found.append(head.ref)
                reading += 1
        return found

    def is_asked(self, uid: str) -> bool:
        """Whether it is being read."""
        return uid in self._asked

    def note_newer(self, recording: Recording) -> None:
        """This was seen of one that is being read; the answer may be older."""
        uid = recording.metadata.uid
        self._newest[uid] = max(version_of(recording), self._newest.get(uid, 0))

    def is_outdated(self, recording: Recording) -> bool:
        """Whether something newer was seen while it was read."""
        return version_of(recording) < self._newest.get(recording.metadata.uid, 0)

    def put_back(self, uid: str) -> None:
        """What was read of it is of no use."""
        asked = self._asked[uid]
        self.drop(uid)
        self._put(asked)

    def refused(self, uid: str, now: datetime) -> None:
        """It could not be read: later."""
        self.put_back(uid)
        self._read_again_at = now + _READ_AGAIN

    def next_due(self) -> datetime | None:
        """When there may be something to read, or room to be made, though nothing happens."""
        while self._asleep and not self._sleeps(self._asleep[0]):
            heapq.heappop(self._asleep)
        wishes = [*self._make_room_at.values(), *(at for at, _ in self._asleep[:1])]
        return min([*wishes, self._read_again_at] if self._read_again_at else wishes, default=None)

    def hurry(self, now: datetime) -> None:
        """The clock was set back."""
        self._read_again_at = min(self._read_again_at, now) if self._read_again_at else None
        self._make_room_at = {namespace: min(at, now) for namespace, at in self._make_room_at.items()}
        self._wake(datetime.max.replace(tzinfo=UTC))

    def _has_room(self, namespace: str, weight_bytes: int) -> bool:
        used = self._used[namespace]
        return not used or used + weight_bytes <= self._most_bytes

    def _count(self, uid: str, namespace: str, version: str, weight_bytes: int) -> None:
        self._weights[uid] = (namespace, version, weight_bytes)
        self._used[namespace] += weight_bytes

    def _put(self, one: _LeftOut) -> None:
        self._left_out[one.ref.uid] = one
        if one.asleep_until is not None:
            heapq.heappush(self._asleep, (one.asleep_until, one.ref.uid))
            return
        heap = self._ready.setdefault(one.ref.namespace, [])
        heapq.heappush(heap, (one.order, one.ref.uid))
        if len(heap) > 2 * len(self._left_out) + 64:  # edits, again and again, would let it grow without an end
            heap[:] = [entry for entry in set(heap) if self._is_ready(entry)]
            heapq.heapify(heap)

    def _wake(self, now: datetime) -> None:
        while self._asleep and self._asleep[0][0] <= now:
            found = heapq.heappop(self._asleep)
            if self._sleeps(found):
                one = self._left_out[found[1]]
                self._put(replace(one, asleep_until=None))

    def _head(self, namespace: str) -> _LeftOut | None:
        heap = self._ready[namespace]
        while heap and not self._is_ready(heap[0]):
            heapq.heappop(heap)
        if not heap:
            del self._ready[namespace]
            self._make_room_at.pop(namespace, None)
            return None
        return self._left_out[heap[0][1]]

    def _is_ready(self, entry: tuple[Order, str]) -> bool:
        known = self._left_out.get(entry[1])
        return known is not None and known.asleep_until is None and known.order == entry[0]

    def _sleeps(self, entry: tuple[datetime, str]) -> bool:
        known = self._left_out.get(entry[1])
        return known is not None and known.asleep_until == entry[0]


def weight_of(recording: Recording) -> int:
    """Bytes that remembering a Recording takes, about: measured."""
    texts_bytes = len(recording.model_dump_json(exclude_unset=True)) * 3 // 2
    return _EACH_BYTES + _ARTIFACT_BYTES * len(recording.spec.artifacts) + texts_bytes


def _order_of(recording: Recording, now: datetime) -> Order:
    meta, spec = recording.metadata, recording.spec
    created = meta.creation_timestamp or now
    expiries = [
        expiry_of(url=artifact.source.url, expires_at=artifact.source.expires_at, created=created)
        for artifact in spec.artifacts
        if artifact.source is not None
    ]
    first = min(expiries, key=lambda expiry: expiry.at, default=None)
    past = first is not None and first.stated and first.at <= now
    at = first.at if first is not None else datetime.max.replace(tzinfo=UTC)
    return (meta.deletion_timestamp is None, spec.suspend, -spec.priority, past, at, meta.uid)
