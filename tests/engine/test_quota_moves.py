"""Room for Recordings that move to another location."""

from collections.abc import Collection

from recording_operator.api.quotas import Quota, QuotaAction
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording, RecordingStatus
from recording_operator.engine import quota_gate
from recording_operator.engine.actions import CleanUp
from recording_operator.engine.facts import LocationSeen, OwnerUsage, RecordingSeen, UsageCountBegan, UsageCounted
from recording_operator.engine.next_step import Obstacle
from tests.engine.builders import a_location, a_recording, an_artifact, an_artifact_status
from tests.engine.driver import Driver, newer
from tests.engine.move_world import MoveWorld
from tests.engine.scenes import UID

QUOTA = (Quota(org="acme", most_bytes=100, recordings=2),)
SIZE = 60
BOTH = ("video", "audio")


def stored(at: str, *, number: int = 1) -> Recording:
    """A Recording of 60 bytes at this location. Its manifest is missing, so that the engine keeps it in mind."""
    artifacts = [an_artifact_status(name, phase=Phase.COMPLETE, bytesDone=SIZE // 2) for name in ("video", "audio")]
    status = RecordingStatus(phase=Phase.COMPLETE, artifacts=tuple(artifacts), storage_location=at)
    return a_recording(an_artifact("video"), an_artifact("audio"), number=number, location=at, status=status)


def count(driver: Driver, name: str, size_bytes: int = 0, recordings: int = 0) -> None:
    rows = (OwnerUsage("acme", "team-a", size_bytes, recordings),)
    driver.tell(UsageCountBegan(locations=frozenset({name})), UsageCounted(location=name, usage=rows))


def begun(*, new_is_counted: bool = True, one_store: bool = False) -> Driver:
    """A Recording at `old`; a location `new`, both with a quota."""
    driver = Driver()
    for name in ("old", "new"):
        location = a_location(name, quotas=QUOTA, manifest=True, bucket="shared" if one_store else None)
        driver.tell(LocationSeen(location=location, ready=True))
    count(driver, "old", 0 if one_store else SIZE, 0 if one_store else 1)
    if new_is_counted:
        count(driver, "new", SIZE if one_store else 0, int(one_store))
    driver.tell(RecordingSeen(recording=stored("old")))
    assert UID in driver.engine.state.recordings
    return driver


def reserve(driver: Driver, to: str = "new", *, begun: Collection[str] = ()) -> Obstacle | None:
    state = driver.engine.state
    return quota_gate.reserve_move(state, state.recordings[UID], to, driver.now, begun=begun)


def used(driver: Driver) -> dict[str, tuple[int, int]]:
    return {one.location: (one.used_bytes, one.recordings) for one in driver.engine.quota_report().usages}


def test_a_move_takes_room_for_all_objects_before_the_first_is_copied() -> None:
    driver = begun()

    assert reserve(driver) is None
    assert reserve(driver) is None, "asked again"

    assert used(driver) == {"old": (SIZE, 1), "new": (SIZE, 1)}


def test_it_waits_without_room_and_is_reconciled_when_there_may_be_some() -> None:
    driver = begun()
    count(driver, "new", 41, 1)

    waits = reserve(driver)
    assert waits is not None
    assert (waits.reason, waits.is_final) == (Reason.QUOTA_EXCEEDED, False)
    assert "Organisation acme has no room for the 60 B of this Recording in its quota" in waits.message
    assert [one.waiting for one in driver.engine.quota_report().usages] == [1, 0]

    driver.engine.state.quotas.count_began(["new"])
    driver.engine.state.quotas.counted("new", (OwnerUsage("acme", "team-a", 40, 1),))
    assert quota_gate.release(driver.engine.state, driver.now) == [UID]
    assert reserve(driver) is None


def test_it_waits_until_the_new_location_was_counted() -> None:
    driver = begun(new_is_counted=False)

    assert reserve(driver) == Obstacle(reason=None)
    count(driver, "new")

    assert reserve(driver) is None


def test_what_an_earlier_operator_was_copying_had_its_room() -> None:
    driver = begun()
    count(driver, "new", 100, 2)

    assert reserve(driver, begun=BOTH) is None

    assert used(driver)["new"] == (100 + SIZE, 3)


def test_when_it_has_moved_its_room_is_usage_until_a_count_includes_it() -> None:
    driver = begun()
    reserve(driver)

    driver.tell(RecordingSeen(recording=newer(stored("new"), by=5)))
    assert used(driver) == {"old": (SIZE, 1), "new": (SIZE, 1)}
    count(driver, "new", SIZE, 1)
    assert used(driver) == {"old": (SIZE, 1), "new": (SIZE, 1)}

    quota_gate.note_removal(driver.engine.state, driver.engine.state.recordings[UID], "old")
    count(driver, "old")
    assert used(driver) == {"old": (0, 0), "new": (SIZE, 1)}


def test_a_move_inside_one_bucket_takes_room_for_both_copies() -> None:
    driver = begun(one_store=True)

    waits = reserve(driver)
    assert waits is not None
    assert reserve(driver, begun=BOTH) is None
    assert used(driver) == {"old": (2 * SIZE, 2), "new": (2 * SIZE, 2)}

    driver.tell(RecordingSeen(recording=newer(stored("new"), by=5)))
    assert used(driver) == {"old": (2 * SIZE, 2), "new": (2 * SIZE, 2)}


def test_a_move_that_ends_or_goes_elsewhere_gives_its_room_back() -> None:
    driver = begun()
    third = a_location("third", quotas=QUOTA)
    driver.tell(LocationSeen(location=third, ready=True))
    count(driver, "third")
    reserve(driver)

    reserve(driver, "third")
    assert used(driver) == {"old": (SIZE, 1), "new": (0, 0), "third": (SIZE, 1)}

    quota_gate.end_move(driver.engine.state, driver.engine.state.recordings[UID], may_be_stored=False)
    assert used(driver) == {"old": (SIZE, 1), "new": (0, 0), "third": (0, 0)}


def test_only_what_an_earlier_operator_was_copying_had_its_room() -> None:
    driver = begun()
    count(driver, "new", 50, 1)

    waits = reserve(driver, begun=["video"])
    assert waits is not None
    assert "no room for the 30 B" in waits.message
    assert used(driver)["new"] == (50 + SIZE // 2, 2)

    count(driver, "new", 40, 1)
    assert reserve(driver, begun=["video"]) is None
    assert used(driver)["new"] == (40 + SIZE, 2)


def test_a_move_that_a_quota_has_failed_needs_room_when_it_is_tried_again() -> None:
    world = MoveWorld()
    world.run()
    full = (Quota(org="acme", most_bytes=15, action=QuotaAction.FAIL),)
    world.tell(LocationSeen(location=a_location("b", quotas=full, manifest=True), ready=True))
    world.tell(UsageCountBegan(locations=frozenset({"b"})), UsageCounted(location="b", usage=()))
    world.edit("b")
    for token in ("1", "2"):
        world.run()
        assert (world.recording.status.reason, world.places()) == (Reason.MOVE_FAILED, {"archive"})
        world.recording = newer(world.recording, retry_token=token)
        world.tell(RecordingSeen(recording=world.recording))


def test_copies_of_a_withdrawn_move_take_room_until_they_are_removed() -> None:
    world = MoveWorld()
    world.run()
    world.tell(LocationSeen(location=a_location("b", quotas=QUOTA, manifest=True), ready=True))
    world.tell(UsageCountBegan(locations=frozenset({"b"})), UsageCounted(location="b", usage=()))
    world.edit("b")
    while not world.end_one():
        assert world.step() or world.wait()
    world.edit("archive")
    while not any(isinstance(action, CleanUp) for action in world.actions):
        assert world.step() or world.wait()
    assert world.places() == {"archive", "b"}
    assert [(one.used_bytes, one.recordings) for one in world.engine.quota_report().usages] == [(20, 1)]

    world.run()
    assert world.places() == {"archive"}
    assert [(one.used_bytes, one.recordings) for one in world.engine.quota_report().usages] == [(0, 0)]
