"""How often a provider is queried with one key."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.controller.provider_limits import ProviderAccount, RequestRate
from recording_operator.providers.provider import ProviderError

UNAVAILABLE = ProviderError(Reason.PROVIDER_UNAVAILABLE, "503")


def test_a_burst_uses_up_the_rate_limit_and_a_minute_restores_it() -> None:
    account = ProviderAccount(RequestRate(per_minute=6, burst=2))
    account.admit("a", 0)
    account.admit("a", 0)
    with pytest.raises(ProviderError) as full:
        account.admit("a", 0)
    assert (full.value.reason, full.value.retry_after_s) == (Reason.PROVIDER_UNAVAILABLE, 10)
    account.admit("a", 10)
    with pytest.raises(ProviderError):
        account.admit("a", 10)
    account.admit("a", 3600)


def test_after_three_failures_the_provider_is_left_alone_ever_longer() -> None:
    account = ProviderAccount(RequestRate(per_minute=6000, burst=100))
    pauses: list[float] = []
    now_s = 0.0
    for _ in range(9):
        account.admit("a", now_s)
        account.failed(UNAVAILABLE, "a", now_s)
        pause_s = 0.0
        while pause_s <= 300:
            try:
                account.admit("a", now_s + pause_s)
                break
            except ProviderError as error:
                pause_s += error.retry_after_s or 1
        pauses.append(pause_s)
        now_s += pause_s
    assert pauses == [0, 0, 10, 20, 40, 80, 160, 300, 300]
    account.succeeded()
    account.failed(UNAVAILABLE, "a", now_s)
    account.admit("a", now_s)
