"""The outbox of events about StorageReports and StorageLocations: status.notifications of the EventSinks that select
them, in the operator's namespace.

An event that a condition stands for and that the outbox does not list was never delivered. So a crash loses none, and
may only deliver one twice, with the same id.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.names import STORAGE_LOCATION_PLURAL, STORAGE_REPORT_PLURAL
from recording_operator.api.notification import MAX_CLUSTER_NOTIFICATIONS, ClusterNotification, NotificationPhase
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from recording_operator.controller.notifications.attempts import Attempts, CircuitOpenError
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.situations import CLUSTER_EVENTS, Situation, of_location, of_report
from recording_operator.controller.notifications.threads import SinkKey, SinkThreads
from recording_operator.engine.notifications import MOST_ATTEMPTS, delay_after
from recording_operator.metrics import Metrics
from recording_operator.notify.sender import NotAcceptedError
from recording_operator.stopping import Stopped

_RESOURCES: Final = (STORAGE_REPORT_PLURAL, STORAGE_LOCATION_PLURAL)
_OVER: Final = "It was over before the event could be delivered."
_logger = logging.getLogger(__name__)


class ClusterOutbox:
    """Safe for many threads. The watch reports objects, and the leader calls `tick` every second."""

    def __init__(
        self,
        *,
        keeper: SinkKeeper,
        attempts: Attempts,
        threads: SinkThreads,
        metrics: Metrics,
        operator_namespace: str,
        leads: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._keeper = keeper
        self._attempts = attempts
        self._threads = threads
        self._metrics = metrics
        self._namespace = operator_namespace
        self._leads = leads
        self._now = now
        self._lock = threading.Lock()
        self._situations: dict[str, tuple[Situation, ...]] = {}
        """By uid of the object."""
        self._resources: dict[str, str] = {}
        """The resource of each object, by uid."""
        self._listed: set[str] = set()
        self._in_flight: set[SinkKey] = set()

    # Called by the watch

    def report_seen(self, raw: dict[str, Any]) -> None:
        """A StorageReport was listed, added or modified."""
        self._note(STORAGE_REPORT_PLURAL, raw, lambda: of_report(StorageReport.model_validate(raw)))

    def location_seen(self, raw: dict[str, Any]) -> None:
        """A StorageLocation was listed, added or modified."""
        self._note(STORAGE_LOCATION_PLURAL, raw, lambda: of_location(StorageLocation.model_validate(raw)))

    def gone(self, uid: str) -> None:
        """One of them was deleted."""
        with self._lock:
            self._forget(uid)

    def listed(self, resource: str, uids: frozenset[str]) -> None:
        """All objects of a resource were listed."""
        with self._lock:
            self._listed.add(resource)
            for uid in [uid for uid, one in self._resources.items() if one == resource and uid not in uids]:
                self._forget(uid)

    def _forget(self, uid: str) -> None:
        self._situations.pop(uid, None)
        self._resources.pop(uid, None)

    def _note(self, resource: str, raw: dict[str, Any], situations: Callable[[], Iterable[Situation]]) -> None:
        try:
            found = tuple(situations())
        except ValidationError:
            return  # reported by those who keep the resource
        with self._lock:
            self._situations[raw["metadata"]["uid"]] = found
            self._resources[raw["metadata"]["uid"]] = resource

    # Called regularly by the leader

    def tick(self) -> None:
        """Send what is due. Nothing before all objects were listed: what is not known yet would seem to be over."""
        with self._lock:
            if not self._leads() or not self._listed.issuperset(_RESOURCES):
                return
            current = {one.id: one for found in self._situations.values() for one in found}
        for key in self._keeper.keys_in(self._namespace):
            self._advance(key, current)

    def _advance(self, key: SinkKey, current: Mapping[str, Situation]) -> None:
        sink = self._keeper.sink(key)
        with self._lock:
            busy = key in self._in_flight
        if sink is None or busy or not CLUSTER_EVENTS.intersection(sink.spec.events):
            return
        begun = sink.metadata.creation_timestamp
        wanted = [
            one
            for one in sorted(current.values(), key=lambda one: (one.since, one.id))
            if one.event.name in sink.spec.events and begun is not None and one.since >= begun
        ]
        listed = self._updated(key, self._keeper.cluster_notifications(key), wanted)
        self._keeper.set_cluster_notifications(key, listed)
        first = next((one for one in listed if one.phase is NotificationPhase.PENDING), None)
        if first is None or sink.spec.suspend or (first.next_retry_time or self._now()) > self._now():
            return
        with self._lock:
            self._in_flight.add(key)
        self._threads.submit(key, partial(self._send, key, first, current[first.id]))

    def _updated(
        self, key: SinkKey, listed: tuple[ClusterNotification, ...], wanted: list[Situation]
    ) -> tuple[ClusterNotification, ...]:
        """Without what is over, and with what is new. What was delivered stays listed while its condition holds."""
        still = {one.id for one in wanted}
        for one in listed:
            if one.id not in still and one.phase is NotificationPhase.PENDING:
                self._ended(key, one.event, "failed", _OVER)
        kept = [one for one in listed if one.id in still]
        known = {one.id for one in kept}
        new = [_pending(one) for one in wanted if one.id not in known]
        return (*kept, *new[: MAX_CLUSTER_NOTIFICATIONS - len(kept)])

    def _send(self, key: SinkKey, one: ClusterNotification, situation: Situation) -> bool:
        try:
            return self._try(key, one, situation)
        finally:
            with self._lock:
                self._in_flight.discard(key)

    def _try(self, key: SinkKey, one: ClusterNotification, situation: Situation) -> bool:
        message, retry_after_s, accepted = "", 0.0, False
        try:
            self._attempts.attempt(key, lambda _: situation.event)
            accepted = True
        except NotAcceptedError as error:
            message, retry_after_s = error.message, error.retry_after_s or 0.0
        except CircuitOpenError as error:
            later = self._now() + timedelta(seconds=error.retry_after_s)
            self._keeper.replace_cluster_notification(key, one.model_copy(update={"next_retry_time": later}))
            return False
        except Stopped:
            return False
        result = _delivered(one) if accepted else _failed(one, message, retry_after_s, now=self._now())
        self._keeper.replace_cluster_notification(key, result)
        words = {NotificationPhase.DELIVERED: "delivered", NotificationPhase.FAILED: "failed"}
        self._ended(key, one.event, words.get(result.phase, "retried"), message)
        return accepted

    def _ended(self, key: SinkKey, event: str, result: str, message: str) -> None:
        self._metrics.notification(event=event, result=result)
        self._keeper.count(key, delivered=int(result == "delivered"), failed=int(result == "failed"))
        if result != "delivered":
            _logger.warning(
                "%s could not be announced to EventSink %s (%s): %s",
                event,
                key[1],
                result,
                message,
                extra={"namespace": key[0]},
            )


def _pending(situation: Situation) -> ClusterNotification:
    event = situation.event
    return ClusterNotification(event=event.name, subject=event.subject, id=event.id, time=event.time)


def _delivered(one: ClusterNotification) -> ClusterNotification:
    update = {"phase": NotificationPhase.DELIVERED, "next_retry_time": None, "message": None}
    return one.model_copy(update=update)


def _failed(one: ClusterNotification, message: str, retry_after_s: float, *, now: datetime) -> ClusterNotification:
    attempts = one.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        update = {"phase": NotificationPhase.FAILED, "attempts": attempts, "next_retry_time": None, "message": message}
        return one.model_copy(update=update)
    wait = max(delay_after(attempts, one.id), timedelta(seconds=retry_after_s))
    return one.model_copy(update={"attempts": attempts, "next_retry_time": now + wait, "message": message})
