"""Stores that lack features of AWS S3, with the whole operator: how objects are verified, and what the status says."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.invariants import check_uploads
from tests.support.lying_source import CANARY, Content, LyingSource
from tests.support.recordings import MIB, Live, from_source
from tests.support.stored_invariants import check_objects
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_store import StrictStore
from tests.support.strict_world import strict_world
from tests.support.transfers import pattern
from tests.support.world import World

pytestmark = pytest.mark.cluster

BODY = pattern(20 * MIB)  # three parts
PROOFS = {
    "aws": "FullObjectCRC64NVME",
    "no-conditions": "FullObjectCRC64NVME",
    "no-sums": "ETagMD5",
    "conditions-refused": "ETagMD5",
    "nothing": "ReadBack",
}


@pytest.fixture
def source(world: World) -> Iterator[LyingSource]:
    world.secrets.add(CANARY)
    with LyingSource(Content(body=BODY)) as made:
        yield made


def _in_a_store(world: World, dialect: str, stack: ExitStack, *, checksums: str = "Auto") -> World:
    strict = stack.enter_context(StrictStore())
    made = strict_world(world, strict, dialect=DIALECTS[dialect], checksums=checksums)
    return dataclasses.replace(made, proof=PROOFS[dialect])


def test_each_store_is_used_by_its_capabilities_and_the_recording_names_the_verification(
    world: World, source: LyingSource
) -> None:
    with ExitStack() as stack:
        worlds = {dialect: _in_a_store(world, dialect, stack) for dialect in PROOFS}
        recordings: dict[str, Live] = {}
        for dialect, weak in worlds.items():
            weak.wait_location("ProbeSucceeded", within_s=60)
            recordings[dialect] = weak.create(from_source(source), name=dialect)
        for dialect, recording in recordings.items():
            status = recording.wait_phase("Complete", reason="Stored", within_s=120)
            said = next(one for one in status["conditions"] if one["type"] == "IntegrityVerified")
            assert (said["status"], said["reason"]) == ("True", PROOFS[dialect])
            check_uploads(worlds[dialect])
            check_objects(worlds[dialect])


def test_if_checksums_are_required_a_store_without_them_is_rejected(world: World, source: LyingSource) -> None:
    with ExitStack() as stack:
        weak = _in_a_store(world, "no-sums", stack, checksums="Required")
        weak.wait_location("StoreUnsupported", within_s=60)
        recording = weak.create(from_source(source, stored=False), name="required")
        waits = recording.wait(lambda status: status.get("reason") == "LocationNotReady", what="to wait")
        assert (waits["phase"], waits["attempts"]) == ("Pending", 0)
        check_uploads(weak)
        check_objects(weak)
