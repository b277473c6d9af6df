"""The bandwidth limits: that of the operator, and the current one of each StorageLocation."""

import threading
from functools import partial

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.metrics import Metrics
from recording_operator.transfer.limits.bandwidth import Flow, RateLimiter


class BandwidthLimits:
    """One limit for the process, and one for each location. Thread-safe. A change applies to running transfers."""

    def __init__(self, *, operator_limit: int | None, metrics: Metrics) -> None:
        self._metrics = metrics
        self._operator = self._link(operator_limit, scope="Operator")
        self._locations: dict[str, RateLimiter] = {}
        self._lock = threading.Lock()

    def seen(self, location: StorageLocation) -> None:
        """Set the limit of a location."""
        with self._lock:
            self._of(location).set_limit(location.spec.limits.bandwidth_per_second)

    def gone(self, location: StorageLocation) -> None:
        """Remove a location. Running transfers keep its last limit."""
        with self._lock:
            self._locations.pop(location.metadata.uid, None)

    def flow(self, location_uid: str) -> Flow:
        """The limits of one transfer; changes of the location apply."""
        with self._lock:
            limiter = self._locations.get(location_uid)
        return Flow([self._operator] if limiter is None else [limiter, self._operator])

    def _of(self, location: StorageLocation) -> RateLimiter:
        uid = location.metadata.uid
        if uid not in self._locations:
            self._locations[uid] = self._link(location.spec.limits.bandwidth_per_second, scope="StorageLocation")
        return self._locations[uid]

    def _link(self, limit: int | None, *, scope: str) -> RateLimiter:
        return RateLimiter(limit, on_wait=partial(self._metrics.waited_for_bandwidth, scope=scope))
