"""How often one attempt retries, and how long it waits."""

import threading

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget


class Clock:
    """A stop signal whose waits move the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.now += timeout or 0.0
        return False


def a_budget(clock: Clock, **more: float) -> RetryBudget:
    """RetryBudget that always waits the longest."""
    options = TransferOptions(**more)  # type: ignore[arg-type]
    return RetryBudget(options, clock, monotonic=lambda: clock.now, uniform=lambda _, longest: longest)


def transient(retry_after_s: float | None = None) -> TransferError:
    return TransferError(Reason.SOURCE_UNAVAILABLE, "busy", retry_after_s=retry_after_s)


def test_waits_double_up_to_the_cap_and_end_after_the_tries() -> None:
    clock = Clock()
    waiting = a_budget(clock, tries_without_progress=6, unavailable_s=1000, backoff_base_s=1, backoff_cap_s=6)
    for _ in range(5):
        waiting.spend(transient())
    with pytest.raises(TransferError, match="busy"):
        waiting.spend(transient())
    assert clock.waits == [1, 2, 4, 6, 6]


def test_progress_resets_the_count() -> None:
    clock = Clock()
    waiting = a_budget(clock, tries_without_progress=2, unavailable_s=1000)
    for _ in range(10):
        waiting.spend(transient())
        waiting.progressed()


def test_no_wait_is_longer_than_the_attempt_allows() -> None:
    clock = Clock()
    waiting = a_budget(clock, unavailable_s=60)
    waiting.spend(transient(retry_after_s=40))
    with pytest.raises(TransferError) as caught:
        waiting.spend(transient(retry_after_s=40))
    assert caught.value.retry_after_s == 40
    assert clock.waits == [40]


@pytest.mark.parametrize("reason", [Reason.SOURCE_NOT_FOUND, Reason.STORE_DENIED, Reason.STORE_KEY_CONFLICT])
def test_after_a_final_reason_there_is_no_wait(reason: Reason) -> None:
    clock = Clock()
    with pytest.raises(TransferError):
        a_budget(clock).spend(TransferError(reason, "no"))
    assert clock.waits == []


def test_a_stop_ends_a_wait() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        RetryBudget(TransferOptions(), stop).spend(transient())
