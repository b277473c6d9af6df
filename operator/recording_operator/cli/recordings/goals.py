"""The states that `wait` waits for, and whether a Recording has reached one, or cannot reach it any more."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any, Final

_COMPLETE: Final = "Complete"
_FAILED: Final = "Failed"
_EXPIRED: Final = "Expired"
_MOVE_FAILED: Final = "MoveFailed"


class Goal(StrEnum):
    """What is waited for."""

    COMPLETE = "complete"
    """Every required artifact is stored."""
    STORED = "stored"
    """Every artifact is stored, optional ones too."""
    FAILED = "failed"
    DELETED = "deleted"
    """The Recording is gone from Kubernetes."""
    MOVED = "moved"
    """The objects are at the location to which `move` sent them, and its move is over."""


class GoalState(Enum):
    """How far a Recording is."""

    OPEN = "open"
    REACHED = "reached"
    MISSED = "missed"
    """It has ended in another state."""


def state_of(manifest: Mapping[str, Any], goal: Goal, *, location: str | None = None) -> GoalState:
    """How far a Recording is that exists. A phase before the last edit of its spec does not count as an end.

    `location`: with MOVED, the one that it moves to.
    """
    if goal is Goal.MOVED:
        return _move_state(manifest, location)
    status = manifest.get("status") or {}
    phase = status.get("phase")
    if goal is Goal.DELETED or phase not in {_COMPLETE, _FAILED} or not _is_current(manifest):
        return GoalState.OPEN
    if goal is Goal.FAILED:
        return GoalState.REACHED if phase == _FAILED else GoalState.MISSED
    if phase == _FAILED or (goal is Goal.STORED and not _is_stored(manifest)):
        return GoalState.MISSED
    return GoalState.REACHED


def _move_state(manifest: Mapping[str, Any], location: str | None) -> GoalState:
    status = manifest.get("status") or {}
    if manifest["spec"].get("storageLocation") != location:
        return GoalState.MISSED
    if not _is_current(manifest):
        return GoalState.OPEN
    if status.get("reason") == _MOVE_FAILED:
        return GoalState.MISSED
    is_there = status.get("storageLocation") == location and not status.get("move")
    return GoalState.REACHED if is_there else GoalState.OPEN


def _is_current(manifest: Mapping[str, Any]) -> bool:
    generation = manifest["metadata"].get("generation") or 0
    return bool(((manifest.get("status") or {}).get("observedGeneration") or 0) >= generation)


def _is_stored(manifest: Mapping[str, Any]) -> bool:
    states = {one["name"]: one for one in manifest["status"].get("artifacts") or ()}
    return all(
        (state := states.get(one["name"], {})).get("phase") == _COMPLETE and state.get("reason") != _EXPIRED
        for one in manifest["spec"]["artifacts"]
    )
