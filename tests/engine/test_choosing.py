"""Recordings that name no location: which one is chosen, when it is written, and what they wait for."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Phase, RecordingStatus
from recording_operator.api.storagelocation import AllowedNamespaces, LabelSelector, StorageLocation
from recording_operator.engine.actions import (
    ReadNamespace,
    ReadRecording,
    StartTransfer,
    WriteStatus,
)
from recording_operator.engine.facts import (
    LocationGone,
    LocationSeen,
    LocationsListed,
    NamespaceSeen,
    RecordingRead,
    RecordingSeen,
    WriteAccepted,
    WriteRejected,
)
from recording_operator.engine.placement import location_name
from tests.engine.builders import START, a_location, a_recording, an_artifact_status
from tests.engine.choices import EQUAL, both, driven, loser, seen, unplaced, winner
from tests.engine.driver import CLAIM, Driver, applied, newer, none, only
from tests.engine.scenes import UID

OTHER = Claim(holder="op-b", transitions=4)


def test_the_choice_is_written_with_the_claim_before_anything_starts() -> None:
    driver = driven(*both())

    actions = driver.tell(RecordingSeen(recording=unplaced()))
    write = only(actions, WriteStatus)

    assert none(actions, StartTransfer)
    assert write.status["storageLocation"] == winner()
    assert write.status["claim"] == {"holder": "op-a", "transitions": 5}
    assert (write.status["bucket"], write.status["prefix"]) == (
        f"bucket-{winner()}",
        f"p/meeting-recordings/acme/-/{UID}/",
    )
    driver.accept(write, unplaced())
    assert only(driver.actions, StartTransfer).location.metadata.name == winner()


def test_a_named_recording_goes_where_it_says_and_needs_no_weight() -> None:
    driver = driven(*both())

    driver.claimed(a_recording())

    assert only(driver.actions, StartTransfer).location.metadata.name == "archive"


def test_what_was_placed_stays_whatever_the_weights_are() -> None:
    status = RecordingStatus(
        phase=Phase.UPLOADING, storage_location=loser(), started_at=START, claim=OTHER, artifacts=()
    )
    driver = driven(*both())

    driver.claimed(unplaced(status=status))

    assert only(driver.actions, StartTransfer).location.metadata.name == loser()


@pytest.mark.parametrize("weight", [100, 1000])
def test_a_weight_that_changes_before_the_claim_is_written_may_change_the_choice(weight: int) -> None:
    driver = driven(*both(ready=False), seen(loser(), 0))
    driver.accept(only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus), unplaced())

    write = only(driver.tell(seen(loser(), weight)), WriteStatus)

    assert write.status["storageLocation"] == loser()


def test_a_weight_that_changes_afterwards_moves_nothing() -> None:
    driver = driven(*both())
    recording = driver.claimed(unplaced())

    actions = driver.tell(seen(loser(), 1000), seen(winner(), 0), LocationGone(name=winner()))
    write = only([*actions, *driver.end(recording)], WriteStatus)

    assert write.status["storageLocation"] == winner()
    assert write.status["phase"] == "Complete"


def test_one_that_is_not_ready_takes_no_new_recordings() -> None:
    driver = driven(*both(ready=False))

    write = only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus)

    assert write.status["storageLocation"] == loser()


@pytest.mark.parametrize("recheck", [False, True], ids=["first check", "check after a failure"])
def test_while_the_one_that_would_win_is_being_checked_the_recording_waits_for_the_result(recheck: bool) -> None:
    driver = driven(*both(checked=recheck, ready=recheck))
    if recheck:
        driver.engine.state.locations.recheck(winner())

    assert none(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus)

    assert only(driver.tell(seen(winner())), WriteStatus).status["storageLocation"] == winner()


def test_no_check_of_one_that_would_lose_is_waited_for() -> None:
    driver = driven(seen(winner()), seen(loser(), checked=False, ready=False))

    assert only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus).status["storageLocation"] == winner()


def test_none_is_ready_so_it_waits_and_says_so_until_one_is() -> None:
    driver = driven(*both(ready=False), seen(loser(), ready=False))

    waits = driver.accept(only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus), unplaced())

    assert (waits.status.phase, waits.status.reason) == (Phase.PENDING, Reason.LOCATION_NOT_READY)
    assert waits.status.message == (
        f"video: StorageLocation {min(EQUAL)} is not ready: no answer. Neither is another one that could take the "
        "Recording."
    )
    assert (waits.status.storage_location, waits.status.bucket, waits.status.attempts) == (None, None, 0)
    assert none(driver.wait(7 * 24 * 3600), WriteStatus)
    assert only(driver.tell(seen(loser())), WriteStatus).status["storageLocation"] == loser()


@pytest.mark.parametrize(
    "locations",
    [
        [],
        [seen("s3", 0)],
        [seen("s3", namespaces=["team-b"])],
        [seen("s3", allowed=AllowedNamespaces(selector=LabelSelector()))],
    ],
    ids=["none with a weight", "weight 0", "another namespace", "a selector without requirements"],
)
def test_no_location_takes_it_so_it_says_what_to_do_and_names_none(locations: Sequence[LocationSeen]) -> None:
    driver = driven(*locations)

    waits = driver.accept(only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus), unplaced())

    assert (waits.status.phase, waits.status.reason) == (Phase.PENDING, Reason.NO_LOCATION)
    assert waits.status.message == (
        "video: spec.storageLocation is not set, and no StorageLocation with a weight admits namespace team-a. Ask the "
        "platform team for one, or create the Recording again with spec.storageLocation."
    )
    assert {one.type: one.status.value for one in waits.status.conditions}["Stalled"] == "True"
    assert only(driver.tell(seen("s3")), WriteStatus).status["storageLocation"] == "s3"


def test_before_all_locations_were_listed_nothing_is_chosen() -> None:
    driver = Driver()
    driver.engine.state.locations._all_listed = False  # noqa: SLF001 - as at the start of a process
    driver.tell(seen(loser()))
    assert none(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus)

    assert none(driver.tell(seen(winner())), WriteStatus)

    assert only(driver.tell(LocationsListed()), WriteStatus).status["storageLocation"] == winner()


def gold(name: str) -> LocationSeen:
    return seen(name, allowed=AllowedNamespaces(selector=LabelSelector(match_labels={"tier": "gold"})))


def test_labels_of_the_namespace_are_read_once_for_all_locations_and_again_after_a_minute() -> None:
    driver = driven(gold("s3"), gold("ebs"))
    assert only(driver.tell(RecordingSeen(recording=unplaced())), ReadNamespace)

    write = only(driver.tell(NamespaceSeen(namespace="team-a", labels={})), WriteStatus)
    assert write.status["reason"] == Reason.NO_LOCATION
    driver.accept(write, unplaced())

    assert only(driver.wait(61), ReadNamespace)
    write = only(driver.tell(NamespaceSeen(namespace="team-a", labels={"tier": "gold"})), WriteStatus)
    assert write.status["storageLocation"] == winner()


def test_a_location_may_take_it_that_admits_by_name_while_the_labels_are_unknown() -> None:
    driver = driven(seen(winner()), gold(loser()))

    write = only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus)

    assert write.status["storageLocation"] == winner()


# Between the choice and the write


def test_a_crash_between_choice_and_write_leaves_it_unplaced_and_the_next_process_places_it_once() -> None:
    first = driven(*both())
    only(first.tell(RecordingSeen(recording=unplaced())), WriteStatus)  # it never reaches the API server

    second = driven(*both(ready=False))
    write = only(second.tell(RecordingSeen(recording=unplaced())), WriteStatus)

    assert write.status["storageLocation"] == loser()
    second.accept(write, unplaced())
    assert only(second.actions, StartTransfer).location.metadata.name == loser()


def test_a_write_that_arrived_without_a_response_decides() -> None:
    driver = driven(*both())
    write = only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus)
    driver.tell(seen(winner(), ready=False))

    # The choice is another now; the API server has the first one.
    second = only([*driver.tell(WriteRejected(uid=UID, detail="no answer")), *driver.wait(60)], WriteStatus)
    assert second.status["storageLocation"] == loser()
    driver.tell(WriteRejected(uid=UID, conflict=True))
    reads = only([*driver.actions, *driver.wait(60)], ReadRecording)
    stored = applied(write, unplaced())
    driver.tell(RecordingRead(uid=reads.ref.uid, recording=stored))

    assert driver.started == []
    waits = [action for action in [*driver.actions, *driver.wait(60)] if isinstance(action, WriteStatus)][-1]
    assert waits.status["storageLocation"] == winner()
    assert waits.status["reason"] == Reason.LOCATION_NOT_READY
    driver.accept(waits, stored)
    assert not driver.engine.state.slots.running


def test_the_choice_changes_while_its_write_is_open_and_the_written_one_is_used() -> None:
    driver = driven(*both())
    write = only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus)

    driver.tell(seen(loser(), 1000), seen(winner(), 1))
    assert driver.engine.state.recordings[UID].choice == loser()
    driver.accept(write, unplaced())

    assert only(driver.actions, StartTransfer).location.metadata.name == winner()
    [lane] = driver.engine.state.slots.running.values()
    assert lane.location == winner()


def test_another_operator_placed_it_first() -> None:
    driver = driven(*both())
    write = only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus)
    driver.tell(WriteRejected(uid=UID, conflict=True))
    by_another = RecordingStatus(
        phase=Phase.UPLOADING,
        reason=Reason.UPLOADING,
        storage_location=loser(),
        claim=OTHER,
        started_at=START,
        artifacts=(an_artifact_status(phase=Phase.UPLOADING, reason=Reason.UPLOADING),),
    )
    stored = newer(unplaced(), by=3).model_copy(update={"status": by_another})

    actions = driver.tell(RecordingRead(uid=UID, recording=stored))
    actions += driver.wait(5)

    assert write.status["storageLocation"] == winner()
    assert driver.engine.state.recordings[UID].location == loser()
    assert all(action.status["storageLocation"] == loser() for action in actions if isinstance(action, WriteStatus))


def test_a_placement_that_somebody_removes_from_the_status_is_written_again() -> None:
    driver = driven(*both())
    recording = driver.claimed(unplaced())
    without = recording.model_copy(update={"status": recording.status.model_copy(update={"storage_location": None})})

    driver.tell(RecordingSeen(recording=newer(without)))

    assert driver.engine.state.recordings[UID].location == winner()
    assert driver.engine.state.recordings[UID].location_to_write == winner()


@settings(max_examples=60, deadline=timedelta(seconds=5))
@given(
    events=st.lists(
        st.tuples(st.sampled_from(["s3", "ebs", "tape"]), st.integers(0, 3), st.booleans(), st.sampled_from("wagr")),
        max_size=12,
    )
)
def test_whatever_happens_a_recording_is_stored_only_where_its_first_claim_says(
    events: list[tuple[str, int, bool, str]],
) -> None:
    """Locations come, go and change weight, and writes are accepted or lost at any time in between."""
    driver = driven(seen("s3"))
    server = unplaced()
    pending = [action for action in driver.tell(RecordingSeen(recording=server)) if isinstance(action, WriteStatus)]
    placed: set[str] = set()
    for name, weight, ready, answer in events:
        fact = LocationGone(name=name) if answer == "g" else seen(name, weight, ready=ready)
        actions = driver.tell(fact)
        if pending and answer == "a":
            server = applied(pending.pop(), server)
            actions += driver.tell(WriteAccepted(uid=UID, recording=server))
        elif pending and answer == "r":
            pending.clear()
            actions += driver.tell(WriteRejected(uid=UID, detail="no answer"))
        actions += driver.wait(120)
        pending += [action for action in actions if isinstance(action, WriteStatus)]
        for start in (action for action in actions if isinstance(action, StartTransfer)):
            assert start.location.metadata.name == location_name(server)
        placed |= {name for name in [server.status.storage_location] if name}
        assert len(placed) <= 1
        assert server.status.claim != CLAIM or placed


def archive(weight: int) -> StorageLocation:
    return a_location("archive", weight=weight)


def test_a_weight_that_is_set_later_gives_waiting_recordings_a_place() -> None:
    driver = driven()
    driver.accept(only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus), unplaced())

    write = only(driver.tell(LocationSeen(location=archive(1), ready=True)), WriteStatus)

    assert write.status["storageLocation"] == "archive"
