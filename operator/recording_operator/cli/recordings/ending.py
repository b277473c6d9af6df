"""Waits until a Recording has a finalizer, or until it is gone."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from recording_operator.cli.caller import Cluster
from recording_operator.cli.recordings.selection import name_of
from recording_operator.cli.screen.text import clean
from recording_operator.cli.verb import EXIT_TIMEOUT, Failure, note
from recording_operator.kube.errors import ApiUnavailable, NotFound, TooManyRequests
from recording_operator.kube.resources import RECORDINGS
from recording_operator.times import span

_EVERY_S: Final = 0.5
Fact = Callable[[Mapping[str, Any] | None], bool]
"""Whether the Recording is as wanted; None: it is gone."""


def wait_until(
    cluster: Cluster,
    recording: Mapping[str, Any],
    fact: Fact,
    *,
    what: str,
    timeout: timedelta | None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any] | None:
    """Read the Recording until the fact holds, and return it; None if it is gone. Each message that is new since
    `recording` was read is printed.

    Raises Failure after `timeout`.
    """
    metadata, said = recording["metadata"], _message(recording)
    ends_s = None if timeout is None else time.monotonic() + timeout.total_seconds()
    while True:
        found = _read(cluster, metadata)
        if found is not _UNREADABLE:
            if fact(found):
                return found
            message = _message(found)
            if message and message != said:
                note(f"{name_of(recording)}: {message}")
                said = message
        if timeout is not None and ends_s is not None and time.monotonic() >= ends_s:
            raise Failure(
                f"{name_of(recording)} is not {what} after {span(timeout.total_seconds())}.", status=EXIT_TIMEOUT
            )
        sleep(_EVERY_S)


_UNREADABLE: Final[dict[str, Any]] = {}


def _read(cluster: Cluster, metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Recording; None if it is gone, or if a namesake has taken its place."""
    try:
        found = cluster.resources.get(RECORDINGS, metadata["name"], namespace=metadata["namespace"])
    except NotFound:
        return None
    except (ApiUnavailable, TooManyRequests):
        return _UNREADABLE
    return found if found["metadata"]["uid"] == metadata["uid"] else None


def _message(found: Mapping[str, Any] | None) -> str:
    status = (found or {}).get("status") or {}
    reason, message = status.get("reason"), status.get("message")
    return clean(f"{status.get('phase')} ({reason}). {message or ''}".strip()) if reason else ""
