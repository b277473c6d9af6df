"""Retries of requests within one attempt. When they are used up, the attempt fails and the engine decides."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from recording_operator.api.reasons import Trait
from recording_operator.backoff import exponential_s, jittered_s
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.transfer.options import TransferOptions

_T = TypeVar("_T")


class RetryBudget:
    """Counts failures since the last progress and sleeps between them, longer each time."""

    def __init__(
        self,
        options: TransferOptions,
        stop: StopSignal,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,  # noqa: S311 - a wait, not a secret
    ) -> None:
        self._options = options
        self._stop = stop
        self._monotonic = monotonic
        self._uniform = uniform
        self._failing_since: float | None = None
        self.failures = 0

    def progressed(self) -> None:
        """There was progress: start counting again."""
        self._failing_since = None
        self.failures = 0

    def spend(self, error: TransferError) -> None:
        """Sleep before the next attempt. Raises `error` if none is left, Stopped if the signal is set meanwhile."""
        now = self._monotonic()
        if self._failing_since is None:
            self._failing_since = now
        self.failures += 1
        if Trait.TRANSIENT not in error.reason.traits or self.failures >= self._options.tries_without_progress:
            raise error
        wait_s = self._wait_s(error)
        if now + wait_s > self._failing_since + self._options.unavailable_s:
            raise error
        if self._stop.wait(wait_s):
            raise Stopped

    def retry(self, call: Callable[[], _T]) -> _T:
        """Return the result of `call`, with retries after transient errors. Raises as `spend`."""
        while True:
            try:
                return call()
            except TransferError as error:
                self.spend(error)

    def _wait_s(self, error: TransferError) -> float:
        options = self._options
        longest_s = exponential_s(self.failures, first_s=options.backoff_base_s, longest_s=options.backoff_cap_s)
        return max(jittered_s(longest_s, uniform=self._uniform), error.retry_after_s or 0.0)
