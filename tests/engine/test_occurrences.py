"""What a write of the status announces."""

from datetime import timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording, SourceRef
from recording_operator.engine.actions import WriteStatus
from recording_operator.engine.facts import RecordingSeen
from recording_operator.engine.notification_facts import Sink
from tests.engine.builders import a_provider, a_recording, an_artifact
from tests.engine.driver import Driver, newer, only
from tests.engine.scenes import UID, failure

APP = Sink(namespace="team-a", name="app", events=frozenset({"Completed", "Failed", "SourceExpired"}))


def failed(driver: Driver, recording: Recording) -> Recording:
    """A Recording whose artifact has failed, as the status says."""
    claimed = driver.claimed(recording)
    return driver.accept(only(driver.end(claimed, failure(Reason.SOURCE_BLOCKED)), WriteStatus), claimed)


def last_write(driver: Driver) -> WriteStatus:
    return [one for one in driver.actions if isinstance(one, WriteStatus)][-1]


def ids(write: WriteStatus) -> list[str]:
    return [one["id"].removeprefix(f"{UID}/") for one in write.status["notifications"]]


@pytest.mark.parametrize("token", ["again", ""], ids=["retried", "edited"])
def test_what_is_started_again_and_fails_at_once_is_announced_again(token: str) -> None:
    driver = Driver(sinks=(APP,))
    before = failed(driver, a_recording())
    provider = a_provider(failure="the bot was not let in")
    edited = before.spec.artifacts[0].model_copy(update={"source": SourceRef(provider=provider)})
    driver.now += timedelta(minutes=5)

    driver.tell(RecordingSeen(recording=newer(before, artifacts=(edited,), retry_token=token)))
    write = last_write(driver)

    assert write.status["phase"] == "Failed"
    assert ids(write) == ["failed/1", "failed/2"]
    assert write.status["notifications"][1]["time"] == "2026-11-21T09:05:00Z"


def test_an_edit_that_starts_nothing_again_announces_nothing() -> None:
    driver = Driver(sinks=(APP,))
    before = failed(driver, a_recording())

    driver.tell(RecordingSeen(recording=newer(before, ttl_after_finished=timedelta(days=9))))
    driver.wait(5)

    write = last_write(driver)
    assert (write.status["observedGeneration"], ids(write)) == (2, ["failed/1"])


def test_sources_that_expire_in_the_same_second_are_announced_one_by_one() -> None:
    driver = Driver(sinks=(APP,))
    recording = driver.claimed(a_recording(an_artifact("a"), an_artifact("b")))
    first = only(driver.end(recording, failure(Reason.SOURCE_EXPIRED), "a"), WriteStatus)
    recording = driver.accept(first, recording)
    driver.now += timedelta(milliseconds=200)

    driver.end(recording, failure(Reason.SOURCE_EXPIRED), "b")
    driver.wait(2)
    second = last_write(driver)

    [of_a, of_b] = ids(second)
    assert ids(first) == [of_a]
    assert of_a != of_b
    assert {one.rsplit("-", 1)[0] for one in (of_a, of_b)} == {f"source-expired/{int(driver.now.timestamp()) - 2}"}
