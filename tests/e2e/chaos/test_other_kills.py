"""The store is killed during Complete and a part, the source during a body; the result is as without the kill."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from localcluster import S3Server
from tests.e2e.chaos.stage import Stage
from tests.support.recordings import MIB, Live, from_media
from tests.support.waiting import eventually
from tests.support.world import moved_bytes

pytestmark = pytest.mark.cluster

TIMES = 12 if os.environ.get("CHAOS") else 1
COMPLETE_S = 0.12
"""How long a Complete of 64 MiB takes at most; the kills are spread over it."""
PATIENCE_S = 180.0
"""The store and its location are found to be away, and to be back."""


@contextmanager
def store_killed(stage: Stage, *, at: str, after_s: float) -> Iterator[None]:
    """The store is killed while the operator waits for its response. It starts again with the data on its disk."""
    s3: S3Server = stage.world.s3
    operator = stage.launch_bombed(at=at, pid=s3.process.pid, after_s=after_s)
    stage.world.running.append(operator)
    try:
        yield
        eventually(lambda: not s3.process.running, within_s=PATIENCE_S, what="the store is killed")
    finally:
        if not s3.process.running:
            s3.start()


def a_wide_one(stage: Stage) -> Live:
    """Eight parts, as fast as they go."""
    return stage.world.create(from_media(stage.world.media, size_bytes=64 * MIB), name="wide")


@pytest.mark.parametrize("number", range(TIMES))
def test_store_killed_in_complete(stage: Stage, number: int, record_property: Callable[[str, object], None]) -> None:
    after_s = COMPLETE_S * (number + 0.5) / TIMES
    with store_killed(stage, at="s3.CompleteMultipartUpload before", after_s=after_s):
        recording = a_wide_one(stage)

    recording.wait_phase("Complete", within_s=PATIENCE_S)

    record_property("store kills", 1)


@pytest.mark.parametrize("number", range(TIMES))
def test_store_killed_in_a_part(stage: Stage, number: int, record_property: Callable[[str, object], None]) -> None:
    with store_killed(stage, at="s3.UploadPart during", after_s=0.002 * (number + 1)):
        recording = a_wide_one(stage)

    recording.wait_phase("Complete", within_s=PATIENCE_S)

    record_property("store kills", 1)


@pytest.mark.parametrize("number", range(TIMES))
def test_source_killed_in_a_body(stage: Stage, number: int, record_property: Callable[[str, object], None]) -> None:
    operator, media = stage.launch(), stage.world.media
    stage.wait_leader()
    recording = stage.world.create(from_media(media, size_bytes=20 * MIB, rate="1500KB"), name="cut")
    eventually(lambda: moved_bytes(operator) > (number + 0.5) / TIMES * 18 * MIB, within_s=60, what="it moves")
    media.stop()
    served = len(media.served)
    media.start()

    status = recording.wait_phase("Complete", within_s=PATIENCE_S)

    assert status["attempts"] == 0
    assert len(recording.upload_ids()) == 1
    assert len(media.served) > served, "the source was killed too late"
    record_property("source kills", 1)
