"""The engine's state of the notifications of one Recording: what is sent, and what the status does not say yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recording_operator.api.notification import Notification, NotificationPhase

Key = tuple[str, str]
"""The name of a sink, and the id of an event."""


def key_of(one: Notification) -> Key:
    """What identifies a notification of a Recording."""
    return one.sink, one.id


@dataclass(slots=True)
class NotificationWork:
    """Results of this process that are newer than the status."""

    in_flight: set[Key] = field(default_factory=set)
    results: dict[Key, Notification] = field(default_factory=dict)
    not_before: dict[Key, datetime] = field(default_factory=dict)
    """When events may be sent that could not be sent to their sink just now."""
    dropped: dict[Key, Notification] = field(default_factory=dict)
    """Pending ones that a status has no room for."""

    def current(self, stored: Iterable[Notification]) -> list[Notification]:
        """The notifications of the status, with the results of this process."""
        return [self._current(one) for one in stored]

    def forget_written(self, stored: Sequence[Notification]) -> None:
        """Forget the results that the status has."""
        waiting = {key_of(one) for one in stored if one != self._current(one)}
        self.results = {key: one for key, one in self.results.items() if key in waiting}
        listed = {key_of(one) for one in stored}
        self.not_before = {key: at for key, at in self.not_before.items() if key in listed}

    def take_dropped(self, stored: Sequence[Notification]) -> list[Notification]:
        """Those that are not in the status any more, each once."""
        listed = {key_of(one) for one in stored}
        gone = [key for key in self.dropped if key not in listed]
        return [self.dropped.pop(key) for key in gone]

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        self.not_before = {key: at + by for key, at in self.not_before.items()}
        for key, one in self.results.items():
            if one.next_retry_time is not None:
                self.results[key] = one.model_copy(update={"next_retry_time": one.next_retry_time + by})

    def _current(self, stored: Notification) -> Notification:
        is_open = stored.phase is NotificationPhase.PENDING
        return self.results.get(key_of(stored), stored) if is_open else stored
