"""Writes the status of RecordingSources: what was counted since the last write, added to what is stored.

Every replica adds its own counts under the resourceVersion that it has read, so that no count is lost. What a receiver
has counted in its last seconds is lost if it is killed.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from recording_operator.api.meta import ConditionStatus, format_time
from recording_operator.api.reasons import Reason
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.kube.errors import Conflict, KubeError, NotFound
from recording_operator.kube.outage import level_of
from recording_operator.kube.receiving import ReceiverApi
from recording_operator.receiver.results import Result
from recording_operator.receiver.sources import KnownSource, SourceBook, SourceKey

EVERY_S: Final = 10.0
_TRIES: Final = 5
_COUNTED_AS: Final[Mapping[Result, str]] = {
    Result.ACCEPTED: "accepted",
    Result.DUPLICATE: "duplicates",
    Result.CONFLICTING_REDELIVERY: "duplicates",
    Result.REJECTED: "rejected",
    Result.UNREADABLE: "rejected",
    Result.UNFIT: "rejected",
    Result.CONFLICT: "rejected",
    Result.UNAVAILABLE: "failed",
    Result.FAILED: "failed",
}
_GENUINE: Final = frozenset(Result) - {
    *(Result.REJECTED, Result.NOT_FOUND, Result.TOO_LARGE, Result.TOO_SLOW, Result.MALFORMED, Result.OVERLOADED),
}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was counted for one source since its last write."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    delivered_at: datetime | None = None
    occurred_at: datetime | None = None

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        names = self.numbers.keys() | other.numbers.keys()
        return Counts(
            numbers={name: self.numbers.get(name, 0) + other.numbers.get(name, 0) for name in names},
            delivered_at=_latest(self.delivered_at, other.delivered_at),
            occurred_at=_latest(self.occurred_at, other.occurred_at),
        )


class StatusWriter:
    """Counts deliveries and writes the statuses. Thread-safe."""

    def __init__(self, api: ReceiverApi, *, now: Callable[[], datetime], every_s: float = EVERY_S) -> None:
        self._api = api
        self._now = now
        self._every_s = every_s
        self._lock = threading.Lock()
        self._counts: dict[SourceKey, Counts] = {}

    def count(self, key: SourceKey, result: Result, *, occurred_at: datetime | None = None) -> None:
        """A delivery to a source has ended."""
        name = _COUNTED_AS.get(result)
        counts = Counts(
            numbers={name: 1} if name else {},
            delivered_at=self._now() if result in _GENUINE else None,
            occurred_at=occurred_at,
        )
        if counts != Counts():
            self._add(key, counts)

    def run(self, book: SourceBook, stop: threading.Event) -> None:
        """Write until `stop` is set, and once more at the end. Blocks; meant for a separate thread."""
        while not stop.wait(self._every_s):
            self.write_all(book)
        self.write_all(book)

    def write_all(self, book: SourceBook) -> None:
        """Write the status of each source for which it has changed."""
        with self._lock:
            counted, self._counts = self._counts, {}
        for known in book.all():
            counts = counted.pop(known.key, Counts())
            try:
                self._write(known, counts)
            except NotFound:
                continue
            except KubeError as error:
                self._add(known.key, counts)
                extra = {"namespace": known.key[0]}
                text = "The status of RecordingSource %s was not written: %s"
                _logger.log(level_of(error), text, known.key[1], error, extra=extra)

    def _write(self, known: KnownSource, counts: Counts) -> None:
        """Write one status. Raises KubeError."""
        source = known.source
        for _ in range(_TRIES):
            status = _status(replace(known, source=source), counts, now=self._now())
            if not status:
                return
            namespace, name = known.key
            version = source.metadata.resource_version
            try:
                self._api.patch_source_status(namespace, name, resource_version=version, status=status)
            except Conflict:
                source = RecordingSource.model_validate(self._api.get_source(namespace, name))
                if source.metadata.uid != known.source.metadata.uid:
                    return
            else:
                return
        raise Conflict(f"RecordingSource {known.key[1]}: it is changed too often", status=409)

    def _add(self, key: SourceKey, counts: Counts) -> None:
        with self._lock:
            self._counts[key] = self._counts.get(key, Counts()).plus(counts)


def path_of(source: RecordingSource) -> str:
    """The path of the webhook. The token that may follow it is not shown."""
    return f"/v1/sources/{source.metadata.namespace}/{source.metadata.name}"


def _status(known: KnownSource, counts: Counts, *, now: datetime) -> dict[str, Any]:
    """What has to be written; empty if nothing has changed."""
    stored, generation = known.source.status, known.source.metadata.generation
    status: dict[str, Any] = {name: getattr(stored, name) + number for name, number in counts.numbers.items() if number}
    for name, last, at in (
        ("lastDeliveryTime", stored.last_delivery_time, counts.delivered_at),
        ("lastEventTime", stored.last_event_time, counts.occurred_at),
    ):
        if at is not None and (last is None or at > last):
            status[name] = format_time(at)
    if stored.path != path_of(known.source):
        status["path"] = path_of(known.source)
    if known.secrets is None:  # what is Ready is not known yet
        return status
    if stored.observed_generation != generation:
        status["observedGeneration"] = generation
    ready = _ready(known)
    before = next((one for one in stored.conditions if one.type == "Ready"), None)
    shown = None if before is None else (before.status.value, before.reason, before.message, before.observed_generation)
    if shown != (*ready, generation):
        since = now if before is None or before.status.value != ready[0] else before.last_transition_time
        status["conditions"] = [
            {
                "type": "Ready",
                "status": ready[0],
                "reason": ready[1],
                "message": ready[2],
                "observedGeneration": generation,
                "lastTransitionTime": format_time(since),
            }
        ]
    return status


def _ready(known: KnownSource) -> tuple[str, str, str]:
    """Status, reason and message of the condition Ready."""
    if known.source.spec.suspend:
        return ConditionStatus.FALSE.value, Reason.SUSPENDED.value, "Deliveries are rejected: spec.suspend is true."
    if known.problem is not None:
        return ConditionStatus.FALSE.value, Reason.MAPPING_INVALID.value, known.problem
    if known.secret_problem is not None:
        return ConditionStatus.FALSE.value, known.secret_problem.reason.value, known.secret_problem.message
    return ConditionStatus.TRUE.value, Reason.RECEIVING.value, "Deliveries are accepted at status.path."


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    times = [time for time in (one, other) if time is not None]
    return max(times) if times else None
