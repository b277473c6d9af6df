"""Notes about what a report does not count."""

import pytest

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.reports.notes import not_counted
from recording_operator.costs.usage import Usage


def a_location(name: str, **capabilities: bool) -> StorageLocation:
    return StorageLocation.model_validate(
        {
            "metadata": {"name": name, "uid": "u", "generation": 1, "resourceVersion": "1"},
            "spec": {"s3": {"bucket": name}},
            "status": {"capabilities": capabilities},
        }
    )


VERSIONED, PLAIN, NEW = (
    a_location("versioned", versioning=True),
    a_location("plain", versioning=False),
    a_location("new"),
)


def test_a_bucket_that_keeps_versions_is_named() -> None:
    assert list(not_counted([VERSIONED, PLAIN], [], Usage())) == [
        "Noncurrent versions and delete markers are not counted. The buckets of versioned are versioned."
    ]


def test_a_bucket_without_versions_has_no_note() -> None:
    assert list(not_counted([PLAIN], [], Usage())) == []


@pytest.mark.parametrize(
    ("listed", "denied", "words"),
    [
        ([NEW], [], "It is not known yet whether the buckets of new have any."),
        ([], [VERSIONED], "The buckets of versioned may not be listed."),
    ],
)
def test_the_notes_on_other_uncounted_bytes(
    listed: list[StorageLocation], denied: list[StorageLocation], words: str
) -> None:
    [note] = not_counted(listed, denied, Usage())
    assert words in note


def test_open_uploads_beyond_the_first_thousand_are_named() -> None:
    [note] = not_counted([PLAIN], [], Usage(unsized_uploads={"plain"}))
    assert note == "Only the first 1000 open uploads of plain are counted."


def test_a_hundred_locations_take_one_short_note() -> None:
    [note] = not_counted([a_location(f"place-{number}", versioning=True) for number in range(100)], [], Usage())
    assert "place-9 and 90 more" in note
    assert len(note) < 512
