"""The metrics of the receiver. No label contains text of users or providers."""

from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from recording_operator.receiver.results import Result

_BUCKETS_S: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 3, 10)
_API_BUCKETS_S: Final = (0.005, 0.02, 0.1, 0.5, 2, 10, 30)


class ReceiverMetrics:
    """All metrics of a receiver. Thread-safe."""

    def __init__(self, *, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self._registry)
        Info(**self._named("receiver", "Version of the receiver.")).info({"version": version})
        self._deliveries = Counter(
            **self._named("deliveries", "Deliveries to RecordingSources, by provider and result."),
            labelnames=("provider", "result"),
        )
        self._duration = Histogram(
            **self._named("delivery_duration_seconds", "Time from the headers of a delivery to the response."),
            labelnames=("provider",),
            buckets=_BUCKETS_S,
        )
        self._rejections = Counter(
            **self._named("deliveries_rejected", "Deliveries that are not genuine, by provider and reason."),
            labelnames=("provider", "reason"),
        )
        self._left_out = Counter(
            **self._named("contents_left_out", "Files in deliveries that were too large to be kept, by provider."),
            labelnames=("provider",),
        )
        self._in_flight = Gauge(**self._named("deliveries_in_flight", "Deliveries that have no response yet."))
        self._queue = Gauge(**self._named("delivery_queue_depth", "Verified deliveries that wait for a thread."))
        self._connections = Counter(
            **self._named("connections_closed", "Connections that were closed without a request, by reason."),
            labelnames=("reason",),
        )
        self._api_errors = Counter(
            **self._named("api_errors", "Failed requests to the API server, by error."), labelnames=("error",)
        )
        self._api_duration = Histogram(
            **self._named("api_request_duration_seconds", "Duration of requests to the API server, by verb."),
            labelnames=("verb",),
            buckets=_API_BUCKETS_S,
        )

    def render(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

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

    def api_responded(self, *, verb: str, outcome: str, seconds: float) -> None:
        """A request ended (`kube.rest.CallObserver`): `outcome` is `Success` or the class of a KubeError."""
        self._api_duration.labels(verb).observe(seconds)
        if outcome != "Success":
            self._api_errors.labels(outcome).inc()

    def _named(self, name: str, text: str) -> dict[str, Any]:
        return {"name": name, "documentation": text, "namespace": "recording_operator", "registry": self._registry}
