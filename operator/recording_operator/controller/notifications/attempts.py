"""One attempt to send an event to a sink."""

from collections.abc import Callable

from recording_operator.api.eventsink import EventSink
from recording_operator.api.reasons import Reason
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.threads import SinkKey
from recording_operator.notify.events import SinkEvent, encode
from recording_operator.notify.sender import NotAcceptedError, Sending
from recording_operator.stopping import StopSignal


class CircuitOpenError(Exception):
    """Nothing is sent to the sink now."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__("The sink has failed several times in a row, so nothing is sent to it for a moment.")
        self.retry_after_s = retry_after_s


class Attempts:
    """Makes attempts, and reports to the keeper how the sink has responded. `stop`: the process ends."""

    def __init__(self, *, keeper: SinkKeeper, sender: Sending, stop: StopSignal) -> None:
        self._keeper = keeper
        self._sender = sender
        self._stop = stop

    def attempt(self, key: SinkKey, make: Callable[[EventSink], SinkEvent]) -> None:
        """Send the event that `make` returns, unless the sink keeps failing.

        Raises NotAcceptedError, CircuitOpenError, Stopped, and what `make` raises.
        """
        sink = self._keeper.sink(key)
        if sink is None:
            raise NotAcceptedError(Reason.SINK_NOT_FOUND, "The EventSink does not exist any more.")
        if (open_s := self._keeper.open_s(key)) > 0:
            raise CircuitOpenError(retry_after_s=open_s)
        event = make(sink)
        try:
            target = self._keeper.target(key)
            self._sender.send(encode(event), event_id=event.id, target=target, stop=self._stop)
        except NotAcceptedError as error:
            self._keeper.rejected(sink, error)
            raise
        self._keeper.accepted(sink)
