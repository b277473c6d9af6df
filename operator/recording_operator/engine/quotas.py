"""Quotas of StorageLocations: whether one more artifact fits, and which artifacts wait for room.

An artifact takes its room when its transfer starts, or when its size is found, before its first byte is stored. One of
unknown size, whose source states no length, needs any room at all; it takes what was sent so far, and only one of them
is under way for each quota. So all that is stored exceeds a quota by at most one artifact of unknown size.

Locations that share a bucket and a prefix share their account, because they may store under the same keys.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from recording_operator.api.quotas import Quota, QuotaAction
from recording_operator.engine.facts import OwnerUsage
from recording_operator.engine.queue import ArtifactKey, Rank
from recording_operator.engine.quota_ledger import ArtifactUse, Booking, QuotaOwner, RecordingOwner, Use
from recording_operator.engine.quota_room import (
    HeldArtifact,
    QuotaRejection,
    RoomNeed,
    RoomPlan,
    StoreAccount,
    find_rejection,
)

MOVE: Final = ""
"""Instead of the name of an artifact: all objects of a Recording that moves."""

StoreId = tuple[str, str, str]
"""Address, bucket and prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """How much of a quota is used."""

    location: str
    quota: Quota
    used_bytes: int
    recordings: int
    waiting: int
    """Recordings that wait because of it."""
    exceeded: bool

    @property
    def used_ratio(self) -> float:
        """The used share of bytes or recordings, whichever is larger."""
        used = (self.used_bytes, self.quota.most_bytes), (self.recordings, self.quota.recordings)
        return max((amount / most for amount, most in used if most), default=0.0)


class CountWish(Enum):
    """Why a location should be counted, the most urgent first."""

    UNKNOWN = "unknown"
    """Its usage is not known, so nothing starts."""
    FREED = "freed"
    """Recordings wait, and objects were deleted since the last count."""
    WAITING = "waiting"
    """Recordings wait. Objects may have expired, or may have been deleted by others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReport:
    """The usage of all quotas whose locations were counted, and the locations that should be counted."""

    usages: tuple[QuotaUsage, ...]
    wishes: Mapping[str, CountWish]


@dataclass(frozen=True, slots=True)
class _Location:
    store: StoreId
    quotas: Mapping[QuotaOwner, Quota]


class Quotas:
    """All quotas, the usage of their owners, and the artifacts that wait for room."""

    def __init__(self) -> None:
        self._tick = 0
        self._locations: dict[str, _Location] = {}
        self._stores: dict[StoreId, StoreAccount] = {}
        self._began: dict[str, int] = {}
        self._owners: dict[str, RecordingOwner] = {}
        """By uid: where the Recordings are whose artifacts were noted."""
        self._moves: dict[str, RecordingOwner] = {}
        """By uid: where Recordings are about to be moved."""

    # Locations

    def set_location(self, name: str, store: StoreId, quotas: Iterable[Quota]) -> frozenset[str]:
        """Note a location. Returns the locations whose Recordings this may concern."""
        new = _Location(store, {QuotaOwner(quota.org, quota.namespace): quota for quota in quotas})
        old = self._locations.get(name)
        if old == new:
            return frozenset()
        affected = self.forget_location(name) if old is not None and old.store != store else frozenset()
        self._locations[name] = new
        return affected | self._follow(store)

    def forget_location(self, name: str) -> frozenset[str]:
        """The location was deleted. Returns the locations whose Recordings this may concern."""
        old = self._locations.pop(name, None)
        if old is None:
            return frozenset()
        known = self._stores.get(old.store)
        if known is not None:
            known.since.pop(name, None)
            known.ledger.forget_location(name)
            known.held = {key: held for key, held in known.held.items() if held.owner.location != name}
        return self._follow(old.store) | {name}

    def _follow(self, store: StoreId) -> frozenset[str]:
        """Keep an account of the store if one of its locations has quotas."""
        names = {name for name, location in self._locations.items() if location.store == store}
        if not any(self._locations[name].quotas for name in names):
            self._stores.pop(store, None)
            return frozenset(names)
        known = self._stores.setdefault(store, StoreAccount())
        for name in names - known.since.keys():
            known.since[name] = self._tick
        known.failing.clear()
        known.ledger.has_shrunk = True
        return frozenset(names)

    def _account(self, location: str) -> StoreAccount | None:
        known = self._locations.get(location)
        return self._stores.get(known.store) if known is not None else None

    def has_account(self, location: str) -> bool:
        """Whether artifacts of this location have to be noted."""
        return self._account(location) is not None

    def concerns(self, owner: RecordingOwner) -> bool:
        """Whether a quota concerns the Recordings of this owner."""
        location = self._locations.get(owner.location)
        return location is not None and any(one in location.quotas for one in owner.quota_owners)

    # Counts

    def count_began(self, locations: Iterable[str]) -> None:
        """A count of these locations begins. It includes all that is stored now."""
        self._tick += 1
        for name in locations:
            self._began[name] = self._tick
            known = self._account(name)
            if known is not None:
                known.freed.discard(name)

    def counted(self, location: str, rows: tuple[OwnerUsage, ...]) -> frozenset[str]:
        """A count has ended. Returns the locations whose Recordings this may concern."""
        began, known = self._began.pop(location, None), self._account(location)
        if known is None or began is None or began <= known.since[location]:
            return frozenset()
        was_known = known.is_known
        known.ledger.counted(location, rows, began_at=began)
        known.failures.pop(location, None)
        known.failing = {one for one in known.failing if one[0] != location}
        return frozenset(known.since) if known.is_known and not was_known else frozenset()

    def not_counted(self, location: str, message: str) -> frozenset[str]:
        """A count has failed. Returns the locations whose Recordings this may concern."""
        self._began.pop(location, None)
        known = self._account(location)
        if known is None or known.is_known or known.failures.get(location) == message:
            return frozenset()
        known.failures[location] = message
        return frozenset(known.since)

    def is_known(self, location: str) -> bool:
        """Whether the usage of the location is known, or does not matter."""
        known = self._account(location)
        return known is None or known.is_known

    def failure(self, location: str) -> str | None:
        """Why the usage of the location is not known, if its count has failed."""
        known = self._account(location)
        return next(iter(known.failures.values()), None) if known is not None else None

    def wishes(self) -> dict[str, CountWish]:
        """The locations that should be counted."""
        found: dict[str, CountWish] = {}
        for known in self._stores.values():
            for name in known.since:
                if not known.ledger.is_counted(name):
                    found[name] = CountWish.UNKNOWN
                elif known.held:
                    found[name] = CountWish.FREED if name in known.freed else CountWish.WAITING
        return found

    # Artifacts

    def update(self, uid: str, owner: RecordingOwner, artifacts: tuple[ArtifactUse, ...]) -> None:
        """Note how all artifacts of a Recording use space. What was under way elsewhere is given up."""
        before = self._owners.get(uid, owner)
        if before != owner:
            self._forget_at(before, uid, may_be_stored=False)
        if self._moves.get(uid) == owner:
            del self._moves[uid]  # it has arrived
        known = self._account(owner.location)
        if known is None:
            return
        self._owners[uid] = owner
        known.ledger.update(uid, owner, artifacts, tick=self._tick)
        for artifact in artifacts:
            if artifact.use is not Use.UNDER_WAY:
                self._end_endless(known, (uid, artifact.name))

    def grow(self, key: ArtifactKey, location: str, size_bytes: int) -> None:
        """So much of an artifact was sent."""
        known = self._account(location)
        if known is not None:
            known.ledger.grow(Booking(key[0], location), key[1], size_bytes)

    def forget(self, uid: str, *, may_be_stored: bool = False) -> None:
        """Nothing happens to the Recording any more. `may_be_stored`: another process may have stored artifacts."""
        self.end_move(uid)
        owner = self._owners.pop(uid, None)
        if owner is not None:
            self._forget_at(owner, uid, may_be_stored=may_be_stored)

    def _forget_at(self, owner: RecordingOwner, uid: str, *, may_be_stored: bool) -> None:
        known = self._account(owner.location)
        if known is None:
            return
        known.ledger.release(Booking(uid, owner.location), keep=may_be_stored, tick=self._tick)
        owners = {key: held.owner for key, held in known.held.items()} | known.endless
        for key in [key for key, other in owners.items() if key[0] == uid and other == owner]:
            known.held.pop(key, None)
            self._end_endless(known, key)

    def removed(self, uid: str, owner: RecordingOwner) -> None:
        """The objects of a Recording were deleted."""
        known = self._account(owner.location)
        if known is not None:
            known.ledger.removed(Booking(uid, owner.location))
            self.freed(owner.location)

    def freed(self, location: str) -> None:
        """Objects were deleted: only a count shows how much room there is now."""
        known = self._account(location)
        if known is not None:
            known.freed.add(location)

    def _end_endless(self, known: StoreAccount, key: ArtifactKey) -> None:
        if known.endless.pop(key, None) is not None:
            known.ledger.has_shrunk = True

    def admit(self, key: ArtifactKey, owner: RecordingOwner, need: RoomNeed, *, rank: Rank) -> QuotaRejection | None:
        """Take room for an artifact. If there is none, it is held, and the rejection is returned."""
        known = self._account(owner.location)
        if known is None:
            return None
        rejection = find_rejection(known, self._locations[owner.location].quotas, key, owner, need, RoomPlan())
        if rejection is not None:
            known.held[key] = HeldArtifact(owner, need, rank, rejection)
            if rejection.action is QuotaAction.FAIL:
                known.failing.add((owner.location, rejection.owner))
            return rejection
        uid, artifact = key
        reserved = known.ledger.reserved(Booking(uid, owner.location), artifact) or 0
        known.ledger.reserve(uid, owner, artifact, max(reserved, need.size_bytes or 0))
        if need.has_no_length:
            known.endless[key] = owner
        return None

    def held(self, key: ArtifactKey, location: str) -> QuotaRejection | None:
        """The quota that an artifact waits for."""
        known = self._account(location)
        found = known.held.get(key) if known is not None else None
        return found.rejection if found is not None and found.owner.location == location else None

    def stop_holding(self, key: ArtifactKey, location: str) -> None:
        """The artifact waits for something else, or ended."""
        known = self._account(location)
        if known is not None:
            known.held.pop(key, None)

    def can_release(self) -> bool:
        """Whether artifacts wait, and usage has become less."""
        return any(known.held and known.ledger.has_shrunk for known in self._stores.values())

    def release(self) -> list[ArtifactKey]:
        """The artifacts that may be decided differently now, in order of rank. They are not held any more.

        Those are the ones that fit together, and those whose quota has another action."""
        found: list[ArtifactKey] = []
        for known in self._stores.values():
            if known.ledger.has_shrunk and known.held:
                found += self._release(known)
            known.ledger.has_shrunk = False
        return found

    def _release(self, known: StoreAccount) -> Iterator[ArtifactKey]:
        plan = RoomPlan()
        for key, held in sorted(known.held.items(), key=lambda item: item[1].rank):
            quotas = self._locations[held.owner.location].quotas
            rejection = find_rejection(known, quotas, key, held.owner, held.need, plan)
            if rejection is None:
                is_new = not known.ledger.has_recording(Booking(key[0], held.owner.location))
                plan.add(key[0], held.owner, held.need, is_new=is_new)
            if rejection is None or rejection.action is not held.rejection.action:
                del known.held[key]
                yield key  # if the action has become Fail, it fails

    # Moves

    def begin_move(self, uid: str, owner: RecordingOwner) -> None:
        """A Recording is about to be moved to the location of this owner."""
        if self._moves.get(uid, owner) != owner:
            self.end_move(uid)
        self._moves[uid] = owner

    def reserve_move(
        self, uid: str, sizes: Mapping[str, int], *, rank: Rank, begun: Collection[str]
    ) -> QuotaRejection | None:
        """Take room for all objects that are moved. If there is none, they are held, and the rejection is returned.

        `begun`: the artifacts that an earlier operator was copying, so they had their room."""
        owner, key = self._moves[uid], (uid, MOVE)
        known = self._account(owner.location)
        if known is None:
            return None
        booking = Booking(uid, owner.location)
        missing = {name: size for name, size in sizes.items() if known.ledger.reserved(booking, name) is None}
        for name in missing.keys() & set(begun):
            known.ledger.reserve(uid, owner, name, missing.pop(name))
        if missing:
            need = RoomNeed(sum(missing.values()))
            rejection = find_rejection(known, self._locations[owner.location].quotas, key, owner, need, RoomPlan())
            if rejection is not None:
                known.held[key] = HeldArtifact(owner, need, rank, rejection)
                return rejection
        known.held.pop(key, None)
        for name, size_bytes in missing.items():
            known.ledger.reserve(uid, owner, name, size_bytes)
        return None

    def end_move(self, uid: str, *, may_be_stored: bool = False) -> None:
        """The Recording is not moved any more: its room at the new place is free, unless something was copied."""
        owner = self._moves.pop(uid, None)
        if owner is not None:
            self._forget_at(owner, uid, may_be_stored=may_be_stored)

    def moves_to(self, uid: str) -> str | None:
        """The location that a Recording is about to be moved to."""
        owner = self._moves.get(uid)
        return owner.location if owner is not None else None

    # Reports

    def usages(self) -> list[QuotaUsage]:
        """The usage of all quotas whose locations were counted."""
        found = []
        for name, location in sorted(self._locations.items()):
            known = self._stores.get(location.store)
            if known is None or not known.is_known:
                continue
            waiting = _waiting(known, name)
            for owner, quota in location.quotas.items():
                used_bytes, recordings = known.ledger.usage(owner)
                full = quota.most_bytes is not None and used_bytes >= quota.most_bytes
                full |= quota.recordings is not None and recordings >= quota.recordings
                found.append(
                    QuotaUsage(
                        location=name,
                        quota=quota,
                        used_bytes=used_bytes,
                        recordings=recordings,
                        waiting=len(waiting.get(owner, ())),
                        exceeded=full or owner in waiting or (name, owner) in known.failing,
                    )
                )
        return found


def _waiting(known: StoreAccount, location: str) -> dict[QuotaOwner, set[str]]:
    """The uids of the Recordings of a location that wait, by the quota that holds them."""
    found: dict[QuotaOwner, set[str]] = {}
    for (uid, _), held in known.held.items():
        if held.owner.location == location and held.rejection.action is QuotaAction.HOLD:
            found.setdefault(held.rejection.owner, set()).add(uid)
    return found
