"""What the Recordings say, in numbers."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.recording import RecordingStatus
from recording_operator.usage import recordings
from recording_operator.usage.arrivals import sample_from
from recording_operator.usage.owners import RecordingIndex
from recording_operator.usage.recordings import RecordingTally, location_of_recording, parse_time
from recording_operator.usage.sample import OTHER, UNKNOWN, OwnerKey, RecordingRow, State, UsageSample
from recording_operator.usage.stock import Stock
from tests.engine.builders import a_recording
from tests.usage.counted import BASIS, DAY, LOCATION, MIB, at, stored, tally, uid_of, uploaded

NOW = at("2026-11-21T09:00")


def raw(
    number: int = 1,
    *,
    org: str | None = "acme",
    phase: str = "Complete",
    ended: str | None = "2026-11-21T08:00:00Z",
    sizes: tuple[int, ...] = (MIB,),
    location: str | None = LOCATION,
    **status: Any,
) -> dict[str, Any]:
    """A Recording as the API server returns it."""
    artifacts = [{"phase": "Complete", "bytesTotal": size, "bytesDone": size, "etag": "x-3"} for size in sizes]
    return {
        "metadata": {"uid": uid_of(number), "name": f"r-{number}", "namespace": "team"},
        "spec": {"owner": {"org": org} if org else None, "storageLocation": location},
        "status": {"phase": phase, "completedAt": ended, "artifacts": artifacts, **status},
    }


def tallied(*raws: dict[str, Any]) -> RecordingTally:
    counting = RecordingTally(index=RecordingIndex(listed_from=NOW), now=NOW)
    for one in raws:
        assert counting.add(one) == one["spec"]["storageLocation"]
    return counting


def from_recordings(previous: UsageSample | None, now: datetime, *raws: dict[str, Any]) -> UsageSample:
    counting = tally(previous, now)
    for one in raws:
        counting.add_recording(one, storage_class="STANDARD_IA")
    return sample_from(counting, location=LOCATION, previous=previous, basis=BASIS)


def test_what_has_expired_is_no_longer_counted() -> None:
    whole, part = raw(1, sizes=(MIB, MIB)), raw(2, sizes=(MIB, 2 * MIB))
    for one in (*whole["status"]["artifacts"], part["status"]["artifacts"][1]):
        one["reason"] = "Expired"
    [row] = tallied(whole, part).rows(LOCATION)
    assert (row.recordings, row.bytes_24h) == (1, MIB)
    assert from_recordings(None, NOW, whole, part).stored[0].stock.size_bytes == MIB


def test_recordings_by_location_and_owner_with_those_that_ended_in_the_last_day() -> None:
    counting = tallied(
        raw(1, startedAt="2026-11-21T07:59:00Z", sizes=(MIB, MIB)),
        raw(2, ended="2026-11-20T09:00:00Z"),  # a day ago
        raw(3, ended="2026-11-20T11:00:01+02:00", startedAt="2026-11-22T00:00:00Z"),
        raw(4, phase="Failed"),
        raw(5, phase="Uploading", ended=None),
        raw(6, org=None),
        raw(7, location="second"),
    )
    assert counting.rows(LOCATION) == (
        RecordingRow(org=UNKNOWN, namespace="team", recordings=1, complete_24h=1, bytes_24h=MIB),
        RecordingRow(
            org="acme", namespace="team", recordings=5, complete_24h=2, failed_24h=1, bytes_24h=3 * MIB, seconds_24h=60,
            timed_24h=1,
        ),
    )  # fmt: skip
    assert [row.recordings for row in counting.rows("second")] == [1]
    assert counting.rows("third") == ()
    assert counting.index.owner(uid_of(7)) == ("acme", "team", True)


def test_owners_beyond_the_limit_share_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_OWNERS", 2)
    rows = tallied(*(raw(number, org=f"org-{number}") for number in range(5))).rows(LOCATION)
    assert [(row.org, row.recordings) for row in rows] == [(OTHER, 3), ("org-0", 1), ("org-1", 1)]


def test_a_status_of_another_version_is_no_error() -> None:
    damaged = raw(1, ended="yesterday")
    damaged["status"]["artifacts"] = None
    bare = {**raw(2), "status": None}
    assert [row.recordings for row in tallied(damaged, bare).rows(LOCATION)] == [2]
    sample = from_recordings(None, NOW, damaged, bare)
    assert [row for row in sample.stored if row.objects or row.size_bytes] == []


@pytest.mark.parametrize("value", [None, 5, "", "soon", "2026-11-21T08:00:00"])
def test_times_that_are_none(value: object) -> None:
    assert parse_time(value) is None


def test_stored_artifacts_count_where_the_bucket_cannot_be_listed() -> None:
    open_upload = raw(2, phase="Uploading", ended=None, sizes=(3 * MIB,))
    open_upload["status"]["artifacts"].append({"phase": "Uploading", "bytesTotal": 10 * MIB, "bytesDone": MIB})
    first = from_recordings(None, NOW, raw(1), open_upload, raw(3, ended="2026-10-31T23:00:00Z"))
    assert stored(first) == {OwnerKey("acme", "team", "STANDARD_IA", State.CURRENT): Stock(3, 5 * MIB)}
    assert [(row.day, row.size_bytes, row.writes, row.second) for row in first.arrived] == [
        (NOW.date(), MIB, 5, 28_800)
    ]
    assert (first.carry.young, first.orphaned_bytes) == ((), 0)
    # The open one ends on the next day; its artifact counts as uploaded then.
    second = from_recordings(first, NOW + DAY, raw(1), raw(2, ended="2026-11-22T08:00:00Z", sizes=(3 * MIB,)))
    assert uploaded(second) == {"acme": 3 * MIB}


def test_a_recording_that_ended_before_a_count_but_was_read_before_that_counts_in_the_next() -> None:
    first = from_recordings(None, NOW)
    late = raw(1, ended=(NOW - timedelta(seconds=1)).isoformat())
    assert uploaded(from_recordings(first, NOW + DAY, late)) == {"acme": MIB}


@pytest.mark.parametrize(
    ("named", "placed", "location"),
    [("vault", None, "vault"), (None, "vault", "vault"), ("vault", "cold", "cold"), (None, None, None)],
)
def test_the_status_says_where_it_is_and_the_model_agrees(
    named: str | None, placed: str | None, location: str | None
) -> None:
    recording = a_recording(location=named, status=RecordingStatus(storage_location=placed))
    as_stored = recording.model_dump(mode="json", by_alias=True, exclude_none=True)

    assert (location_of_recording(as_stored), recording.location) == (location, location)
    assert location_of_recording({"spec": as_stored["spec"]}) == named


def test_one_that_is_not_placed_is_counted_at_no_location_and_its_owner_is_known() -> None:
    index = RecordingIndex(listed_from=NOW)
    counting = RecordingTally(index=index, now=NOW)

    assert counting.add(raw(1, location=None, phase="Pending")) is None
    assert counting.add(raw(2, location=None, storageLocation="second")) == "second"

    assert counting.rows("None") == ()
    assert [row.recordings for row in counting.rows("second")] == [1]


def test_a_rebuilt_recording_owns_the_former_objects_once_one_was_verified() -> None:
    """Anyone can write an identity into a spec: until the operator has verified an object, it is only a claim."""
    claimed, verified = raw(1, sizes=(), phase="Failed"), raw(2)
    for one, former in ((claimed, 8), (verified, 9)):
        one["spec"]["identity"] = {"uid": uid_of(former)}
    index = tallied(claimed, verified).index
    owners = {number: index.owner(uid_of(number)) for number in (1, 2, 8, 9)}
    known, unknown = ("acme", "team", True), (None, None, False)
    assert owners == {1: known, 2: unknown, 8: unknown, 9: known}
    assert recordings.claimed_uids(claimed) == (uid_of(1), uid_of(8))
