"""Sends an event to the URL of a sink, and says what the response means.

2xx            delivered
410            the receiver wants no more events: nothing else is sent
415            the receiver does not take CloudEvents in structured mode: a configuration error
3xx            a failure, because redirects are not followed
408, 429, 5xx     the receiver is overloaded or broken; Retry-After is honoured
anything else  a failure
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import BlockedError, EgressError, InvalidUrlError, TooSlowError
from recording_operator.egress.http1.head import Head
from recording_operator.egress.url import parse_url
from recording_operator.errors import ReasonedError
from recording_operator.http_dates import parse_http_date
from recording_operator.notify.events import EncodedEvent
from recording_operator.notify.policy import SinkPolicy
from recording_operator.notify.signing import signed_headers
from recording_operator.stopping import Deadline, Stopped, StopSignal

DEADLINE_S: Final = 15.0
"""For one attempt, from the name lookup to the end of the response."""
LONGEST_RETRY_AFTER_S: Final = 24 * 3600.0
_MOST_RESPONSE_BYTES: Final = 64 * 2**10
_SUCCESS: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_GONE: Final = 410
_UNSUPPORTED: Final = 415
_BUSY: Final = frozenset({408, 429})
_SERVER_ERRORS: Final = range(500, 600)


class NotAcceptedError(ReasonedError):
    """The sink did not accept the event. The message names the host at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkTarget:
    """Where an event is sent, and the keys that sign it."""

    url: str
    keys: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "SinkTarget()"


class Sending(Protocol):
    """Sends events."""

    def send(self, event: EncodedEvent, *, event_id: str, target: SinkTarget, stop: StopSignal) -> None:
        """Send one event. Raises NotAcceptedError and Stopped."""


class Sender:
    """Sends events under a policy. Safe for many threads."""

    def __init__(self, policy: SinkPolicy, *, now: Callable[[], datetime], deadline_s: float = DEADLINE_S) -> None:
        self._public = Dialer(policy)
        services = policy.for_services()
        self._services = None if services is None else Dialer(services)
        self._now = now
        self._deadline_s = deadline_s

    def send(self, event: EncodedEvent, *, event_id: str, target: SinkTarget, stop: StopSignal) -> None:
        """Send one event. Raises NotAcceptedError and Stopped."""
        headers: dict[str, str] = {}
        if target.keys:
            headers = signed_headers(event.body, event_id=event_id, keys=target.keys, at=self._now())
        deadline = Deadline(stop, within_s=self._deadline_s)
        try:
            response = self._dialer(target.url).post(
                target.url,
                body=event.body,
                content_type=event.content_type,
                user_headers=headers,
                stop=deadline,
                most_bytes=_MOST_RESPONSE_BYTES,
            )
        except Stopped:
            if stop.is_set():
                raise
            raise NotAcceptedError(
                Reason.SINK_UNAVAILABLE, f"The receiver did not respond within {self._deadline_s:g} s."
            ) from None
        except EgressError as error:
            raise _not_sent(error) from None
        _check(response.status, response.head, now=self._now())

    def _dialer(self, url: str) -> Dialer:
        try:
            host = parse_url(url).host
        except EgressError:
            return self._public  # it reports what is wrong
        is_service = self._services is not None and self._services.policy.permits_host(host)
        return self._services if is_service and self._services is not None else self._public


def _check(status: int, head: Head, *, now: datetime) -> None:
    if status in _SUCCESS:
        return
    if status == _GONE:
        raise NotAcceptedError(
            Reason.SINK_GONE, "The receiver responded 410 Gone: it wants no more events. Edit or delete the EventSink."
        )
    if status == _UNSUPPORTED:
        raise NotAcceptedError(
            Reason.SINK_REJECTED,
            "The receiver responded 415: it must accept the content type application/cloudevents+json.",
        )
    if status in _REDIRECTS:
        raise NotAcceptedError(
            Reason.SINK_REJECTED,
            f"The receiver responded with a redirect ({status}), which is not followed. Correct spec.uri.",
        )
    busy = status in _BUSY or status in _SERVER_ERRORS
    raise NotAcceptedError(
        Reason.SINK_UNAVAILABLE if busy else Reason.SINK_REJECTED,
        f"The receiver responded {status}, expected 2xx.",
        retry_after_s=_retry_after_s(head, now) if busy else None,
    )


def _retry_after_s(head: Head, now: datetime) -> float | None:
    text = next(iter(head.fields.get("retry-after", ())), "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_RETRY_AFTER_S)
    at = parse_http_date(text)
    return None if at is None else min(max((at - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)


def _not_sent(error: EgressError) -> NotAcceptedError:
    match error:
        case BlockedError():
            message = "The operator's sink policy does not allow this URL or its address. Ask the platform team."
            return NotAcceptedError(Reason.SINK_BLOCKED, message)
        case InvalidUrlError():
            return NotAcceptedError(Reason.SINK_REJECTED, str(error))
        case TooSlowError():
            return NotAcceptedError(Reason.SINK_UNAVAILABLE, "The receiver did not respond in time.")
        case _:
            return NotAcceptedError(Reason.SINK_UNAVAILABLE, str(error))
