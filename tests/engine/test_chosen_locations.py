"""Recordings whose location was chosen or is still to be chosen: limits, budgets, deletion and the manifest."""

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase
from recording_operator.api.storagelocation import Limits
from recording_operator.engine.actions import CleanUp, StartTransfer, WriteManifest, WriteStatus
from recording_operator.engine.facts import BudgetHoldsChanged, RecordingSeen
from tests.engine.builders import a_budget_hold, a_recording, an_artifact
from tests.engine.choices import both, driven, loser, seen, unplaced, winner
from tests.engine.driver import deleting, newer, none, only
from tests.engine.scenes import UID


def test_slots_are_counted_at_the_chosen_location() -> None:
    limits = Limits(concurrent_uploads=1)
    driver = driven(seen("s3", limits=limits), seen("ebs", limits=limits))

    for number in range(1, 21):
        write = [
            action
            for action in driver.tell(RecordingSeen(recording=unplaced(number)))
            if isinstance(action, WriteStatus) and "claim" in action.status
        ]
        for one in write:
            driver.accept(one, unplaced(number))

    started = [action for action in driver.actions if isinstance(action, StartTransfer)]
    assert {action.location.metadata.name for action in started} == {"s3", "ebs"}
    assert len(started) == 2


def test_a_budget_of_the_chosen_location_holds_it_and_one_of_another_does_not() -> None:
    driver = driven(*both())
    driver.tell(BudgetHoldsChanged(holds=(a_budget_hold(locations=[winner()]),)))

    waits = driver.accept(only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus), unplaced())
    assert (waits.status.reason, waits.status.storage_location) == (Reason.BUDGET_EXCEEDED, None)
    assert driver.engine.snapshot(driver.now).held == {"all": 1}

    write = only(driver.tell(BudgetHoldsChanged(holds=(a_budget_hold(locations=[loser()]),))), WriteStatus)
    assert write.status["storageLocation"] == winner()


def test_deleted_before_it_was_placed_it_goes_at_once() -> None:
    driver = driven(*both(ready=False), seen(loser(), ready=False))
    waits = driver.accept(only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus), unplaced())

    actions = driver.tell(RecordingSeen(recording=deleting(waits)))

    assert none(actions, CleanUp)
    assert UID not in driver.engine.state.recordings


def test_cancelled_before_it_was_placed_it_ends_without_a_location() -> None:
    driver = driven()
    waits = driver.accept(only(driver.tell(RecordingSeen(recording=unplaced())), WriteStatus), unplaced())

    write = only(driver.tell(RecordingSeen(recording=newer(waits, cancel=True))), WriteStatus)

    assert write.status["phase"] == "Failed"
    assert "storageLocation" not in write.status


def test_several_artifacts_share_one_place() -> None:
    driver = driven(*both())

    driver.claimed(unplaced().model_copy(update={"spec": a_recording(
        an_artifact("a"), an_artifact("b"), an_artifact("c"), location=None
    ).spec}))  # fmt: skip

    started = [action for action in driver.actions if isinstance(action, StartTransfer)]
    assert {action.location.metadata.name for action in started} == {winner()}
    assert len(started) == 3


def test_one_that_ends_before_it_was_placed_has_no_manifest() -> None:
    driver = driven(seen("s3", manifest=True))
    cancelled = unplaced(cancel=True)
    ended = driver.accept(only(driver.tell(RecordingSeen(recording=cancelled)), WriteStatus), cancelled)

    driver.wait(3600)

    assert (ended.status.phase, ended.status.storage_location) == (Phase.FAILED, None)
    assert none(driver.actions, WriteManifest)
    assert driver.engine.state.recordings == {}
