"""How existing files become Recordings: grouping, owners and names."""

import re
import tracemalloc
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.recording import RecordingSpec
from recording_operator.api.source_object import is_key
from recording_operator.cli.migration.import_plan import ImportPlan, ListingOutOfOrderError, Skip, Tally
from recording_operator.stores.inventory import ListedObject
from tests.api.import_cases import BAD_OBJECTS, GOOD_OBJECTS
from tests.engine.builders import a_location, uid_of

AT = datetime(2023, 5, 1, tzinfo=UTC)
NAME = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
OWNER = "old/(?P<org>[^/]+)/(?:(?P<user>[^/@]+)/)?"


def a_plan(owner: str = OWNER, *, grouping: str = "directory", **fields: object) -> ImportPlan:
    return ImportPlan(
        source=a_location("egress", imports=("old/", "in/{namespace}/")),
        target="archive",
        namespace="team-a",
        owner_from=re.compile(owner),
        by_directory=grouping == "directory",
        **fields,
    )


def listed(*keys: str, sort: bool = True) -> Iterable[ListedObject]:
    for key in sorted(keys, key=str.encode) if sort else keys:
        yield ListedObject(key, 10, None, AT, "e")


def made(plan: ImportPlan, *keys: str) -> tuple[dict[str, list[str]], Tally]:
    """Keys of each Recording by its title."""
    tally, recordings = Tally(), dict[str, list[str]]()
    for group in plan.groups(listed(*keys), tally):
        if (manifest := plan.recording(group, tally)) is not None:
            spec = manifest["spec"]
            assert spec["title"] not in recordings
            recordings[spec["title"]] = [one["source"]["object"]["key"] for one in spec["artifacts"]]
    return recordings, tally


def test_one_directory_is_one_recording_without_its_subdirectories() -> None:
    recordings, tally = made(
        a_plan(),
        "old/acme/weekly/a.mp4",
        "old/acme/weekly/b.vtt",
        "old/acme/weekly/clips/1.mp4",
        "old/acme/weekly/z.mp4",
        "old/acme/weekly-2/a.mp4",
    )

    assert recordings == {
        "clips": ["old/acme/weekly/clips/1.mp4"],
        "weekly": ["old/acme/weekly/a.mp4", "old/acme/weekly/b.vtt", "old/acme/weekly/z.mp4"],
        "weekly-2": ["old/acme/weekly-2/a.mp4"],
    }
    assert (tally.files, tally.size_bytes, tally.skipped) == (5, 50, {})


def test_each_file_is_one_recording() -> None:
    recordings, _ = made(a_plan(grouping="file"), "old/acme/a.mp4", "old/acme/b.mp4")

    assert recordings == {"a": ["old/acme/a.mp4"], "b": ["old/acme/b.mp4"]}


def test_the_manifest_says_owner_kind_type_and_size_and_names_the_key() -> None:
    [group] = a_plan().groups(listed("old/acme/jo/Weekly Sync!/Video 1.MP4", "old/acme/jo/Weekly Sync!/x.bin"), Tally())

    manifest = a_plan().recording(group, Tally())

    assert manifest is not None
    assert manifest["metadata"] == {"name": "weekly-sync-9065963293ba7c2a", "namespace": "team-a"}
    assert manifest["spec"] == {
        "storageLocation": "archive",
        "owner": {"org": "acme", "user": "jo"},
        "title": "Weekly Sync!",
        "artifacts": [
            {
                "name": "video-1",
                "kind": "Video",
                "contentType": "video/mp4",
                "source": {
                    "object": {"storageLocation": "egress", "key": "old/acme/jo/Weekly Sync!/Video 1.MP4"},
                    "size": 10,
                },
            },
            {
                "name": "x",
                "kind": "Other",
                "source": {
                    "object": {"storageLocation": "egress", "key": "old/acme/jo/Weekly Sync!/x.bin"},
                    "size": 10,
                },
            },
        ],
    }
    RecordingSpec.model_validate(manifest["spec"])


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("old/readme.txt", Skip.NO_OWNER),
        ("old/(org)/a.mp4", Skip.BAD_OWNER),
        ("old/acme/a\nb/c.mp4", Skip.BAD_KEY),
        ("old/acme/\ufffd/c.mp4", Skip.BAD_KEY),
        ("in/team-b/acme/a.mp4", Skip.NOT_OPEN),
        (f"p/meeting-recordings/acme/-/{uid_of(1)}/video.mp4", Skip.STORED),
        (f"p/meeting-recordings/acme/-/{uid_of(1)}/metadata.json", Skip.STORED),
    ],
)
def test_what_cannot_be_imported_is_counted_with_the_reason_and_an_example(key: str, reason: Skip) -> None:
    recordings, tally = made(a_plan(), key, "old/acme/good/a.mp4")

    assert list(recordings) == ["good"]
    assert (tally.skipped, tally.examples) == ({reason: 1}, {reason: key})


def test_markers_of_folders_and_objects_of_the_operator_are_not_files() -> None:
    recordings, tally = made(a_plan(), "old/acme/", "old/.recording-operator/owner.json", "old/acme/x/a.mp4")

    assert (list(recordings), tally.files, tally.skipped) == (["x"], 1, {})


def test_a_directory_with_too_many_files_is_skipped_and_only_some_are_kept_in_memory() -> None:
    tally = Tally()
    [group] = a_plan().groups(listed(*(f"old/acme/x/{number:05}.mp4" for number in range(5000))), tally)

    assert (group.count, len(group.files)) == (5000, 65)
    assert a_plan().recording(group, tally) is None
    assert tally.skipped == {Skip.TOO_MANY: 5000}


def test_a_listing_that_is_not_in_order_is_an_error_because_a_directory_would_come_twice() -> None:
    keys = listed("old/acme/b/1", "old/acme/a/1", sort=False)

    with pytest.raises(ListingOutOfOrderError):
        list(a_plan().groups(keys, Tally()))


_NAMES = st.lists(st.sampled_from(["a", "b", "a-", "a b", "ä", "A"]), min_size=1, max_size=4).map("/".join)


@given(st.sets(_NAMES, max_size=12))
def test_every_file_is_in_exactly_one_group_and_no_directory_comes_twice(names: set[str]) -> None:
    keys = [f"old/{name}.mp4" for name in names]
    groups = list(a_plan().groups(listed(*keys), Tally()))

    assert sorted(found.key for group in groups for found in group.files) == sorted(keys)
    assert len({group.key for group in groups}) == len(groups)
    for group in groups:
        assert {found.key.rpartition("/")[0] + "/" for found in group.files} == {group.key}


_FILES = st.text("abAB-_. é", min_size=1, max_size=70).filter(lambda name: name.strip(". ") != "")


@given(st.sets(_FILES, min_size=1, max_size=20))
def test_names_are_valid_unique_and_the_same_in_every_run(names: set[str]) -> None:
    def run(order: Sequence[str]) -> dict[str, str]:
        [group] = a_plan().groups(listed(*(f"old/acme/{name}" for name in order)), Tally())
        manifest = a_plan().recording(group, Tally())
        assert manifest is not None
        assert NAME.fullmatch(manifest["metadata"]["name"])
        return {one["source"]["object"]["key"]: one["name"] for one in manifest["spec"]["artifacts"]}

    chosen = run(sorted(names))

    assert chosen == run(sorted(names, reverse=True))
    assert len(set(chosen.values())) == len(names)
    assert all(NAME.fullmatch(name) for name in chosen.values())


def test_names_differ_between_locations_and_between_directories_that_look_alike() -> None:
    def name(key: str, location: str = "egress") -> str:
        plan = a_plan()
        source = plan.source.model_copy(update={"metadata": plan.source.metadata.model_copy(update={"name": location})})
        moved = ImportPlan(
            source=source, target=None, namespace="team-a", owner_from=plan.owner_from, by_directory=True
        )
        [group] = moved.groups(listed(key), Tally())
        manifest = moved.recording(group, Tally())
        assert manifest is not None
        return str(manifest["metadata"]["name"])

    names = {name("old/acme/a b/1"), name("old/acme/a-b/1"), name("old/acme/a b/1", "other")}
    assert len(names) == 3


def test_keys_that_the_api_server_accepts_are_those_that_are_imported() -> None:
    """tests/api/test_rejections.py has the same keys on the real API server."""
    keys = {case.name: case.manifest["spec"]["artifacts"][0]["source"]["object"].get("key") for case in BAD_OBJECTS
            if case.name.startswith("object key") and "of a URL" not in case.name}  # fmt: skip
    assert len(keys) > 10
    assert [name for name, key in keys.items() if is_key(key)] == []
    good = [manifest["spec"]["artifacts"][0]["source"]["object"]["key"] for manifest in GOOD_OBJECTS.values()]
    assert [key for key in good if not is_key(key)] == []


def test_memory_does_not_grow_with_the_number_of_files() -> None:
    def peak_bytes(directories: int) -> int:
        keys = (f"old/acme/{number:06}/{name}" for number in range(directories) for name in ("a.mp3", "b.mp4"))
        plan, tally = a_plan(), Tally()
        tracemalloc.start()
        try:
            for group in plan.groups((ListedObject(key, 10, None, AT, "e") for key in keys), tally):
                assert plan.recording(group, tally) is not None
            assert tally.files == 2 * directories
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_bytes(10)
    assert peak_bytes(5000) < peak_bytes(50) + 100_000
