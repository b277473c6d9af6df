"""Whether the quotas of a location have room for an artifact. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from recording_operator.api.quotas import Quota, QuotaAction
from recording_operator.api.units import format_bytes
from recording_operator.engine.queue import ArtifactKey, Rank
from recording_operator.engine.quota_ledger import Booking, QuotaOwner, RecordingOwner, StoreLedger


class RoomNeed(NamedTuple):
    """What an artifact needs: its size; None before its size is known."""

    size_bytes: int | None
    has_no_length: bool = False
    """Its source states no length, so its size is known only at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRejection:
    """The quota that leaves no room for an artifact, and what happens to it."""

    owner: QuotaOwner
    action: QuotaAction
    message: str


@dataclass(frozen=True, slots=True)
class HeldArtifact:
    """An artifact that waits for room."""

    owner: RecordingOwner
    need: RoomNeed
    rank: Rank
    rejection: QuotaRejection


@dataclass(slots=True)
class StoreAccount:
    """A bucket and prefix with quotas."""

    since: dict[str, int] = field(default_factory=dict)
    """Its locations, and the tick since which their artifacts are noted."""
    ledger: StoreLedger = field(default_factory=StoreLedger)
    failures: dict[str, str] = field(default_factory=dict)
    freed: set[str] = field(default_factory=set)
    held: dict[ArtifactKey, HeldArtifact] = field(default_factory=dict)
    endless: dict[ArtifactKey, RecordingOwner] = field(default_factory=dict)
    """Artifacts without a known length that are under way."""
    failing: set[tuple[str, QuotaOwner]] = field(default_factory=set)
    """Quotas that have failed an artifact since the last count."""

    @property
    def is_known(self) -> bool:
        """Whether all its locations were counted."""
        return all(self.ledger.is_counted(location) for location in self.since)


@dataclass(slots=True)
class RoomPlan:
    """What the artifacts take that are released together."""

    size_bytes: Counter[QuotaOwner] = field(default_factory=Counter)
    new_uids: dict[QuotaOwner, set[str]] = field(default_factory=dict)
    """Of Recordings that are not in the number of Recordings yet."""
    endless: set[QuotaOwner] = field(default_factory=set)

    def add(self, uid: str, owner: RecordingOwner, need: RoomNeed, *, is_new: bool) -> None:
        """An artifact of the Recording is released."""
        for one in owner.quota_owners:
            self.size_bytes[one] += need.size_bytes or 0
            if is_new:
                self.new_uids.setdefault(one, set()).add(uid)
            if need.has_no_length:
                self.endless.add(one)


_ONE_AT_A_TIME: Final = "has a quota, so artifacts without a known length are stored one at a time in"
_ADVICE: Final = {
    QuotaAction.HOLD: "It waits until recordings are deleted or expire, or the quota is raised.",
    QuotaAction.FAIL: "Delete recordings, or ask for a larger quota; then change spec.retryToken.",
}


def find_rejection(
    known: StoreAccount,
    quotas: Mapping[QuotaOwner, Quota],
    key: ArtifactKey,
    owner: RecordingOwner,
    need: RoomNeed,
    plan: RoomPlan,
) -> QuotaRejection | None:
    """The first quota that leaves no room; one that fails artifacts comes before one that holds them."""
    booking = Booking(key[0], owner.location)
    reserved = known.ledger.reserved(booking, key[1])
    if _has_room(known, key, reserved, need):
        return None
    rejections = []
    for one in owner.quota_owners:
        quota = quotas.get(one)
        problem = _no_room(known, key, booking, one, quota, need, plan) if quota is not None else None
        if quota is None or problem is None:
            continue
        action = QuotaAction.HOLD if problem == _ONE_AT_A_TIME else quota.action
        message = f"{_name(one)} {problem} StorageLocation {owner.location}. {_ADVICE[action]}"
        rejections.append(QuotaRejection(owner=one, action=action, message=message))
    return min(rejections, key=lambda rejection: rejection.action is QuotaAction.HOLD, default=None)


def _has_room(known: StoreAccount, key: ArtifactKey, reserved: int | None, need: RoomNeed) -> bool:
    """Whether the artifact has taken its room before."""
    if reserved is None:
        return False
    if need.has_no_length:
        return key in known.endless
    return need.size_bytes is not None and need.size_bytes <= reserved


def _no_room(
    known: StoreAccount,
    key: ArtifactKey,
    booking: Booking,
    owner: QuotaOwner,
    quota: Quota,
    need: RoomNeed,
    plan: RoomPlan,
) -> str | None:
    used_bytes, recordings = known.ledger.usage(owner)
    used_bytes += plan.size_bytes[owner] - (known.ledger.reserved(booking, key[1]) or 0)
    planned = plan.new_uids.get(owner, set())
    is_new = not known.ledger.has_recording(booking) and booking.uid not in planned
    if quota.recordings is not None and is_new and recordings + len(planned) >= quota.recordings:
        return f"has used its quota of {quota.recordings} recordings in"
    if quota.most_bytes is None:
        return None
    limit = format_bytes(quota.most_bytes)
    if need.size_bytes is not None and not need.has_no_length:
        if used_bytes + need.size_bytes > quota.most_bytes:
            what = "this artifact" if key[1] else "this Recording"  # that moves
            return f"has no room for the {format_bytes(need.size_bytes)} of {what} in its quota of {limit} in"
    elif used_bytes >= quota.most_bytes:
        return f"has used its quota of {limit} in"
    elif need.has_no_length and _is_endless(known, key, owner, plan):
        return _ONE_AT_A_TIME
    return None


def _is_endless(known: StoreAccount, key: ArtifactKey, owner: QuotaOwner, plan: RoomPlan) -> bool:
    others = (one for other, one in known.endless.items() if other != key)
    return owner in plan.endless or any(owner in one.quota_owners for one in others)


def _name(owner: QuotaOwner) -> str:
    return f"Organisation {owner.org}" if owner.org else f"Namespace {owner.namespace}"
