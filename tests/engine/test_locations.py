"""Locations and Secrets that are created, deleted, or not permitted."""

from datetime import timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import AllowedNamespaces, LabelSelector, Limits, StorageLocation
from recording_operator.engine.actions import ProbeLocation, ReadNamespace, ResolveSource, WriteStatus
from recording_operator.engine.facts import (
    LocationGone,
    LocationSeen,
    NamespaceSeen,
    RecordingSeen,
    SourceResolved,
    TransferFailed,
    TransferProgress,
    WriteRejected,
)
from recording_operator.engine.source_revision import resolved_revision, spec_revision
from tests.engine.builders import a_location, a_recording, an_artifact, uid_of
from tests.engine.driver import Driver, newer, none, only
from tests.engine.scenes import (
    UID,
    failure,
)


def test_t13_a_fault_of_the_location_costs_no_attempt_and_makes_it_probe() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())

    actions = driver.end(recording, failure(Reason.STORE_DENIED))
    recording = driver.accept(only(actions, WriteStatus), recording)

    assert only(actions, ProbeLocation).name == "archive"
    assert recording.status.attempts == 0
    assert none(driver.wait(600), WriteStatus)
    write = only(driver.tell(LocationSeen(location=a_location(), ready=True)), WriteStatus)
    assert write.status["phase"] == "Uploading"


def denied(driver: Driver, recording: Recording) -> Recording:
    """One more attempt that the location rejects."""
    recording = driver.accept(only(driver.end(recording, failure(Reason.STORE_DENIED)), WriteStatus), recording)
    driver.tell(LocationSeen(location=a_location(), ready=True))
    return recording


def test_each_rejection_extends_the_delay_and_progress_resets_it() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    for wait_s in (5, 10, 20):
        recording = denied(driver, recording)
        assert none(driver.wait(wait_s - 1), WriteStatus)
        recording = driver.accept(only(driver.wait(2), WriteStatus), recording)

    driver.tell(TransferProgress(uid=UID, artifact="video", sent_bytes=8, total_bytes=80))
    denied(driver, recording)
    assert only(driver.wait(6), WriteStatus).status["phase"] == "Uploading"


def test_a_location_that_comes_back_ends_the_wait_for_it() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    for wait_s in (6, 11, 21):
        recording = denied(driver, recording)
        recording = driver.accept(only(driver.wait(wait_s), WriteStatus), recording)
    recording = driver.accept(only(driver.end(recording, failure(Reason.STORE_DENIED)), WriteStatus), recording)
    not_ready = only(driver.tell(LocationSeen(location=a_location(), ready=False)), WriteStatus)
    driver.accept(not_ready, recording)

    driver.tell(LocationSeen(location=a_location("vault"), ready=True))
    assert none(driver.wait(1), WriteStatus)
    assert only(driver.tell(LocationSeen(location=a_location(), ready=True)), WriteStatus)


def test_k21_a_transfer_outlives_its_location_and_the_next_waits_for_it() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())

    driver.tell(LocationGone(name="archive"))
    waiting = only(driver.tell(RecordingSeen(recording=a_recording(number=2))), WriteStatus)

    assert waiting.status["reason"] == "LocationNotFound"
    assert only(driver.end(recording), WriteStatus).status["phase"] == "Complete"


def test_a_probe_with_the_same_result_as_before_causes_no_work() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(), ready=False, message="no answer"))
    driver.tell(RecordingSeen(recording=a_recording()), WriteRejected(uid=UID, retry_after_s=60))
    looked_at = driver.engine.state.timers.next()

    driver.now += timedelta(seconds=30)
    assert driver.tell(LocationSeen(location=a_location(), ready=False, message="no answer")) == []
    assert driver.engine.state.timers.next() == looked_at
    more = a_location(limits=Limits(concurrent_uploads=2))
    driver.tell(LocationSeen(location=more, ready=False, message="no answer"))
    assert driver.engine.state.locations.get("archive") == more


def gold() -> StorageLocation:
    return a_location(allowed=AllowedNamespaces(selector=LabelSelector(match_labels={"tier": "gold"})))


def test_labels_are_read_once_and_again_after_a_minute() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=gold(), ready=True))
    actions = driver.tell(RecordingSeen(recording=a_recording()), RecordingSeen(recording=a_recording(number=2)))
    assert only(actions, ReadNamespace)

    write = driver.tell(NamespaceSeen(namespace="team-a", labels={}))[0]
    assert isinstance(write, WriteStatus)
    assert write.status["reason"] == "LocationNotAllowed"
    driver.accept(write, a_recording())
    assert only(driver.wait(61), ReadNamespace)
    driver.tell(NamespaceSeen(namespace="team-a", labels={"tier": "gold"}))

    assert driver.engine.state.slots.running.keys() == {(UID, "video"), (uid_of(2), "video")}


def test_old_labels_of_a_namespace_that_is_not_admitted_by_name_cause_no_busy_loop() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location("vault", allowed=gold().spec.allowed_namespaces), ready=True))
    driver.tell(LocationSeen(location=a_location(namespaces=["others"]), ready=True))
    driver.tell(RecordingSeen(recording=a_recording(location="vault")), NamespaceSeen(namespace="team-a", labels={}))
    driver.wait(120)

    driver.tell(RecordingSeen(recording=a_recording(number=2)))

    due = driver.engine.next_due()
    assert due is None or due > driver.now


def waiting_for_secret(driver: Driver) -> Recording:
    recording = driver.claimed(a_recording(an_artifact(secret="source")))
    return driver.accept(only(driver.end(recording, failure(Reason.SECRET_NOT_FOUND)), WriteStatus), recording)


def looking_for_secret(driver: Driver) -> Recording:
    """A Recording whose Secret is being read without a slot."""
    recording = waiting_for_secret(driver)
    only(driver.wait(6), ResolveSource)
    return recording


def resolved(revision: str | None, reason: Reason = Reason.SECRET_NOT_FOUND) -> SourceResolved:
    return SourceResolved(uid=UID, artifact="video", revision=revision, failure=None if revision else failure(reason))


def test_a_missing_secret_is_looked_for_without_slot_or_write_until_it_is_there() -> None:
    driver = Driver()
    recording = waiting_for_secret(driver)
    assert not driver.engine.state.slots.running

    polls = 0
    for _ in range(5):
        polls += len([only(driver.wait(61), ResolveSource)])
        assert driver.tell(resolved(None)) == []
    given = spec_revision(UID, recording.spec.artifacts[0])
    revision = resolved_revision(UID, given, url="https://media.example.com", headers={})
    driver.wait(61)
    write = only(driver.tell(resolved(revision)), WriteStatus)

    assert polls == 5
    assert write.status["phase"] == "Uploading"


def test_one_read_of_a_secret_at_a_time() -> None:
    driver = Driver()
    recording = looking_for_secret(driver)

    assert none(driver.tell(RecordingSeen(recording=newer(recording, priority=3))), ResolveSource)
    assert none(driver.wait(600), ResolveSource)


def test_a_check_that_ends_while_the_artifact_transfers_again_stops_no_later_check() -> None:
    driver = Driver()
    recording = looking_for_secret(driver)
    again = newer(recording, retry_token="again")
    recording = driver.accept(only(driver.tell(RecordingSeen(recording=again)), WriteStatus), again)

    driver.tell(resolved(None))
    driver.end(recording, failure(Reason.SECRET_NOT_FOUND))

    assert only(driver.wait(11), ResolveSource)


def test_without_a_response_of_the_api_server_the_secret_does_not_count_as_missing() -> None:
    driver = Driver()
    looking_for_secret(driver)

    assert driver.tell(resolved(None, Reason.INTERRUPTED)) == []
    assert only(driver.wait(61), ResolveSource)


def test_a_check_that_ends_after_the_artifact_was_cancelled_has_no_effect() -> None:
    driver = Driver()
    recording = looking_for_secret(driver)
    cancelled = newer(recording, cancel=True)
    write = only(driver.tell(RecordingSeen(recording=cancelled)), WriteStatus)

    other = TransferFailed(reason=Reason.SECRET_NOT_FOUND, message="another message")
    driver.tell(SourceResolved(uid=UID, artifact="video", revision=None, failure=other))
    before = len(driver.actions)
    driver.accept(write, cancelled)
    driver.wait(600)

    assert write.status["artifacts"][0]["reason"] == "Cancelled"
    assert none(driver.actions[before:], WriteStatus), "what was written stands"
