"""Logs one line when the API server becomes unavailable and one when it is available again, however many calls fail."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from recording_operator.kube.errors import ApiUnavailable, KubeError, TooManyRequests, Unauthorized

LOG_AFTER_S: Final = 3.0
"""Shorter outages (a restart behind a load balancer, a cut connection) are not logged."""

_logger = logging.getLogger(__name__)


def is_away(error: KubeError) -> bool:
    """Whether the error only means that the API server is unavailable now."""
    return isinstance(error, (ApiUnavailable, TooManyRequests, Unauthorized))


def level_of(error: KubeError) -> int:
    """The level at which a caller logs a failed call. An outage is logged here, once."""
    return logging.DEBUG if is_away(error) else logging.WARNING


class Outage:
    """Is notified of the outcome of every call of one client. Thread-safe."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since_s: float | None = None
        self._logged = False

    def failed(self, error: KubeError) -> None:
        """A call failed with `error`."""
        if not is_away(error):
            self.succeeded()
            return
        with self._lock:
            now_s = self._clock()
            if self._since_s is None:
                self._since_s = now_s
            if self._logged or now_s - self._since_s < LOG_AFTER_S:
                return
            self._logged = True
        _logger.warning("The API server is unavailable. Transfers continue, status writes wait: %s", error)

    def succeeded(self) -> None:
        """A call succeeded."""
        if self._since_s is None:
            return
        with self._lock:
            since_s, logged = self._since_s, self._logged
            self._since_s, self._logged = None, False
        if logged and since_s is not None:
            _logger.warning("The API server is available again after %.0f s", self._clock() - since_s)
