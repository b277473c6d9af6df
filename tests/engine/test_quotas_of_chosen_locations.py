"""Quotas of locations that the operator chooses for Recordings that name none."""

from recording_operator.api.quotas import Quota
from recording_operator.engine.actions import WriteStatus
from recording_operator.engine.facts import LocationSeen, OwnerUsage, RecordingSeen, UsageCountBegan, UsageCounted
from tests.engine.builders import a_location, a_recording, an_artifact
from tests.engine.driver import Driver, only

HUNDRED = Quota(org="acme", most_bytes=100)


def two_limited(driver: Driver, **weights: int) -> None:
    """Two locations with quotas and these weights, both counted."""
    for name, weight in weights.items():
        driver.tell(LocationSeen(location=a_location(name, weight=weight, quotas=[HUNDRED]), ready=True))
    names = frozenset(weights)
    driver.tell(UsageCountBegan(locations=names), *(UsageCounted(location=name, usage=()) for name in names))


def used(driver: Driver) -> dict[str, int]:
    return {usage.location: usage.used_bytes for usage in driver.engine.quota_report().usages}


def test_room_is_taken_at_the_chosen_location_and_given_back_if_the_choice_changes() -> None:
    driver = Driver()
    two_limited(driver, one=100, other=0)
    unplaced = a_recording(an_artifact(inline="text"), location=None)
    write = only(driver.tell(RecordingSeen(recording=unplaced)), WriteStatus)
    assert used(driver) == {"one": 4, "other": 0}

    two_limited(driver, one=0, other=100)
    assert used(driver) == {"one": 0, "other": 4}

    driver.accept(write, unplaced)
    assert used(driver) == {"one": 4, "other": 0}, "the status decides"
    assert driver.started == ["video"]


def test_a_recording_without_any_location_takes_no_room() -> None:
    driver = Driver()
    two_limited(driver, one=100)
    driver.tell(RecordingSeen(recording=a_recording(an_artifact(inline="text"), location=None)))
    assert used(driver) == {"one": 4}

    driver.tell(LocationSeen(location=a_location("one", weight=100, quotas=[HUNDRED]), ready=False, message="down"))

    assert used(driver) == {"one": 0}


def test_a_full_quota_of_the_chosen_location_holds_it_and_no_other_is_chosen() -> None:
    driver = Driver()
    two_limited(driver, one=100, other=0)
    rows = (OwnerUsage("acme", "team-a", 98, 1),)
    driver.tell(UsageCountBegan(locations=frozenset({"one"})), UsageCounted(location="one", usage=rows))

    write = only(
        driver.tell(RecordingSeen(recording=a_recording(an_artifact(inline="text"), location=None))), WriteStatus
    )

    assert (write.status["phase"], write.status["reason"]) == ("Pending", "QuotaExceeded")
    assert write.status.get("storageLocation") is None
    assert "StorageLocation one" in write.status["message"]
