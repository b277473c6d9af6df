"""Changes of one field of a Recording: retry, cancel, suspend and resume. Pure functions, but for new tokens.

They read the API server's dict: a Recording of another version of the CRD can be cancelled, too.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

_CANCELLED: Final = "Cancelled"
_MOVE_FAILED: Final = "MoveFailed"


class NothingToDo(Exception):  # noqa: N818 - it is no error
    """The Recording is in the wanted state already, or cannot get into it. The message says which."""


def merge_of(recording: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that changes these fields of the spec. Of a namesake that was created since, nothing is changed.

    No resourceVersion is needed: nothing of what was read is written back.
    """
    return {"metadata": {"uid": recording["metadata"]["uid"]}, "spec": dict(spec)}


def retried(recording: Mapping[str, Any], *, token: str, restarts_cancelled: bool) -> dict[str, Any]:
    """The fields of the spec that have failed artifacts tried again. Raises NothingToDo."""
    status = _status(recording)
    if status.get("phase") == "Complete" and status.get("reason") != _MOVE_FAILED and not _failures(recording):
        raise NothingToDo("It is Complete, so there is nothing to retry.")
    again: dict[str, Any] = {"retryToken": token}
    if restarts_cancelled and _spec(recording).get("cancel"):
        again["cancel"] = False
    return again


def cancelled(recording: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the spec that abort the uploads. Raises NothingToDo."""
    if _spec(recording).get("cancel"):
        raise NothingToDo("It is cancelled already.")
    if not is_unfinished(recording):
        raise NothingToDo(f"It is {_phase(recording)}, so there is no upload to cancel.")
    return {"cancel": True}


def suspended(recording: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the spec that pause the uploads. Raises NothingToDo."""
    if _spec(recording).get("suspend"):
        raise NothingToDo("It is suspended already.")
    if not can_be_suspended(recording):
        raise NothingToDo(f"It is {_phase(recording)}, so there is no upload to pause.")
    return {"suspend": True}


def resumed(recording: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the spec that let paused uploads go on. Raises NothingToDo."""
    if not is_suspended(recording):
        after = " It was cancelled; retry starts it again." if _spec(recording).get("cancel") else ""
        raise NothingToDo(f"It is not suspended.{after}")
    return {"suspend": False}


def new_token(now: datetime, *, face: str) -> str:
    """A retryToken that was never used. `face` names the program with which it is made."""
    return f"{face}-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def can_be_retried(recording: Mapping[str, Any]) -> bool:
    """Failed, or with a move or an optional file that has failed. What a person has cancelled stays so."""
    status = _status(recording)
    if status.get("reason") == _MOVE_FAILED:
        return True
    if status.get("phase") == "Complete":
        return any(reason != _CANCELLED for reason in _failures(recording))
    return status.get("phase") == "Failed" and status.get("reason") != _CANCELLED


def can_be_suspended(recording: Mapping[str, Any]) -> bool:
    """Unfinished, or moving: the copies of a move are paused, too."""
    target, location = _spec(recording).get("storageLocation"), _status(recording).get("storageLocation")
    return is_unfinished(recording) or bool(_phase(recording) == "Complete" and target and target != location)


def is_suspended(recording: Mapping[str, Any]) -> bool:
    """Whether a person has paused it."""
    return bool(_spec(recording).get("suspend"))


def is_unfinished(recording: Mapping[str, Any]) -> bool:
    """Neither Complete nor Failed."""
    return _phase(recording) not in ("Complete", "Failed")


def _failures(recording: Mapping[str, Any]) -> list[str]:
    """Why files have failed: those of a Complete Recording are optional."""
    artifacts = _status(recording).get("artifacts") or ()
    return [str(one.get("reason") or "") for one in artifacts if one.get("phase") == "Failed"]


def _phase(recording: Mapping[str, Any]) -> str:
    return str(_status(recording).get("phase") or "Pending")


def _spec(recording: Mapping[str, Any]) -> Mapping[str, Any]:
    return recording.get("spec") or {}


def _status(recording: Mapping[str, Any]) -> Mapping[str, Any]:
    return recording.get("status") or {}
