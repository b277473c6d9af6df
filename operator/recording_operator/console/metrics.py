"""The metrics of the console. No label contains text of users."""

from collections.abc import Callable
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


class ConsoleMetrics:
    """All metrics of a console. Thread-safe."""

    def __init__(self, *, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self._registry)
        Info(**self._named("console", "Version of the console.")).info({"version": version})
        self._api_errors = Counter(
            **self._named("api_errors", "Failed requests to the API server, by error."), labelnames=("error",)
        )
        self._api_duration = Histogram(
            **self._named("api_request_duration_seconds", "Duration of requests to the API server, by verb."),
            labelnames=("verb",),
            buckets=_API_BUCKETS_S,
        )
        self._outdated = Gauge(**self._named("console_outdated", "1 while what the console shows may be old, else 0."))
        self._incomplete = Gauge(
            **self._named(
                "console_unread_locations",
                "StorageLocations of which the console has not read all manifests: not yet, or the store denies some.",
            )
        )

    def outdated_from(self, reason: Callable[[], str | None]) -> None:
        """Where to read why what is shown may be old; None means that it is not."""
        self._outdated.set_function(lambda: 0 if reason() is None else 1)

    def incomplete_from(self, locations: Callable[[], int]) -> None:
        """Where to read of how many StorageLocations not all manifests are read."""
        self._incomplete.set_function(locations)

    def render(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def api_responded(self, *, verb: str, outcome: str, seconds: float) -> None:
        """A request to the API server has ended."""
        self._api_duration.labels(verb).observe(seconds)
        if outcome != "Success":
            self._api_errors.labels(outcome).inc()

    def _named(self, name: str, documentation: str) -> dict[str, Any]:
        return {"name": f"recording_operator_{name}", "documentation": documentation, "registry": self._registry}
