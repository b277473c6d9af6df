"""The beginning and the end of an outage of the API server are logged once each, short ones not at all."""

import logging

import pytest

from recording_operator.kube.errors import ApiUnavailable, Forbidden, KubeError, TooManyRequests, Unauthorized
from recording_operator.kube.outage import LOG_AFTER_S, Outage, level_of

AWAY = ApiUnavailable("GET /x: no response from the API server (NewConnectionError)")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "recording_operator.kube.outage"]


@pytest.mark.parametrize(
    "error", [AWAY, TooManyRequests("GET /x: 429", retry_after_s=1.0), Unauthorized("GET /x: 401", status=401)]
)
def test_many_failed_calls_are_one_line(caplog: pytest.LogCaptureFixture, error: KubeError) -> None:
    clock = Clock()
    outage = Outage(clock=clock)
    for _ in range(50):
        outage.failed(error)
        clock.now_s += 1
    outage.succeeded()
    outage.succeeded()
    assert told(caplog) == [
        f"The API server is unavailable. Transfers continue, status writes wait: {error}",
        "The API server is available again after 50 s",
    ]


def test_a_short_outage_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    outage = Outage(clock=clock)
    for _ in range(5):
        outage.failed(AWAY)
        clock.now_s += LOG_AFTER_S * 0.9
        outage.succeeded()
    assert told(caplog) == []


def test_a_rejection_is_a_response(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    outage = Outage(clock=clock)
    outage.failed(AWAY)
    clock.now_s += LOG_AFTER_S * 0.9
    outage.failed(Forbidden("GET /x: 403", status=403))
    clock.now_s += LOG_AFTER_S * 0.9
    outage.failed(AWAY)
    assert told(caplog) == []


def test_only_refusals_are_worth_a_line_of_their_own() -> None:
    assert level_of(AWAY) == logging.DEBUG
    assert level_of(Forbidden("GET /x: 403", status=403)) == logging.WARNING
