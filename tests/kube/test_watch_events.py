"""Which events of a WATCH reach kopf, and in which form."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence, Set
from typing import Any

import pytest

from recording_operator.kube.ownwrites import OwnWrites
from recording_operator.kube.watch.events import TRUE_TYPE, EventLines


class Chunks:
    """A response of an API server, in the pieces in which it comes."""

    total_bytes = 7

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    async def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def read(*pieces: bytes, own_writes: OwnWrites | None = None, kept: Set[str] = frozenset()) -> list[bytes]:
    content: Any = Chunks(pieces)

    async def collect() -> list[bytes]:
        return [chunk async for chunk in EventLines(content, own_writes, kept=kept).iter_chunked(1024)]

    return asyncio.run(collect())


def an_event(kind: str, version: str, **metadata: Any) -> bytes:
    """As the API server writes it: metadata's keys are sorted, no spaces."""
    meta = dict(sorted({**metadata, "name": "r", "resourceVersion": version, "uid": "u"}.items()))
    event = {"type": kind, "object": {"kind": "Recording", "metadata": meta, "spec": {"resourceVersion": "1"}}}
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def own(*versions: str) -> OwnWrites:
    made = OwnWrites()
    for version in versions:
        made.add(version)
    return made


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_every_event_is_a_deletion_to_kopf_and_keeps_its_real_type(kind: str) -> None:
    event = json.loads(b"".join(read(an_event(kind, "5"))))
    assert event["type"] == "DELETED"
    assert event[TRUE_TYPE] == kind
    assert event["object"] == json.loads(an_event(kind, "5"))["object"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"BOOKMARK","object":{"kind":"Recording","metadata":{"resourceVersion":"9"}}}\n',
        b'{"type":"ERROR","object":{"kind":"Status","code":410}}\n',
        b'{"object":{"metadata":{"resourceVersion":"9"}},"type":"MODIFIED"}\n',
    ],
    ids=["bookmark", "error", "another order of keys"],
)
def test_anything_but_an_event_of_an_object_is_passed_on_unchanged(line: bytes) -> None:
    assert read(line, own_writes=own("9")) == [line]


def test_own_writes_are_left_out_once() -> None:
    lines = [an_event("MODIFIED", "5"), an_event("MODIFIED", "6"), an_event("MODIFIED", "5")]
    chunks = read(b"".join(lines), own_writes=own("5"))
    assert [json.loads(line)["object"]["metadata"]["resourceVersion"] for line in chunks[0].splitlines()] == ["6", "5"]


def test_own_writes_of_an_object_that_kopf_keeps_a_record_of_are_not_left_out() -> None:
    lines = own("5", "6")
    assert len(read(an_event("MODIFIED", "5"), own_writes=lines, kept={"u"})) == 1
    assert read(an_event("MODIFIED", "6"), own_writes=lines, kept={"another"}) == []
    assert not lines.take("5"), "its event has come"


def test_deletions_are_never_left_out() -> None:
    """The last finalizer's removal and the deletion that follows may have one version."""
    assert len(read(an_event("DELETED", "5"), own_writes=own("5"))[0].splitlines()) == 1


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"resourceVersion": "5"}},
        {"annotations": {"resourceVersion": "5", "uid": "u"}},
        {"labels": {"resourceVersion": "5", "uid": "u"}},
        {"annotations": {"a": '"resourceVersion":"5","uid":"u"},"spec":'}},
    ],
    ids=["key", "keys", "labels", "text"],
)
def test_a_version_in_an_annotation_is_not_that_of_the_object(metadata: dict[str, Any]) -> None:
    assert len(read(an_event("MODIFIED", "6", **metadata), own_writes=own("5"))[0].splitlines()) == 1
    assert read(an_event("MODIFIED", "5", **metadata), own_writes=own("5")) == []


def test_lines_that_come_in_pieces_are_put_together() -> None:
    text = an_event("ADDED", "5") + an_event("MODIFIED", "6") + an_event("ADDED", "7")
    pieces = [text[start : start + 11] for start in range(0, len(text), 11)]
    chunks = read(*pieces, own_writes=own("6"))
    versions = [json.loads(line)["object"]["metadata"]["resourceVersion"] for line in b"".join(chunks).splitlines()]
    assert versions == ["5", "7"]
    assert all(chunk.endswith(b"\n") for chunk in chunks)


def test_a_last_line_without_an_end_is_not_lost() -> None:
    assert len(read(an_event("ADDED", "5").rstrip())) == 1


def test_only_so_many_versions_are_remembered() -> None:
    made = OwnWrites(remembered=2)
    for version in ("1", "2", "3"):
        made.add(version)
    assert [made.take(version) for version in ("1", "2", "3", "3")] == [False, True, True, False]
