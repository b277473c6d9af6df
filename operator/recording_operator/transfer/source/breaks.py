"""Decides when to give up a source whose connections break repeatedly."""

from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.transfer.retry_budget import RetryBudget

# Otherwise a source that sends a few bytes each time would occupy its slot forever (fault S17).
_SLOW_BREAKS_PER_PART: Final = 5


class SourceBreaks:
    """Counts the broken connections of one reader. The retry budget starts again when new bytes are read."""

    def __init__(self, host: str, budget: RetryBudget) -> None:
        self._host = host
        self._budget = budget
        self._furthest = 0
        self._cuts = 0
        self._slow = 0

    def reached(self, position: int) -> None:
        """The bytes before `position` were read."""
        if position > self._furthest:
            self._furthest = position
            self._cuts = 0
            self._budget.progressed()

    def next_part(self) -> None:
        """The next part begins. Slow connections are counted for each part."""
        self._slow = 0

    def broke(self, error: TransferError, *, position: int, opened: bool) -> None:
        """Sleep before the next request. Raises the error that ends the attempt, and Stopped.

        `opened`: a response had begun, and broke at `position`. If every response ends at the same byte, the error is
        SourceTruncated.
        """
        self._slow += error.reason is Reason.SOURCE_TOO_SLOW
        if self._slow >= _SLOW_BREAKS_PER_PART:
            raise error
        self._cuts += opened and error.reason is Reason.SOURCE_RESET
        try:
            self._budget.spend(error)
        except TransferError:
            if self._cuts and self._cuts == self._budget.failures:
                raise TransferError(
                    Reason.SOURCE_TRUNCATED,
                    f"{self._host} ends after {position} bytes every time, before its stated size. "
                    "Ask its provider for a complete file.",
                ) from None
            raise
