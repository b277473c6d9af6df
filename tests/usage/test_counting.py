"""Counting a listing: rows by owner, class and state."""

import tracemalloc
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recording_operator.api.keytemplate import key_pattern
from recording_operator.usage import sums
from recording_operator.usage.arrivals import sample_from
from recording_operator.usage.counting import LocationTally, OpenPart, writes_of
from recording_operator.usage.owners import KeyClaim
from recording_operator.usage.sample import OTHER, SHARED, UNKNOWN, OwnerKey, State, UsageSample
from recording_operator.usage.stock import Stock, stock_of
from tests.usage.counted import BASIS, DAY, LOCATION, MIB, Listing, Thing, at, count, stored, tally, uid_of

NOW = at("2026-11-21T09:00")
OLD = NOW - timedelta(days=100)
UID = uid_of(7)
GONE = uid_of(8)
FORGOTTEN = uid_of(9)
OWNERS = {7: ("acme", "team")}
WITH_ORG = "{org}/{user}/{uid}/{artifact}{ext}"


def with_org(**given: Any) -> LocationTally:
    """A tally whose keys show the organisation but not the namespace."""
    return tally(None, NOW, **{"template": WITH_ORG, "prefix": "r/", "recordings": OWNERS, **given})


def sample_of(counting: LocationTally) -> UsageSample:
    return sample_from(counting, location=LOCATION, previous=None, basis=BASIS)


def owners(counting: LocationTally) -> set[tuple[str, str]]:
    return {(row.org, row.namespace) for row in sample_of(counting).stored}


def test_the_organisation_is_read_from_the_key_and_the_namespace_from_the_recording() -> None:
    counting = with_org()
    counting.add(f"r/globex/u-1/{UID}/video.mp4", size_bytes=MIB, storage_class="STANDARD", last_modified=OLD)
    assert stored(sample_of(counting)) == {OwnerKey("globex", "team", "STANDARD", State.CURRENT): Stock(1, MIB)}


def test_an_organisation_that_is_not_in_the_key_is_that_of_the_recording() -> None:
    counting = with_org(template="{namespace}/{name}/{uid}/{artifact}{ext}")
    counting.add(f"r/other/standup/{UID}/video.mp4", size_bytes=10, storage_class=None, last_modified=OLD)
    counting.add(f"r/other/standup/{GONE}/video.mp4", size_bytes=5, storage_class=None, last_modified=OLD)
    assert owners(counting) == {("acme", "other"), (UNKNOWN, "other")}


def test_an_ambiguous_organisation_in_the_key_is_not_guessed() -> None:
    counting = with_org(template="{org}-{user}/{uid}/{artifact}")
    counting.add(f"r/a-b-c/{UID}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    assert owners(counting) == {("acme", "team")}


def test_an_escaped_organisation_is_counted_by_its_own_name() -> None:
    counting = with_org()
    counting.add(f"r/jo=40example.com/-/{UID}/a.mp4", size_bytes=10, storage_class="STANDARD", last_modified=OLD)
    assert owners(counting) == {("jo@example.com", "team")}


def test_objects_without_a_recording_are_orphans_unless_they_are_newer_than_the_list_of_recordings() -> None:
    counting = with_org()
    counting.add(f"r/acme/u/{GONE}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    counting.add(f"r/acme/u/{UID}/video", size_bytes=100, storage_class=None, last_modified=OLD)
    counting.add(f"r/acme/u/{GONE}/late", size_bytes=1000, storage_class=None, last_modified=NOW)
    assert sample_of(counting).orphaned_bytes == 10
    assert owners(counting) == {("acme", "team"), ("acme", UNKNOWN)}


@pytest.mark.parametrize(
    ("template", "key"),
    [
        (WITH_ORG, f"r/globex/u-1/{UID}/metadata.json"),
        (WITH_ORG, f"r/.recording-operator/manifests/{UID}.json"),
        ("{uid}/{artifact}/{name}", f"r/{UID}/metadata.json"),
        ("{org}/{uid}-{artifact}", f"r/.recording-operator/manifests/{UID}.json"),
    ],
)
def test_a_manifest_is_counted_for_the_owner_of_its_recording(template: str, key: str) -> None:
    counting = with_org(template=template)
    counting.add(key, size_bytes=1200, storage_class=None, last_modified=OLD)
    sample = sample_of(counting)
    org = "globex" if "globex" in key else "acme"
    assert stored(sample) == {
        OwnerKey(org, "team", "STANDARD", State.CURRENT): Stock(1, 1200, 1, 1200, 1, 1200, 1, 1200)
    }
    assert (sample.foreign_bytes, sample.orphaned_bytes) == (0, 0)


def test_what_a_manifest_describes_is_no_orphan() -> None:
    """A Recording that ended long ago is not in Kubernetes any more, but in its manifest."""
    counting = with_org()
    for uid, names in ((GONE, ("audio", "metadata.json", "video")), (FORGOTTEN, ("audio", "video"))):
        for name in names:
            counting.add(f"r/acme/u/{uid}/{name}", size_bytes=10, storage_class=None, last_modified=OLD)
    sample = sample_of(counting)
    assert (sample.orphaned_objects, sample.orphaned_bytes) == (2, 20)


def test_neither_is_what_a_manifest_in_the_operators_own_folder_describes() -> None:
    counting = with_org(template="{org}/{artifact}/{uid}")
    counting.orphans.describe(GONE)
    for uid in (GONE, FORGOTTEN):
        counting.add(f"r/acme/video/{uid}", size_bytes=10, storage_class=None, last_modified=OLD)
    sample = sample_of(counting)
    assert (sample.orphaned_objects, sample.orphaned_bytes) == (1, 10)


def test_the_manifest_of_a_deleted_recording_protects_itself() -> None:
    counting = with_org(org_of=lambda _key, _uid: "initech")
    counting.add(f"r/.recording-operator/manifests/{GONE}.json", size_bytes=7, storage_class=None, last_modified=OLD)
    assert owners(counting) == {("initech", UNKNOWN)}
    assert sample_of(counting).orphaned_bytes == 0


def test_what_only_resembles_a_manifest_is_foreign() -> None:
    counting = with_org()
    for key in ("r/metadata.json", "r/acme/metadata.json", f"r/{UID}/metadata.json.bak"):
        counting.add(key, size_bytes=1, storage_class=None, last_modified=OLD)
    assert sample_of(counting).foreign_bytes == 3


def test_noncurrent_versions_of_deleted_recordings_are_no_orphans() -> None:
    counting = with_org()
    counting.add_noncurrent(f"r/acme/u/{GONE}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    assert sample_of(counting).orphaned_bytes == 0


def test_the_owner_of_an_orphan_is_read_from_its_object_once() -> None:
    calls: list[tuple[str, str]] = []

    def org_of(key: str, uid: str) -> str | None:
        calls.append((key, uid))
        return "globex"

    counting = with_org(template="{namespace}/{uid}/{artifact}", org_of=org_of)
    for artifact in ("audio", "video"):
        counting.add(f"r/team/{GONE}/{artifact}", size_bytes=10, storage_class=None, last_modified=OLD)
    counting.add(f"r/team/{UID}/video", size_bytes=1, storage_class=None, last_modified=OLD)
    assert owners(counting) == {("globex", "team"), ("acme", "team")}
    assert calls == [(f"r/team/{GONE}/audio", GONE)]


def test_a_noncurrent_version_is_not_read_and_does_not_hide_the_owner_of_the_next_object() -> None:
    counting = with_org(template="{namespace}/{uid}/{artifact}", org_of=lambda _key, _uid: "globex")
    counting.add_noncurrent(f"r/team/{GONE}/audio", size_bytes=5, storage_class=None, last_modified=OLD)
    counting.add(f"r/team/{GONE}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    found = stored(sample_of(counting))
    assert found[OwnerKey(UNKNOWN, "team", "STANDARD", State.NONCURRENT)].size_bytes == 5
    assert found[OwnerKey("globex", "team", "STANDARD", State.CURRENT)].size_bytes == 10


@pytest.mark.parametrize(
    "key", ["r/notes.txt", "r/acme/u/no-uid/video", f"s/acme/u/{UID}/video", "other/.recording-operator/owner", "x"]
)
def test_keys_that_the_template_does_not_make_are_foreign(key: str) -> None:
    counting = with_org()
    counting.add(key, size_bytes=10, storage_class=None, last_modified=OLD)
    counting.add_noncurrent(key, size_bytes=3, storage_class=None, last_modified=OLD)
    counting.add_noncurrent(key, size_bytes=0, storage_class=None, last_modified=OLD, is_delete_marker=True)
    sample = sample_of(counting)
    assert (sample.foreign_bytes, sample.stored) == (13, ())


@pytest.mark.parametrize("prefix", ["r/", ""])
def test_the_operators_own_files_are_in_no_number(prefix: str) -> None:
    counting = with_org(prefix=prefix)
    for name in ("owner", "usage/archive/2026/10.json.gz"):
        key = f"{prefix}.recording-operator/{name}"
        counting.add(key, size_bytes=10, storage_class=None, last_modified=OLD)
        counting.add_noncurrent(key, size_bytes=3, storage_class=None, last_modified=OLD)
        counting.add_open_upload(key, parts=[OpenPart(5, OLD)], storage_class=None)
    counting.add(f"{prefix}.recording-operator", size_bytes=1, storage_class=None, last_modified=OLD)
    sample = sample_of(counting)
    assert (sample.foreign_bytes, sample.stored) == (1, ())


def test_the_keys_of_another_location_are_left_to_it() -> None:
    claim = KeyClaim("r/", key_pattern(prefix="r/", template=WITH_ORG))
    counting = with_org(prefix="", claims=(claim,), template="{org}/{user}/{uid}/{artifact}")
    counting.add(f"r/acme/u/{UID}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    # An organisation with the name of the other location's prefix.
    counting.add(f"r/u/{UID}/video", size_bytes=7, storage_class=None, last_modified=OLD)
    counting.add(f"r/acme/u/{UID}/audio", size_bytes=10, storage_class=None, last_modified=OLD)
    sample = sample_of(counting)
    assert [(row.org, row.size_bytes) for row in sample.stored] == [("r", 7)]
    assert sample.foreign_bytes == 0


# States and sizes


def test_versions_delete_markers_and_objects_are_counted_apart() -> None:
    one = Thing(size_bytes=5 * MIB, dated=OLD)
    older = Thing(size_bytes=3 * MIB, dated=OLD - DAY)
    small = Thing(size_bytes=1000, dated=OLD, number=2)
    marker = Thing(size_bytes=0, dated=OLD, number=2)
    sample = count(None, NOW, Listing(current=[one], noncurrent=[older, small], delete_markers=[marker]))
    assert stored(sample) == {
        OwnerKey("acme", "team", "STANDARD", State.CURRENT): Stock(1, 5 * MIB),
        # A delete marker is an object of 0 bytes for which no least size is billed.
        OwnerKey("acme", "team", "STANDARD", State.NONCURRENT): Stock(3, 3 * MIB + 1000, 1, 1000, 1, 1000, 1, 1000),
    }


@pytest.mark.parametrize("size_bytes", [0, 1, 4095, 4096, 65_535, 65_536, 131_071, 131_072, 10 * MIB])
def test_small_objects_are_counted_by_each_limit(size_bytes: int) -> None:
    sample = count(None, NOW, Listing(current=[Thing(size_bytes=size_bytes, dated=OLD)]))
    assert list(stored(sample).values()) == [stock_of(size_bytes)]


def test_ages_in_intelligent_tiering() -> None:
    tiered = [
        Thing(size_bytes=MIB << number, dated=NOW - age, storage_class="INTELLIGENT_TIERING", number=number)
        for number, age in enumerate([timedelta(), 30 * DAY - timedelta(seconds=1), 30 * DAY, 89 * DAY, 90 * DAY])
    ]
    tiny = Thing(size_bytes=131_071, dated=OLD, storage_class="INTELLIGENT_TIERING", number=9)
    sample = count(None, NOW, Listing(current=[*tiered, tiny]))
    [found] = stored(sample).values()
    assert (found.objects, found.size_bytes, found.objects_below_128k) == (6, 31 * MIB + 131_071, 1)
    assert (found.monitored, found.bytes_after_30d, found.bytes_after_90d) == (5, (4 + 8 + 16) * MIB, 16 * MIB)


def test_other_classes_are_not_monitored() -> None:
    sample = count(None, NOW, Listing(current=[Thing(size_bytes=MIB, dated=OLD, storage_class="GLACIER_IR")]))
    assert list(stored(sample).values()) == [Stock(1, MIB)]


def test_parts_of_open_uploads_are_bytes_but_no_objects() -> None:
    counting = with_org()
    parts = [OpenPart(10, OLD), OpenPart(5, NOW - timedelta(hours=1))]
    counting.add_open_upload(f"r/acme/u/{UID}/v", parts=parts, storage_class="GLACIER")
    counting.add_open_upload("r/foreign", parts=parts, storage_class=None)
    sample = sample_of(counting)
    assert stored(sample) == {OwnerKey("acme", "team", "GLACIER", State.INCOMPLETE): Stock(0, 15)}
    [row] = sample.arrived
    assert (row.state, row.day, row.size_bytes, row.writes, row.second) == (
        State.INCOMPLETE, NOW.date(), 5, 0, 8 * 3600,
    )  # fmt: skip


# Uploads and downloads


def test_uploads_in_the_window_by_day_with_the_requests_that_the_etag_shows() -> None:
    listing = Listing(
        current=[
            Thing(size_bytes=10, dated=at("2026-11-20T08:00"), etag='"x-31"'),
            Thing(size_bytes=30, dated=at("2026-11-20T12:00"), etag='"x"', number=2),
            Thing(size_bytes=5, dated=OLD),
        ],
        noncurrent=[Thing(size_bytes=7, dated=at("2026-11-19T00:00:05"), etag="x")],
    )
    sample = count(None, NOW, listing)
    assert [
        (row.state, row.day.day, row.size_bytes, row.objects, row.writes, row.second) for row in sample.arrived
    ] == [
        (State.NONCURRENT, 19, 7, 1, 1, 5),
        (State.CURRENT, 20, 40, 2, 34, 11 * 3600),  # 10 bytes at 8:00 and 30 at 12:00
    ]


@pytest.mark.parametrize(("etag", "writes"), [('"abc"', 1), ("abc-2", 4), ('"abc-10000"', 10002), ("", 1), ("a-b", 1)])
def test_writes_of_an_etag(etag: str, writes: int) -> None:
    assert writes_of(etag) == writes


def test_downloads_by_organisation_even_of_deleted_objects() -> None:
    counting = with_org()
    counting.add_download(f"r/acme/u/{UID}/video", day=NOW.date(), size_bytes=10)
    counting.add_download(f"r/acme/u/{GONE}/video", day=NOW.date(), size_bytes=5)
    counting.add_download("r/foreign", day=NOW.date(), size_bytes=1)
    # Reported late, of a day that is closed: on the first open day.
    counting.add_download(f"r/globex/u/{UID}/video", day=at("2026-10-31").date(), size_bytes=3)
    counting.add_shared_download(day=NOW.date(), size_bytes=100)
    assert [(row.org, row.day.day, row.size_bytes) for row in sample_of(counting).downloaded] == [
        ("globex", 1, 3), (SHARED, 21, 100), ("acme", 21, 15),
    ]  # fmt: skip
    counting.discard_downloads()
    assert sample_of(counting).downloaded == ()


# Limits


def test_owners_beyond_the_limit_share_a_row_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recording_operator.usage.counting.MOST_OWNERS", 3)
    monkeypatch.setattr("recording_operator.usage.counting.MOST_DAYS", 4)
    monkeypatch.setattr(sums, "MOST_OWNERS", 3)
    things = [
        Thing(
            size_bytes=MIB, dated=NOW - number * DAY, org=f"org-{number % 5}", number=number, storage_class="GLACIER_IR"
        )
        for number in range(15)
    ]
    sample = count(None, NOW, Listing(current=things))
    assert {row.org for row in sample.stored} == {"org-0", "org-1", "org-2", OTHER}
    assert {row.namespace for row in sample.stored if row.org == OTHER} == {OTHER}
    assert sum(row.objects for row in sample.stored) == 15
    assert sum(row.size_bytes for row in sample.arrived) == 15 * MIB
    assert sum(row.size_bytes for row in sample.carry.young) == 15 * MIB
    assert len({(row.key, row.day) for row in sample.arrived}) == len(sample.arrived)


def test_memory_does_not_grow_with_the_objects() -> None:
    counting = with_org()
    package = str(Path(sums.__file__).with_name("*"))

    def add(first: int, last: int) -> int:
        for number in range(first, last):
            key = f"r/org-{number % 50}/u/{uuid.UUID(int=number)}/v"
            counting.add(key, size_bytes=1, storage_class=None, last_modified=NOW - (number % 40) * DAY)
            counting.add_noncurrent(key, size_bytes=1, storage_class="STANDARD_IA", last_modified=NOW)
        # Only what was allocated here and there: other threads of the process allocate too.
        filters = [tracemalloc.Filter(inclusive=True, filename_pattern=name) for name in (__file__, package)]
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(filters).traces)

    tracemalloc.start()
    try:
        few, many = add(0, 2_000), add(2_000, 20_000)
    finally:
        tracemalloc.stop()
    assert sum(row.objects for row in sample_of(counting).stored) == 40_000
    assert many - few < 36_000 * 3


@pytest.mark.parametrize("template", [WITH_ORG, "{org}/{uid}-{artifact}{ext}"])
def test_recordings_with_objects_are_counted_once_whatever_else_is_listed(template: str) -> None:
    counting = with_org(template=template)
    folder = "acme/u-1/{}/" if template == WITH_ORG else "acme/{}-"
    for uid, artifacts in ((UID, ("audio", "video")), (GONE, ("video",))):
        for artifact in artifacts:
            key = f"r/{folder.format(uid)}{artifact}.mp4"
            more: dict[str, Any] = {"size_bytes": 1, "storage_class": None, "last_modified": OLD}
            counting.add_noncurrent(key, **more, is_delete_marker=artifact == "audio")
            if artifact == "video":
                counting.add(key, **more)

    rows = sample_of(counting).stored_recordings

    assert sum(row.recordings for row in rows) == 2


def test_a_recording_with_only_earlier_versions_is_not_counted() -> None:
    counting = with_org()
    key = f"r/acme/u-1/{UID}/video.mp4"
    counting.add_noncurrent(key, size_bytes=1, storage_class=None, last_modified=OLD)
    assert sample_of(counting).stored_recordings == ()
