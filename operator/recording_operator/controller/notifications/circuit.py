"""Stops attempts for a while after several of them in a row have failed."""

from typing import Final

from recording_operator.backoff import exponential_s

FAILURES: Final = 3
_FIRST_S: Final = 10.0
_LONGEST_S: Final = 300.0


class Circuit:
    """The attempts of one sink. Times are of a steady clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until_s = 0.0

    def open_s(self, now_s: float) -> float:
        """How long nothing is sent; 0 if events are sent now."""
        return max(0.0, self._open_until_s - now_s) if self.keeps_failing else 0.0

    @property
    def keeps_failing(self) -> bool:
        """Whether several attempts in a row have failed."""
        return self._failures >= FAILURES

    def failed(self, now_s: float, *, retry_after_s: float) -> None:
        """The sink was not available."""
        self._failures += 1
        if self._failures >= FAILURES:
            wait_s = exponential_s(self._failures - FAILURES + 1, first_s=_FIRST_S, longest_s=_LONGEST_S)
            self._open_until_s = now_s + max(wait_s, min(retry_after_s, _LONGEST_S))

    def succeeded(self) -> bool:
        """The sink has responded. Returns whether it had failed before."""
        had_failed, self._failures = self._failures > 0, 0
        return had_failed
