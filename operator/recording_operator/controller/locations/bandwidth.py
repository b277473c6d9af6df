"""Which bandwidth limits hold: the operator's own, and that of each StorageLocation as it says at this moment."""

import threading
from functools import partial

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.metrics import Metrics
from recording_operator.transfer.limits.bandwidth import Flow, RateLimiter


class BandwidthLimits:
    """One limit for the process, one for each location. Thread-safe; transfers under way follow every change."""

    def __init__(self, *, operator_limit: int | None, metrics: Metrics) -> None:
        self._metrics = metrics
        self._operator = self._link(operator_limit, scope="Operator")
        self._locations: dict[str, RateLimiter] = {}
        self._lock = threading.Lock()

    def seen(self, location: StorageLocation) -> None:
        """What the location says now."""
        with self._lock:
            self._of(location).set_limit(location.spec.limits.bandwidth_per_second)

    def gone(self, location: StorageLocation) -> None:
        """Forget it; transfers under way keep its last limit."""
        with self._lock:
            self._locations.pop(location.metadata.uid, None)

    def flow(self, location_uid: str) -> Flow:
        """The limits of one transfer, as the location says at each moment."""
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
