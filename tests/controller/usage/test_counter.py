"""One count of locations: what is in a sample, and what a failure leaves."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import ReportSource
from recording_operator.controller.usage.counter import CountFailure
from recording_operator.controller.usage.errors import CountStopped
from recording_operator.errors import LocationError
from recording_operator.usage.levels import levels_of
from recording_operator.usage.sample import OwnerKey, State, UsageSample
from tests.controller.usage.world import CountingWorld
from tests.support.strict_faults import ErrorResponse, Fault

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERSIONED = {"capabilities": {"versioning": True}}
_READY = {"type": "Ready", "status": "False", "reason": "AccessDenied", "message": "", "lastTransitionTime": NOON}
NOT_READY = {"conditions": [_READY]}
MIB = 2**20


def held(sample: UsageSample, state: State = State.CURRENT) -> dict[str, tuple[int, int]]:
    """Objects and bytes by organisation."""
    return {row.org: (row.objects, row.size_bytes) for row in sample.stored if row.state is state}


def arrived(sample: UsageSample) -> dict[tuple[date, State], tuple[int, int]]:
    """Bytes and writes by day."""
    return {(row.day, row.state): (row.size_bytes, row.writes) for row in sample.arrived}


def test_the_first_sample_of_a_location(world: CountingWorld) -> None:
    world.location("archive")
    world.put(NOON - 30 * timedelta(days=1), 100)
    world.put(NOON - HOUR, 20, org="globex")
    world.put(NOON + HOUR, 3)
    world.recording("archive")
    sample = world.sample(NOON, "archive")
    assert (sample.at, sample.since, sample.source) == (NOON, None, ReportSource.INVENTORY)
    assert held(sample) == {"acme": (2, 103), "globex": (1, 20)}
    assert arrived(sample) == {(NOON.date(), State.CURRENT): (20, 1)}
    assert [(row.org, row.size_bytes) for row in sample.ahead] == [("acme", 3)]
    assert [(row.org, row.recordings) for row in sample.recordings] == [("acme", 1)]
    assert sample.orphaned_bytes == 120


def test_a_second_sample_has_what_arrived_since(world: CountingWorld) -> None:
    world.location("archive")
    world.put(NOON - HOUR, 100)
    upload = world.open_upload(NOON - HOUR, 5 * MIB, MIB)
    first = world.sample(NOON, "archive")
    assert held(first, State.INCOMPLETE) == {"acme": (0, 6 * MIB)}
    assert arrived(first)[NOON.date(), State.INCOMPLETE] == (6 * MIB, 0)
    world.put(NOON + HOUR, 7)
    world.complete(upload)
    second = world.sample(NOON + 2 * HOUR, "archive", first)
    assert second.since == NOON
    assert held(second) == {"acme": (3, 6 * MIB + 107)}
    assert held(second, State.INCOMPLETE) == {}
    # The object has the time at which its upload began: it is late, and no class is known of it.
    late = [(row.storage_class, row.size_bytes, row.writes) for row in second.arrived]
    assert sorted(late) == [("", 6 * MIB, 4), ("STANDARD", 7, 1)]


def test_versions_and_delete_markers_are_counted_in_a_versioned_bucket(world: CountingWorld) -> None:
    world.location("archive", status=VERSIONED)
    uid = "0b6b2f4e-8f0f-4c7e-9a51-0e6f5f1f3a11"
    world.put(NOON - 2 * HOUR, 10, uid=uid)
    world.put(NOON - HOUR, 30, uid=uid)
    gone = world.put(NOON - HOUR, 5)
    world.strict.bucket.delete(gone, None)
    sample = world.sample(NOON, "archive")
    assert held(sample) == {"acme": (1, 30)}
    assert held(sample, State.NONCURRENT) == {"acme": (3, 15)}
    assert sample.notes == ()


def test_versions_that_may_not_be_listed_are_named_and_the_objects_counted(world: CountingWorld) -> None:
    world.location("archive", status=VERSIONED)
    world.put(NOON - HOUR, 30)
    world.strict.denied = {"ListObjectVersions"}
    sample = world.sample(NOON, "archive")
    assert held(sample) == {"acme": (1, 30)}
    [note] = sample.notes
    assert note.startswith("Noncurrent versions and delete markers of archive are not counted: ")


def test_a_bucket_that_may_not_be_listed_is_counted_from_recordings(world: CountingWorld) -> None:
    world.location("archive")
    world.put(NOON - HOUR, 999)
    done = {"phase": "Complete", "completedAt": "2026-11-20T11:00:00Z"}
    stored = [{"name": "video", "phase": "Complete", "bytesTotal": 200, "etag": "x"}]
    world.recording("archive", **done, artifacts=stored)
    world.strict.denied = {"ListObjectsV2"}
    sample = world.sample(NOON, "archive")
    assert sample.source is ReportSource.RECORDINGS
    assert levels_of(sample)[OwnerKey("acme", "meetings", "STANDARD", State.CURRENT)].size_bytes == 200
    assert arrived(sample) == {(NOON.date(), State.CURRENT): (200, 1)}
    [note] = sample.notes
    assert note.startswith("The bucket of archive could not be listed: ")


def test_a_location_that_is_not_ready_for_its_credentials_is_counted_from_recordings(world: CountingWorld) -> None:
    world.location("archive", status=NOT_READY)
    world.broken["archive"] = LocationError(Reason.LOCATION_NOT_READY, "It has not been checked.")
    sample = world.sample(NOON, "archive")
    assert sample.source is ReportSource.RECORDINGS
    assert "AccessDenied" in sample.notes[0]


def test_of_two_locations_of_one_prefix_one_counts_the_objects(world: CountingWorld) -> None:
    world.location("first")
    world.location("second")
    world.put(NOON - HOUR, 100)
    world.recording("second")
    found = world.count(NOON)
    one, two = found["first"], found["second"]
    assert isinstance(one, UsageSample)
    assert isinstance(two, UsageSample)
    assert held(one) == {"acme": (1, 100)}
    assert (two.counted_by, two.stored, two.source) == ("first", (), ReportSource.INVENTORY)
    assert [row.recordings for row in two.recordings] == [1]
    assert world.strict.count("ListObjectsV2") == 4, "each is tried, and one is listed, with its own folder"


def test_if_the_first_may_not_be_listed_the_other_counts_for_both(world: CountingWorld) -> None:
    world.location("first", status=NOT_READY)
    world.location("second")
    world.broken["first"] = LocationError(Reason.LOCATION_NOT_READY, "It has not been checked.")
    world.put(NOON - HOUR, 100)
    found = world.count(NOON)
    assert [sample.counted_by for sample in found.values() if isinstance(sample, UsageSample)] == ["second", None]


def test_a_new_location_that_counts_for_an_older_one_continues_its_samples(world: CountingWorld) -> None:
    world.location("second")
    world.put(NOON - HOUR, 100)
    before = world.sample(NOON, "second")
    world.location("first")
    world.put(NOON + HOUR, 7)
    found = world.count(NOON + 2 * HOUR, previous={"second": before})
    first, second = found["first"], found["second"]
    assert isinstance(first, UsageSample)
    assert isinstance(second, UsageSample)
    assert (first.taken_over, first.since, first.counted_by) == ("second", NOON, None)
    assert held(first) == {"acme": (2, 107)}
    assert arrived(first) == {(NOON.date(), State.CURRENT): (7, 1)}
    assert (second.taken_over, second.since, second.counted_by, second.stored) == (None, NOON, "first", ())


def test_a_location_that_fails_leaves_the_samples_of_the_others_and_keeps_its_keys(world: CountingWorld) -> None:
    world.location("first")
    world.location("other", s3={"prefix": "other/"})
    world.location("second")
    world.broken["first"] = LocationError(Reason.LOCATION_NOT_READY, "It has not been checked yet.")
    world.put(NOON - HOUR, 100)
    world.put(NOON - HOUR, 7, prefix="other/")
    found = world.count(NOON)
    assert found["first"] == CountFailure(location="first", message="It has not been checked yet.")
    other, second = found["other"], found["second"]
    assert isinstance(other, UsageSample)
    assert isinstance(second, UsageSample)
    assert held(other) == {"acme": (1, 7)}
    assert (second.counted_by, second.stored) == ("first", ())


@pytest.mark.parametrize("operation", ["ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "ListParts"])
def test_half_a_count_is_no_sample(world: CountingWorld, operation: Any) -> None:
    world.location("archive", status=VERSIONED if operation == "ListObjectVersions" else None)
    world.strict.page_size = 1
    for _ in range(3):
        world.put(NOON - HOUR, 100)
        world.open_upload(NOON - HOUR, MIB, MIB)
    # The second page of a listing fails, each time it is tried.
    world.strict.fault(
        Fault(operation=operation, action=ErrorResponse(status=403, code="AccessDenied"), first=3, times=99)
    )
    found = world.count(NOON)["archive"]
    assert isinstance(found, CountFailure), operation
    assert "permission" in found.message


def test_a_count_that_is_stopped_has_no_result(world: CountingWorld) -> None:
    world.location("archive")
    world.put(NOON - HOUR, 100)
    world.stopping = True
    with pytest.raises(CountStopped):
        world.count(NOON)


def test_recordings_are_listed_once_for_all_locations(world: CountingWorld) -> None:
    for number in range(3):
        world.location(f"place-{number}", s3={"prefix": f"{number}/"})
    world.count(NOON)
    assert world.api.recordings_listed == 1
