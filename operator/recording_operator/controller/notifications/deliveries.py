"""Sends the events that the engine requests, and reports the results to it."""

import logging
from collections.abc import Callable
from functools import partial

from recording_operator.api.names import API_VERSION, RECORDING_KIND
from recording_operator.api.reasons import Reason
from recording_operator.controller.notifications.attempts import Attempts, CircuitOpenError
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.payloads import Payloads
from recording_operator.controller.notifications.threads import SinkKey, SinkThreads
from recording_operator.controller.recordings.announcements import EventPoster
from recording_operator.engine.actions import NotificationOutcome, ReportNotification, SendNotification
from recording_operator.engine.facts import Fact
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.errors import KubeError
from recording_operator.kube.events import EventType
from recording_operator.kube.secrets import SecretError
from recording_operator.metrics import Metrics
from recording_operator.notify.sender import NotAcceptedError
from recording_operator.stopping import Stopped

_logger = logging.getLogger(__name__)


class Deliveries:
    """One method for each action. None of them blocks."""

    def __init__(
        self,
        *,
        keeper: SinkKeeper,
        attempts: Attempts,
        payloads: Payloads,
        threads: SinkThreads,
        events: EventPoster,
        metrics: Metrics,
        post: Callable[[Fact], None],
        may_change: Callable[[], bool],
    ) -> None:
        """`may_change`: whether no other process can be the leader."""
        self._keeper = keeper
        self._attempts = attempts
        self._payloads = payloads
        self._threads = threads
        self._events = events
        self._metrics = metrics
        self._post = post
        self._may_change = may_change

    def send(self, action: SendNotification) -> None:
        """Send an event when it is the sink's turn."""
        key = (action.recording.metadata.namespace, action.sink)
        self._threads.submit(key, partial(self._send, key, action))

    def report(self, action: ReportNotification) -> None:
        """Count and log the outcome of an attempt."""
        ref, key = action.ref, (action.ref.namespace, action.sink)
        self._metrics.notification(event=action.event, result=action.outcome.value)
        extra = {"namespace": ref.namespace, "recording": ref.name, "uid": ref.uid}
        match action.outcome:
            case NotificationOutcome.DELIVERED:
                self._keeper.count(key, delivered=1)
                _logger.debug("%s was announced to EventSink %s", action.event, action.sink, extra=extra)
            case NotificationOutcome.RETRIED:
                _logger.info(
                    "%s could not be announced to EventSink %s (attempt %d): %s",
                    action.event,
                    action.sink,
                    action.attempts,
                    action.message,
                    extra=extra,
                )
            case NotificationOutcome.FAILED:
                self._keeper.count(key, failed=1)
                self._report_failure(action)

    def _report_failure(self, action: ReportNotification) -> None:
        ref = action.ref
        note = f"{action.event} was not announced to EventSink {action.sink}, and is not sent again. {action.message}"
        regarding = {
            "apiVersion": API_VERSION,
            "kind": RECORDING_KIND,
            "metadata": {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid},
        }
        self._events.emit(
            regarding, reason=Reason.NOT_ANNOUNCED, action="Announce", note=note, event_type=EventType.WARNING
        )
        extra = {"namespace": ref.namespace, "recording": ref.name, "uid": ref.uid}
        _logger.warning("%s", note, extra=extra)

    def _send(self, key: SinkKey, action: SendNotification) -> bool:
        uid = action.recording.metadata.uid
        failed = partial(NotificationFailed, uid=uid, sink=action.sink, id=action.id)
        if not self._may_change():
            self._post(failed(tried=False))
            return False
        try:
            self._attempts.attempt(key, partial(self._payloads.event, action))
        except NotAcceptedError as error:
            final = error.reason is Reason.SINK_GONE and self._keeper.is_stopped(key)  # not if it was edited meanwhile
            self._post(failed(message=error.message, retry_after_s=error.retry_after_s, is_final=final))
        except (TransferError, LocationError, SecretError) as error:
            self._post(failed(message=f"The URLs of the files could not be made. {error.message}"))
        except KubeError:
            self._post(failed(message="The URLs of the files could not be made: the API server does not respond."))
        except CircuitOpenError as error:
            self._post(failed(message=str(error), retry_after_s=error.retry_after_s, tried=False))
        except Stopped:
            self._post(failed(tried=False))
        except Exception as error:
            message = f"An unexpected error in the operator ({type(error).__name__})."
            self._post(failed(message=message))
            raise
        else:
            self._post(NotificationDelivered(uid=uid, sink=action.sink, id=action.id))
            return True
        return False
