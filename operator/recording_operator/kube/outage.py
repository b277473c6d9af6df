"""Logs one line when the API server becomes unavailable and one when it is available again, however many calls fail."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from recording_operator.kube.errors import ApiUnavailable, KubeError, TooManyRequests, Unauthorized

TELL_AFTER_S: Final = 3.0
"""Shorter outages (a restart behind a load balancer, a cut connection) are not logged."""

_logger = logging.getLogger(__name__)


def is_away(error: KubeError) -> bool:
    """Whether the error only means that the API server is unavailable now."""
    return isinstance(error, (ApiUnavailable, TooManyRequests, Unauthorized))


def level_of(error: KubeError) -> int:
    """The level at which a caller logs a failed call. An outage is logged here, once."""
    return logging.DEBUG if is_away(error) else logging.WARNING


class Outage:
    """Hears how every call of one client ended. Thread-safe."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since_s: float | None = None
        self._told = False

    def failed(self, error: KubeError) -> None:
        """A call failed; `error` is what its caller gets."""
        if not is_away(error):
            self.answered()
            return
        with self._lock:
            now_s = self._clock()
            if self._since_s is None:
                self._since_s = now_s
            if self._told or now_s - self._since_s < TELL_AFTER_S:
                return
            self._told = True
        _logger.warning("The API server is unavailable. Transfers continue, status writes wait: %s", error)

    def answered(self) -> None:
        """A call succeeded."""
        if self._since_s is None:
            return
        with self._lock:
            since_s, told = self._since_s, self._told
            self._since_s, self._told = None, False
        if told and since_s is not None:
            _logger.warning("The API server is available again after %.0f s", self._clock() - since_s)
