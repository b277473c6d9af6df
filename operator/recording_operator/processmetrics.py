"""What every process of the product tells Prometheus: its version, its resources, its requests to the API server."""

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

_API_BUCKETS_S: Final = (0.005, 0.02, 0.1, 0.5, 2, 10, 30)


class ProcessMetrics:
    """The metrics of a process; those of its own are added by a subclass. Thread-safe."""

    def __init__(self, *, kind: str, of: str, version: str, registry: CollectorRegistry | None = None) -> None:
        """`kind`: the name of the metric with the version `of` this part."""
        # No second series with the start time of every counter. The library has this option for the whole process
        # only.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry or CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self._registry)
        Info(**self._named(kind, f"Version of the {of}.")).info({"version": version})
        self._api_errors = self._counter("api_errors", "Failed requests to the API server, by error.", "error")
        self._api_duration = Histogram(
            **self._named("api_request_duration_seconds", "Duration of requests to the API server, by verb."),
            labelnames=("verb",),
            buckets=_API_BUCKETS_S,
        )

    def render(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def api_responded(self, *, verb: str, outcome: str, seconds: float) -> None:
        """A request ended (`kube.rest.CallObserver`): `outcome` is `Success` or the class of a KubeError."""
        self._api_duration.labels(verb).observe(seconds)
        if outcome != "Success":
            self._api_errors.labels(outcome).inc()

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(**self._named(name, text), labelnames=labels)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(**self._named(name, text), labelnames=labels)

    def _named(self, name: str, text: str) -> dict[str, Any]:
        return {"name": name, "documentation": text, "namespace": "recording_operator", "registry": self._registry}
