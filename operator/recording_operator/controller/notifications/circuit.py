"""Stops attempts for a while after several of them in a row have failed."""

from typing import Final

from recording_operator.backoff import exponential_s

FAILURES: Final = 3
SHORTEST_OUTAGE_S: Final = 300.0
"""After a shorter time without a response, events are sent when they are due anyway: that is in 5 minutes at most."""
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

    def succeeded(self) -> None:
        """The sink has responded."""
        self._failures = 0


class SinkOutage:
    """How long a sink has accepted nothing. Times are of a steady clock."""

    def __init__(self) -> None:
        self._refusals = 0
        self._since_s = 0.0

    def refused(self, now_s: float) -> None:
        """An event was not accepted."""
        if not self._refusals:
            self._since_s = now_s
        self._refusals += 1

    def ended(self, now_s: float) -> bool:
        """An event was accepted. Returns whether that ends an outage, so that others may be sent early as well.

        An event that alone is refused, while others are accepted, is none: it would spend all its attempts in seconds.
        """
        was_outage = self._refusals >= FAILURES and now_s - self._since_s >= SHORTEST_OUTAGE_S
        self._refusals = 0
        return was_outage
