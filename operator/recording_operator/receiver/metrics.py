"""The metrics of the receiver. No label contains text of users or providers."""

from typing import Final

from prometheus_client import Histogram

from recording_operator.processmetrics import ProcessMetrics
from recording_operator.receiver.results import Result

_BUCKETS_S: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 3, 10)


class ReceiverMetrics(ProcessMetrics):
    """All metrics of a receiver. Thread-safe."""

    def __init__(self, *, version: str) -> None:
        super().__init__(kind="receiver", of="receiver", version=version)
        self._deliveries = self._counter(
            "deliveries", "Deliveries to RecordingSources, by provider and result.", "provider", "result"
        )
        self._duration = Histogram(
            **self._named("delivery_duration_seconds", "Time from the headers of a delivery to the response."),
            labelnames=("provider",),
            buckets=_BUCKETS_S,
        )
        self._rejections = self._counter(
            "deliveries_rejected", "Deliveries that are not genuine, by provider and reason.", "provider", "reason"
        )
        self._left_out = self._counter(
            "contents_left_out", "Files in deliveries that were too large to be kept, by provider.", "provider"
        )
        self._in_flight = self._gauge("deliveries_in_flight", "Deliveries that have no response yet.")
        self._queue = self._gauge("delivery_queue_depth", "Verified deliveries that wait for a thread.")
        self._connections = self._counter(
            "connections_closed", "Connections that were closed without a request, by reason.", "reason"
        )

    def delivery_began(self) -> None:
        """A delivery has arrived."""
        self._in_flight.inc()

    def delivery_ended(self, *, provider: str, result: Result, seconds: float) -> None:
        """A response was made. `provider` is empty if the path is not that of a source."""
        self._in_flight.dec()
        self._deliveries.labels(provider, result.value).inc()
        self._duration.labels(provider).observe(seconds)

    def delivery_rejected(self, *, provider: str, reason: str) -> None:
        """A delivery is not genuine."""
        self._rejections.labels(provider, reason).inc()

    def content_left_out(self, provider: str) -> None:
        """A file in a delivery was too large to be kept."""
        self._left_out.labels(provider).inc()

    def set_queue_depth(self, deliveries: int) -> None:
        """The number of deliveries that wait."""
        self._queue.set(deliveries)

    def connection_closed(self, *, reason: str) -> None:
        """A connection was closed: `header_timeout`, `stalled` or `limit`."""
        self._connections.labels(reason).inc()
