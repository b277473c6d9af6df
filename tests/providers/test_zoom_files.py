"""Zoom: which file becomes which artifact."""

from itertools import permutations
from typing import Any

import pytest

from recording_operator.providers.provider import Media
from recording_operator.providers.zoom_files import media_in, of_event
from tests.providers.deliveries import ALL_KINDS


def a_file(name: str, *, view: str = "", kind: str = "MP4", start: str = "2026-01-01T10:00:00Z") -> dict[str, Any]:
    return {
        "id": name,
        "file_type": kind,
        "recording_type": view,
        "recording_start": start,
        "status": "completed",
        "download_url": f"https://zoom.example.test/{name}",
    }


def media(*files: dict[str, Any]) -> dict[str, Media]:
    found = media_in(files, ALL_KINDS, headers={}, expires_at=None)
    assert len({item.name for item in found}) == len(found)
    return {str(item.url).rpartition("/")[2]: item for item in found}


def test_the_best_view_is_the_video_and_others_are_named_after_their_view() -> None:
    found = media(a_file("g", view="gallery_view"), a_file("s", view="shared_screen_with_speaker_view"))
    assert (found["s"].name, found["s"].is_main) == ("video", True)
    assert (found["g"].name, found["g"].is_main) == ("gallery-view", False)
    assert media(a_file("g", view="gallery_view"))["g"].name == "video"


def test_a_recording_that_was_paused_has_several_files_of_each_type() -> None:
    second = "2026-01-01T10:20:00Z"
    files = [
        a_file("v1", view="active_speaker"),
        a_file("v2", view="active_speaker", start=second),
        a_file("a1", view="audio_only", kind="M4A"),
        a_file("a2", view="audio_only", kind="M4A", start=second),
    ]
    names = {key: item.name for key, item in media(*files).items()}
    assert (names["v1"], names["a1"]) == ("video", "audio")
    assert names["v2"].startswith("video-")
    assert names["a2"].startswith("audio-")
    assert [key for key, item in media(*files).items() if item.is_main] == ["v1"]
    # The order in which Zoom lists them changes nothing, nor does a list without the kinds that are not wanted.
    for order in permutations(files):
        assert {key: item.name for key, item in media(*order).items()} == names
    assert media(*files[:2])["v2"].name == names["v2"]


def of_event_by_id(*files: dict[str, Any]) -> dict[str, Media]:
    listed = media(*files)
    return dict(zip(listed, of_event(tuple(listed.values())), strict=True))


def found_again(listed: Media, later: dict[str, Media]) -> str:
    """Which file of a later list is the one that an earlier list has."""
    word = listed.reference or listed.name
    return next((key for key, item in later.items() if word in {item.name, item.reference}), "")


@pytest.mark.parametrize("deleted", ["v1", "v2", "v3", "a1", "a2", "t1"])
def test_a_file_is_found_again_if_another_one_is_deleted_at_zoom(deleted: str) -> None:
    second = "2026-01-01T10:20:00Z"
    files = [
        a_file("v1", view="active_speaker"),
        a_file("v2", view="active_speaker", start=second),
        a_file("v3", view="gallery_view"),
        a_file("a1", view="audio_only", kind="M4A"),
        a_file("a2", view="audio_only", kind="M4A", start=second),
        a_file("t1", view="audio_transcript", kind="TRANSCRIPT"),
    ]
    listed = of_event_by_id(*files)
    assert len({item.reference or item.name for item in listed.values()}) == len(files)
    assert listed["t1"].reference == "", "there is no other one of its kind"
    later = media(*(file for file in files if file["id"] != deleted))
    assert {key: found_again(item, later) for key, item in listed.items()} == {
        key: "" if key == deleted else key for key in listed
    }


def test_a_file_without_id_is_found_by_its_name() -> None:
    without = a_file("", view="gallery_view") | {"download_url": "https://zoom.example.test/x"}
    found = of_event_by_id(a_file("v", view="active_speaker"), without)
    assert found["v"].reference
    assert (found["x"].name, found["x"].reference) == ("gallery-view", "")


def test_files_that_are_not_complete_are_left_out() -> None:
    processing = a_file("p") | {"status": "processing"}
    without_url = a_file("u") | {"download_url": ""}
    assert media(processing, without_url) == {}
    assert list(media(a_file("v") | {"status": None})) == ["v"]


def test_kinds_of_files() -> None:
    kinds = {
        "MP4": "Video",
        "M4A": "Audio",
        "TRANSCRIPT": "Transcript",
        "CC": "Transcript",
        "CHAT": "Other",
        "CSV": "Other",
        "TB": "Other",
        "TIMELINE": "Metadata",
        "SUMMARY": "Summary",
        "NEW": "Other",
    }
    found = media(*(a_file(kind, kind=kind) for kind in kinds))
    assert {key: item.kind.value for key, item in found.items()} == kinds


def test_names_are_names_of_artifacts() -> None:
    odd = media(a_file("x", kind="", view="../../Ünï " * 20), a_file("y", kind="CSV", view="_"))
    assert all(set(item.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for item in odd.values())
    assert all(0 < len(item.name) <= 49 and not item.name.startswith("-") for item in odd.values())


def test_at_most_64_files() -> None:
    assert len(media(*(a_file(f"f{n}") for n in range(200)))) == 64
