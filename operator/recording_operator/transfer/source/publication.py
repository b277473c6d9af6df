"""Waits within one attempt for a source that does not have its content yet.

Providers call their webhook and publish some seconds later. In its first seconds such a source is tried again every few
seconds. After that the engine's delays apply, and the slot is free.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from recording_operator.api.reasons import Trait
from recording_operator.backoff import exponential_s, jittered_s
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.source.error_responses import NotYetThere

# Regardless of the age of the source, because a response may come from a node that does not have the content yet.
_LEAST_TRIES: Final = 3
# In multiples of the first pause.
_LONGEST_PAUSE: Final = 8.0
_LEAST_SHARE: Final = 0.75
_T = TypeVar("_T")


class PublicationWait:
    """How long one attempt waits for one source."""

    def __init__(self, options: TransferOptions, stop: StopSignal, *, published_at: datetime | None) -> None:
        self._options = options
        self._stop = stop
        self._is_fresh = published_at is not None
        passed_s = 0.0 if published_at is None else (datetime.now(tz=UTC) - published_at).total_seconds()
        self._until_s = time.monotonic() + options.publishing_s - min(max(passed_s, 0.0), options.publishing_s)

    def until_published(self, call: Callable[[], _T]) -> _T:
        """Return the result of `call`, with retries while the content may be late. Raises TransferError and Stopped."""
        budget, tries = RetryBudget(self._options, self._stop), 0
        while True:
            try:
                return call()
            except TransferError as error:
                late = isinstance(error, NotYetThere)
                if late or (self._is_fresh and Trait.NEW_SOURCE in error.reason.traits):
                    tries += 1
                    self._pause(error, tries=tries, least=_LEAST_TRIES if late else 1)
                else:
                    budget.spend(error)

    def _pause(self, error: TransferError, *, tries: int, least: int) -> None:
        first_s = self._options.backoff_base_s
        pause_s = jittered_s(
            exponential_s(tries, first_s=first_s, longest_s=first_s * _LONGEST_PAUSE), least_share=_LEAST_SHARE
        )
        wait_s = max(pause_s, error.retry_after_s or 0.0)
        in_time = time.monotonic() + wait_s <= self._until_s
        if not in_time and (tries >= least or wait_s > pause_s):
            raise error
        if self._stop.wait(wait_s):
            raise Stopped
