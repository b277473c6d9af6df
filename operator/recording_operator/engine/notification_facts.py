"""The part of the input of the engine that is about EventSinks: which there are, and what became of what was sent."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """An EventSink, as far as the engine needs it."""

    namespace: str
    name: str
    events: frozenset[str]
    match_labels: tuple[tuple[str, str], ...] = ()
    suspended: bool = False
    """Events are kept, and not sent."""
    stopped: bool = False
    """Its receiver responded 410 Gone: nothing is announced to it before it is edited."""
    since: datetime | None = None
    """When it was edited, or has recovered: what failed before is sent then, not when it is due."""
    usable_since: datetime | None = None
    """Older events are as old as this when it is decided whether to give them up: they may have had to wait before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinksChanged:
    """All EventSinks that exist now. Before the first of these facts they are not known."""

    sinks: tuple[Sink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationDelivered:
    """The sink has accepted the event."""

    uid: str
    sink: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFailed:
    """The sink has not accepted the event. `message` contains no secret."""

    uid: str
    sink: str
    id: str
    message: str = ""
    retry_after_s: float | None = None
    is_final: bool = False
    """No later attempt can succeed."""
    tried: bool = True
    """False if nothing was sent: another operator may be the leader or, with a message, the sink keeps failing."""
