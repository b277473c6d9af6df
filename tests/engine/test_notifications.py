"""The outbox in status.notifications: what is announced to which sink, in which order, and until when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from recording_operator.api.notification import MAX_NOTIFICATIONS
from recording_operator.api.recording import Recording
from recording_operator.engine.actions import NotificationOutcome, ReportNotification, SendNotification, WriteStatus
from recording_operator.engine.facts import RecordingSeen, WriteAccepted
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed, Sink, SinksChanged
from recording_operator.engine.notifications import DELAYS, LONGEST_OUTAGE, MOST_ATTEMPTS
from tests.engine.builders import a_recording
from tests.engine.driver import Driver, applied, newer, none, only
from tests.engine.scenes import UID

APP = Sink(namespace="team-a", name="app", events=frozenset({"Completed", "Failed"}))
ID = f"{UID}/completed/1"
DELIVERED = NotificationDelivered(uid=UID, sink="app", id=ID)
POSTPONED = NotificationFailed(uid=UID, sink="app", id=ID, message="The sink has failed.", tried=False)
UNAVAILABLE = NotificationFailed(uid=UID, sink="app", id=ID, message="The receiver responded 503, expected 2xx.")


def ended(driver: Driver, recording: Recording | None = None) -> WriteStatus:
    """A Recording whose artifact was stored a moment ago: the write that says so."""
    claimed = driver.claimed(recording or a_recording())
    return only(driver.end(claimed), WriteStatus)


def announced(driver: Driver) -> Recording:
    """A Recording whose end is written; its event is being sent."""
    claimed = driver.claimed(a_recording())
    write = only(driver.end(claimed), WriteStatus)
    return driver.accept(write, claimed)


def sent(driver: Driver) -> list[str]:
    return [action.id for action in driver.actions if isinstance(action, SendNotification)]


def notification(write: WriteStatus) -> dict[str, Any]:
    return dict(write.status["notifications"][0])


def test_the_write_that_says_complete_lists_the_event_and_nothing_is_sent_before() -> None:
    driver = Driver(sinks=(APP,))
    claimed = driver.claimed(a_recording())

    write = only(driver.end(claimed), WriteStatus)

    assert (write.status["phase"], write.status["settled"]) == ("Complete", False)
    assert notification(write) == {
        "sink": "app", "event": "Completed", "id": ID, "time": write.status["completedAt"], "phase": "Pending",
        "attempts": 0,
    }  # fmt: skip
    assert sent(driver) == []
    driver.accept(write, claimed)
    assert sent(driver) == [ID]


def test_a_delivery_settles_the_recording() -> None:
    driver = Driver(sinks=(APP,))
    recording = announced(driver)

    actions = driver.tell(DELIVERED)

    write = only(actions, WriteStatus)
    assert (notification(write)["phase"], write.status["settled"]) == ("Delivered", True)
    assert only(actions, ReportNotification).outcome is NotificationOutcome.DELIVERED
    driver.accept(write, recording)
    assert UID not in driver.engine.state.recordings
    assert sent(driver) == [ID]


@pytest.mark.parametrize(
    "sink",
    [
        replace(APP, namespace="team-b"),
        replace(APP, events=frozenset({"Failed", "Deleted"})),
        replace(APP, match_labels=(("team", "b"),)),
        replace(APP, stopped=True),
    ],
    ids=["another namespace", "other events", "other labels", "stopped"],
)
def test_a_sink_that_selects_nothing_costs_nothing(sink: Sink) -> None:
    driver = Driver(sinks=(sink,))
    claimed = driver.claimed(a_recording())

    write = only(driver.end(claimed), WriteStatus)
    driver.accept(write, claimed)

    assert write.status["settled"]
    assert "notifications" not in write.status
    assert UID not in driver.engine.state.recordings


def test_the_end_is_not_written_before_the_sinks_are_known() -> None:
    driver = Driver(sinks=None)
    claimed = driver.claimed(a_recording())

    assert none(driver.end(claimed), WriteStatus)
    assert none(driver.wait(60), WriteStatus)

    assert notification(only(driver.tell(SinksChanged(sinks=(APP,))), WriteStatus))["sink"] == "app"


def test_a_sink_that_appears_later_gets_no_old_events() -> None:
    driver = Driver()
    claimed = driver.claimed(a_recording())
    done = driver.accept(only(driver.end(claimed), WriteStatus), claimed)

    driver.tell(SinksChanged(sinks=(APP,)), RecordingSeen(recording=newer(done)))

    assert sent(driver) == []


def test_failures_are_retried_for_more_than_a_day_with_the_same_id_and_then_given_up() -> None:
    driver = Driver(sinks=(APP,))
    recording, begun = announced(driver), driver.now

    for attempt in range(1, MOST_ATTEMPTS):
        write = only(driver.tell(UNAVAILABLE), WriteStatus)
        assert (notification(write)["phase"], notification(write)["attempts"]) == ("Pending", attempt)
        recording = driver.accept(write, recording)
        driver.wait(DELAYS[attempt - 1].total_seconds() * 1.1 + 1)
        driver.tell(RecordingSeen(recording=recording))  # as the sweep of unsettled Recordings
        assert sent(driver) == [ID] * (attempt + 1)
    assert driver.now - begun > timedelta(hours=24)

    actions = driver.tell(UNAVAILABLE)

    write = only(actions, WriteStatus)
    assert (notification(write)["phase"], write.status["settled"]) == ("Failed", True)
    assert only(actions, ReportNotification).outcome is NotificationOutcome.FAILED


def test_a_sink_that_keeps_failing_costs_neither_attempts_nor_writes() -> None:
    driver = Driver(sinks=(APP,))
    announced(driver)
    for count in range(1, 20):
        assert none(driver.tell(replace(POSTPONED, retry_after_s=60.0)), WriteStatus)
        driver.wait(59)
        assert sent(driver) == [ID] * count
        driver.wait(1)
        assert sent(driver) == [ID] * (count + 1)

    write = only(driver.tell(UNAVAILABLE), WriteStatus)

    assert notification(write)["attempts"] == 1


def test_an_event_that_could_not_be_sent_for_more_than_a_day_is_given_up() -> None:
    driver = Driver(sinks=(APP,))
    recording = announced(driver)
    driver.tell(POSTPONED)
    driver.now += LONGEST_OUTAGE + timedelta(minutes=1)
    driver.tell(RecordingSeen(recording=newer(recording)))

    actions = driver.tell(POSTPONED)

    assert notification(only(actions, WriteStatus))["phase"] == "Failed"


def test_a_sink_that_was_resumed_after_days_has_another_day() -> None:
    driver = Driver(sinks=(replace(APP, suspended=True),))
    recording = announced(driver)
    driver.now += timedelta(days=9)
    resumed = replace(APP, usable_since=driver.now)
    driver.tell(SinksChanged(sinks=(resumed,)), RecordingSeen(recording=newer(recording)))

    assert none(driver.tell(POSTPONED), WriteStatus, ReportNotification)


def test_more_events_than_a_status_has_room_for_are_counted_as_failed() -> None:
    recording = announced(Driver(sinks=(APP,)))
    status = recording.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    one = {"event": "Moved", "time": "2026-11-21T09:00:00Z"}
    status["notifications"] = [
        {**one, "sink": f"app-{number}", "id": f"{UID}/moved/{number}"} for number in range(MAX_NOTIFICATIONS)
    ]
    full = newer(recording, retry_token="again").model_copy(
        update={"status": recording.status.model_validate({**status, "phase": "Pending", "completedAt": None})}
    )
    moves = replace(APP, events=frozenset({"Moved"}), suspended=True)
    others = tuple(replace(moves, name=f"app-{number}") for number in range(MAX_NOTIFICATIONS))
    driver = Driver(sinks=(APP, *others))

    driver.tell(RecordingSeen(recording=full))
    write = only(driver.wait(5), WriteStatus)
    actions = driver.tell(WriteAccepted(uid=UID, recording=applied(write, full)))

    assert len(write.status["notifications"]) == MAX_NOTIFICATIONS
    lost = only(actions, ReportNotification)
    assert (lost.sink, lost.outcome) == ("app-0", NotificationOutcome.FAILED)


def test_retry_after_is_honoured() -> None:
    driver = Driver(sinks=(APP,))
    recording = announced(driver)
    driver.accept(only(driver.tell(replace(UNAVAILABLE, retry_after_s=60.0)), WriteStatus), recording)

    driver.wait(59)
    assert sent(driver) == [ID]
    driver.wait(1)
    assert sent(driver) == [ID, ID]


def test_a_receiver_that_is_gone_is_not_tried_again() -> None:
    driver = Driver(sinks=(APP,))
    announced(driver)

    write = only(driver.tell(replace(UNAVAILABLE, is_final=True)), WriteStatus)

    assert (notification(write)["phase"], write.status["settled"]) == ("Failed", True)


def test_a_restart_sends_what_is_pending_with_the_same_id() -> None:
    recording = announced(Driver(sinks=(APP,)))
    successor = Driver(sinks=(APP,))

    successor.tell(RecordingSeen(recording=recording))

    assert sent(successor) == [ID]


def test_what_waits_long_is_forgotten_and_counted() -> None:
    driver = Driver(sinks=(APP,))
    recording = announced(driver)
    for _ in range(2):
        recording = driver.accept(only(driver.tell(UNAVAILABLE), WriteStatus), recording)
        driver.wait(6)

    assert UID not in driver.engine.state.recordings
    assert driver.engine.pending_notifications() == {("team-a", "app"): 1}


def test_an_edited_sink_is_tried_at_once() -> None:
    driver = Driver(sinks=(APP,))
    recording = announced(driver)
    for _ in range(2):
        recording = driver.accept(only(driver.tell(UNAVAILABLE), WriteStatus), recording)
        driver.wait(6)

    driver.tell(SinksChanged(sinks=(replace(APP, since=driver.now),)), RecordingSeen(recording=recording))

    assert len(sent(driver)) == 3


def test_what_a_recovery_makes_early_does_not_undercut_retry_after() -> None:
    driver = Driver(sinks=(APP,))
    recording = announced(driver)
    recording = driver.accept(only(driver.tell(replace(UNAVAILABLE, retry_after_s=600.0)), WriteStatus), recording)
    wanted = driver.now + timedelta(seconds=600)

    driver.wait(597)  # less than a first delay is left
    driver.tell(SinksChanged(sinks=(replace(APP, since=wanted),)), RecordingSeen(recording=recording))
    assert sent(driver) == [ID]
    driver.wait(3)
    driver.tell(RecordingSeen(recording=recording))
    assert sent(driver) == [ID, ID]


def test_a_suspended_sink_gets_its_events_later() -> None:
    driver = Driver(sinks=(replace(APP, suspended=True),))
    recording = announced(driver)
    driver.wait(24 * 3600)
    assert sent(driver) == []

    driver.tell(SinksChanged(sinks=(APP,)), RecordingSeen(recording=recording))

    assert sent(driver) == [ID]


@pytest.mark.parametrize("left", [(), (replace(APP, stopped=True),)], ids=["deleted", "stopped"])
def test_events_of_a_sink_that_is_gone_are_given_up(left: tuple[Sink, ...]) -> None:
    driver = Driver(sinks=(replace(APP, suspended=True),))
    recording = announced(driver)

    driver.tell(SinksChanged(sinks=left))
    actions = driver.tell(RecordingSeen(recording=recording))

    assert notification(only(actions, WriteStatus))["phase"] == "Failed"


def test_the_next_event_waits_for_the_one_before() -> None:
    recording = announced(Driver(sinks=(APP,)))
    moved = {"sink": "app", "event": "Moved", "id": f"{UID}/moved/1", "time": "2026-11-21T10:00:00Z"}
    status = recording.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    status["notifications"].append(moved)
    both = recording.model_copy(update={"status": recording.status.model_validate(status)})
    driver = Driver(sinks=(APP,))
    driver.tell(RecordingSeen(recording=both))
    driver.tell(UNAVAILABLE)
    assert sent(driver) == [ID]

    driver.wait(6)
    assert sent(driver) == [ID, ID]
    driver.tell(DELIVERED)
    assert sent(driver) == [ID, ID, f"{UID}/moved/1"]


def test_nothing_is_sent_while_draining() -> None:
    recording = announced(Driver(sinks=(APP,)))
    driver = Driver(sinks=(APP,))
    driver.engine.drain(driver.now)

    driver.tell(RecordingSeen(recording=recording))

    assert sent(driver) == []


def test_a_recording_stays_until_its_event_is_delivered() -> None:
    driver = Driver(sinks=(APP,))
    claimed = driver.claimed(a_recording(ttl=timedelta(seconds=1)))
    driver.accept(only(driver.end(claimed), WriteStatus), claimed)

    driver.wait(30)
    assert [type(one).__name__ for one in driver.actions if "Delete" in type(one).__name__] == []
    recording = driver.accept(only(driver.tell(DELIVERED), WriteStatus), driver_recording(driver))
    assert recording.status.settled
    assert [type(one).__name__ for one in driver.actions if "Delete" in type(one).__name__] == ["DeleteRecording"]


def driver_recording(driver: Driver) -> Recording:
    return driver.engine.state.recordings[UID].recording
