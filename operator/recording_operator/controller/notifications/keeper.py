"""Keeps the EventSinks: what the engine knows of them, where their events go, and their statuses.

The watch reports sinks, the threads that send events report results. Secrets and references are read when an event is
sent, at most every 30 seconds, and once a minute for sinks that cannot be used. The status is written at most every ten
seconds, and at once if Ready changes.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.eventsink import EventSink
from recording_operator.api.notification import ClusterNotification
from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.controller.notifications.record import SinkProblem, SinkRecord, read_sink
from recording_operator.controller.notifications.status import SinkStatusWriter
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.controller.notifications.threads import SinkKey
from recording_operator.engine.notification_facts import SinksChanged
from recording_operator.notify.sender import NotAcceptedError, SinkTarget

_TARGET_S: Final = 30.0
_RECHECK_S: Final = 60.0
_WRITE_EVERY_S: Final = 10.0
_CONFIGURATION: Final = reasons_with(Trait.BLOCKS_SINK)
_logger = logging.getLogger(__name__)


class SinkKeeper:
    """Safe for many threads. Nothing that the watch calls blocks."""

    def __init__(
        self,
        *,
        resolver: TargetResolver,
        status: SinkStatusWriter,
        post: Callable[[SinksChanged], None],
        on_recovery: Callable[[], None],
        pool: Executor,
        now: Callable[[], datetime],
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_recovery` is called when events that were given up for a while may be sent again."""
        self._resolver = resolver
        self._status = status
        self._post = post
        self._on_recovery = on_recovery
        self._pool = pool
        self._now = now
        self._steady_s = steady_s
        self._lock = threading.RLock()
        self._records: dict[SinkKey, SinkRecord] = {}
        self._all_listed = False

    # Called by the watch

    def seen(self, raw: dict[str, Any]) -> None:
        """An EventSink was listed, added or modified."""
        try:
            sink = read_sink(raw)
        except ValidationError:
            meta = raw["metadata"]
            extra = {"namespace": meta.get("namespace")}
            _logger.error("EventSink %s cannot be read: its CRD has another version", meta.get("name"), extra=extra)
            return
        with self._lock:
            key = (sink.metadata.namespace, sink.metadata.name)
            record = self._records.get(key)
            if record is None or record.sink.metadata.uid != sink.metadata.uid:
                self._records[key] = SinkRecord.of(sink, self._now())
            elif record.sink.metadata.generation != sink.metadata.generation:
                self._records[key] = self._edited(record, sink)
                self._on_recovery()
            else:
                record.sink = sink
            self._tell()

    def gone(self, uid: str) -> None:
        """The EventSink was deleted."""
        with self._lock:
            kept = {key: one for key, one in self._records.items() if one.sink.metadata.uid != uid}
            self._records = kept
            self._tell()

    def listed(self, uids: frozenset[str]) -> None:
        """All EventSinks were listed."""
        with self._lock:
            self._records = {key: one for key, one in self._records.items() if one.sink.metadata.uid in uids}
            self._all_listed = True
            self._tell()

    def _edited(self, old: SinkRecord, sink: EventSink) -> SinkRecord:
        record = SinkRecord.of(sink, self._now())
        record.delivered, record.failed, record.pending = old.delivered, old.failed, old.pending
        record.last_delivery_time, record.notifications = old.last_delivery_time, old.notifications
        record.problem = None
        if (old.sink.spec.uri, old.sink.spec.ref) == (sink.spec.uri, sink.spec.ref):
            record.not_before = old.not_before
        record.recovers(self._now())
        return record

    def _tell(self) -> None:
        if self._all_listed:
            sinks = sorted((one.as_fact() for one in self._records.values()), key=lambda one: (one.namespace, one.name))
            self._post(SinksChanged(sinks=tuple(sinks)))

    # Called by the threads that send

    def sink(self, key: SinkKey) -> EventSink | None:
        """The sink of this name."""
        with self._lock:
            record = self._records.get(key)
            return None if record is None else record.sink

    def open_s(self, key: SinkKey) -> float:
        """How long nothing is sent to the sink, because it keeps failing; 0 if events are sent now."""
        with self._lock:
            record = self._records.get(key)
            return 0.0 if record is None else record.circuit.open_s(self._steady_s())

    def target(self, key: SinkKey) -> SinkTarget:
        """Where to send. Raises NotAcceptedError."""
        with self._lock:
            record = self._records.get(key)
            if record is None:
                raise NotAcceptedError(Reason.SINK_NOT_FOUND, "The EventSink does not exist any more.")
            if record.target is not None and self._steady_s() - record.read_s < _TARGET_S:
                return record.target
        return self._read_target(record)

    def _read_target(self, record: SinkRecord) -> SinkTarget:
        try:
            target = self._resolver.resolve(record.sink)
        except NotAcceptedError:
            with self._lock:
                record.target, record.read_s = None, self._steady_s()
            raise
        with self._lock:
            record.target, record.read_s = target, self._steady_s()
        return target

    def accepted(self, attempted: EventSink) -> None:
        """The sink has accepted an event."""
        with self._lock:
            record = self._unedited(attempted)
            if record is None:
                return
            record.last_delivery_time = self._now()
            record.changed = True
            record.circuit.succeeded()
            ended = record.outage.ended(self._steady_s())
            if record.stopped:
                return  # the response to an event that was on its way before 410
            if ended or _is_configuration(record.problem):
                self._recovered(record)
            elif record.problem is not None:
                record.problem, record.written_s = None, None  # Ready is written at once

    def rejected(self, attempted: EventSink, error: NotAcceptedError) -> None:
        """The sink has not accepted an event."""
        with self._lock:
            record = self._unedited(attempted)
            if record is None:
                return
            record.outage.refused(self._steady_s())
            if error.retry_after_s:
                at = self._now() + timedelta(seconds=error.retry_after_s)
                record.not_before = max(at, record.not_before or at)
            if error.reason is Reason.SINK_UNAVAILABLE:
                record.circuit.failed(self._steady_s(), retry_after_s=error.retry_after_s or 0.0)
                if not record.circuit.keeps_failing:
                    return  # it may pass
            self._note_problem(record, error)

    def _unedited(self, attempted: EventSink) -> SinkRecord | None:
        """The record of the sink that was attempted; None if it was edited or deleted meanwhile."""
        record = self._records.get((attempted.metadata.namespace, attempted.metadata.name))
        return record if record is not None and _is_same(record.sink, attempted) else None

    def is_stopped(self, key: SinkKey) -> bool:
        """Whether its receiver wants no more events."""
        with self._lock:
            record = self._records.get(key)
            return record is None or record.stopped

    def count(self, key: SinkKey, *, delivered: int = 0, failed: int = 0) -> None:
        """Count events that were delivered or given up."""
        with self._lock:
            record = self._records.get(key)
            if record is not None:
                record.delivered += delivered
                record.failed += failed
                record.changed = True

    # Events about StorageReports and StorageLocations

    def keys_in(self, namespace: str) -> list[SinkKey]:
        """The sinks of a namespace that can be used; none before all were listed."""
        with self._lock:
            known = self._records.items() if self._all_listed else ()
            return [key for key, record in known if key[0] == namespace and not record.stopped]

    def cluster_notifications(self, key: SinkKey) -> tuple[ClusterNotification, ...]:
        """The outbox of a sink."""
        with self._lock:
            record = self._records.get(key)
            return () if record is None else record.notifications

    def set_cluster_notifications(self, key: SinkKey, listed: tuple[ClusterNotification, ...]) -> None:
        """Replace the outbox of a sink."""
        with self._lock:
            record = self._records.get(key)
            if record is not None and record.notifications != listed:
                record.notifications, record.changed = listed, True

    def replace_cluster_notification(self, key: SinkKey, one: ClusterNotification) -> None:
        """An attempt has ended."""
        listed = self.cluster_notifications(key)
        self.set_cluster_notifications(key, tuple(one if old.id == one.id else old for old in listed))

    # Called regularly by the leader

    def note_pending(self, pending: dict[SinkKey, int]) -> None:
        """How many events wait for each sink."""
        with self._lock:
            for key, record in self._records.items():
                if record.pending != pending.get(key, 0):
                    record.pending, record.changed = pending.get(key, 0), True

    def readiness(self) -> dict[bool, int]:
        """How many sinks are Ready and how many are not. Those that are suspended do not count."""
        with self._lock:
            active = [one for one in self._records.values() if not one.sink.spec.suspend]
        return {ready: sum((one.problem is None) is ready for one in active) for ready in (True, False)}

    def tick(self) -> None:
        """Check sinks that are new or cannot be used, and write statuses."""
        with self._lock:
            records = list(self._records.values())
        for record in records:
            if self._needs_check(record):
                self._pool.submit(partial(self._check, record))
            elif record.changed and self._may_write(record):
                record.changed, record.written_s = False, self._steady_s()
                self._pool.submit(partial(self._status.write, record))

    def _needs_check(self, record: SinkRecord) -> bool:
        with self._lock:
            if not record.checked:
                record.checked = True
                return True
            waits = _is_configuration(record.problem)
            due = waits and self._steady_s() - record.read_s >= _RECHECK_S
            if due:
                record.read_s = self._steady_s()
            return due

    def _may_write(self, record: SinkRecord) -> bool:
        return record.written_s is None or self._steady_s() - record.written_s >= _WRITE_EVERY_S

    def _check(self, record: SinkRecord) -> None:
        before = record.target
        try:
            after = self._read_target(record)
        except NotAcceptedError as error:
            with self._lock:
                self._note_problem(record, error)
            return
        with self._lock:
            record.changed = True
            blocked = record.problem is not None and record.problem.reason is Reason.SINK_BLOCKED
            if blocked and before is not None and before.url == after.url:
                return  # only an attempt shows whether the policy allows it now
            if _is_configuration(record.problem):
                self._recovered(record)

    def _note_problem(self, record: SinkRecord, error: NotAcceptedError) -> None:
        if record.stopped:
            return
        problem = SinkProblem(reason=error.reason, message=error.message)
        if record.problem is None or record.problem.reason is not problem.reason:
            record.written_s = None  # written at once
            self._status.announce(record.sink, problem)
        record.problem, record.changed = problem, True
        if record.stopped:
            self._tell()

    def _recovered(self, record: SinkRecord) -> None:
        record.recovers(self._now())
        record.problem, record.changed, record.written_s = None, True, None
        self._on_recovery()
        self._tell()


def _is_configuration(problem: SinkProblem | None) -> bool:
    """Whether it ends when a Secret, a reference or a policy is corrected."""
    return problem is not None and problem.reason in _CONFIGURATION


def _is_same(sink: EventSink, other: EventSink) -> bool:
    """Whether it was not edited, and not deleted and created again."""
    ours, theirs = sink.metadata, other.metadata
    return (ours.uid, ours.generation) == (theirs.uid, theirs.generation)
