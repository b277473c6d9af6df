"""Refreshes: on schedule, after missed times, on demand, by one operator, complete or not at all."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from localcluster import ControlPlane, OperatorProcess, S3Server
from tests.support.reports import JsonObject, ReportFactory, manifest_bytes, record

pytestmark = pytest.mark.cluster


def test_a_new_token_refreshes_at_once_and_suspend_stops(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    place: str,
    report: ReportFactory,
) -> None:
    start()
    made = report(place)
    first = made.wait_refreshed()
    record(cluster, namespace, place, org="acme", text="x" * 1_000)
    stored = 1_000 + manifest_bytes(s3, bucket)
    made.edit(refreshToken="now")
    second = made.wait_refreshed("now")
    assert (first["totals"]["bytes"], second["totals"]["bytes"]) == (0, stored)

    made.edit(suspend=True, refreshToken="later")
    generation = made.get()["metadata"]["generation"]
    paused = made.wait(lambda status: status.get("observedGeneration") == generation, what="suspended")
    assert "nextRefreshTime" not in paused
    assert paused["asOf"] == second["asOf"]
    assert paused["totals"] == second["totals"]
    made.edit(suspend=False)
    assert made.wait_refreshed("later")["nextRefreshTime"]


def test_runs_on_its_schedule(start: Callable[..., OperatorProcess], place: str, report: ReportFactory) -> None:
    start()
    made = report(place, schedule="* * * * *", timeZone="Asia/Kolkata")
    first = made.wait_refreshed()
    due = datetime.fromisoformat(first["nextRefreshTime"])
    assert timedelta(0) < due - datetime.fromisoformat(first["asOf"]) <= timedelta(minutes=1)
    second = made.wait(lambda status: status["asOf"] != first["asOf"], within_s=80, what="the next minute")
    assert datetime.fromisoformat(second["asOf"]) >= due
    assert datetime.fromisoformat(second["lastScheduleTime"]) == due


def test_a_missed_schedule_runs_once_at_start(
    start: Callable[..., OperatorProcess], place: str, report: ReportFactory
) -> None:
    first_operator = start()
    made = report(place)
    first = made.wait_refreshed()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(first["lastScheduleTime"]) == midnight
    first_operator.terminate()
    assert first_operator.wait(timeout_s=20) == 0
    four_days_ago = (midnight - timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made.edit_status(lastScheduleTime=four_days_ago, asOf=four_days_ago)

    second_operator = start()
    again = made.wait(lambda status: status["asOf"] != four_days_ago, what="made up for")
    assert datetime.fromisoformat(again["lastScheduleTime"]) == midnight
    # Another report, made after it, is looked at after it: what is refreshed by then was refreshed once.
    later = report(place)
    later.wait_refreshed()
    later.edit(refreshToken="again")
    later.wait_refreshed("again")
    assert made.status()["asOf"] == again["asOf"]
    assert second_operator.log_text().count(f'"report": "{made.name}"') <= 1


def test_killed_in_the_middle_of_a_refresh(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    place: str,
    report: ReportFactory,
) -> None:
    operator = start()
    made = report(place)
    before = made.wait_refreshed()
    record(cluster, namespace, place, org="acme", text="x" * 1_000)
    lines = len(s3.access_log.read_text().splitlines())
    s3.process.signal(signal.SIGSTOP)
    try:
        made.edit(refreshToken="while the store stands still")
        # Another report that is older in the queue would be refreshed: nothing is, the first one holds the line.
        other = report(place)
        with pytest.raises(AssertionError):
            other.wait(lambda status: status.get("asOf"), within_s=5)
        assert made.status() == before
        operator.kill()
    finally:
        s3.process.signal(signal.SIGCONT)
    assert made.status() == before

    start()
    after = made.wait_refreshed("while the store stands still")
    assert after["totals"]["bytes"] == 1_000 + manifest_bytes(s3, bucket)
    assert len(after["history"]) >= len(before["history"])
    other.wait_refreshed()
    assert len(s3.access_log.read_text().splitlines()) > lines


def test_two_operators_count_once(start: Callable[..., OperatorProcess], place: str, report: ReportFactory) -> None:
    leader, standby = start(), start()
    made = report(place)
    made.wait_refreshed()
    made.edit(refreshToken="one")
    made.wait_refreshed("one")
    series = "recording_operator_report_ready{"
    assert series in leader.metrics()
    assert series not in standby.metrics()
    leader.kill()
    made.edit(refreshToken="two")
    made.wait(lambda status: status.get("lastRefreshToken") == "two", within_s=40, what="taken over")
    assert series in standby.metrics()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"schedule": "75 0 * * *"}, "bad minute"),
        ({"schedule": "0 0 31 2 *"}, "bad day-of-month"),
        ({"timeZone": "Mars/Base"}, "time zone Mars/Base is unknown"),
    ],
)
def test_a_schedule_that_never_occurs_is_reported(
    start: Callable[..., OperatorProcess], place: str, report: ReportFactory, spec: JsonObject, words: str
) -> None:
    start()
    made = report(place, **spec)
    status = made.wait(lambda _: made.ready() == "ScheduleInvalid", what="refused")
    assert words in made.condition("Ready")["message"]
    assert "nextRefreshTime" not in status
    made.edit(schedule="0 0 * * *", timeZone="UTC")
    made.wait_refreshed()
