"""An operator is killed at every external effect; another takes over, and the result is as without the kill."""

import os
import random
from collections.abc import Callable

import pytest

from tests.e2e.chaos.scenarios import AT_START, BEFORE, PATIENCE_S, STORIES, a_large_one, expect_nothing
from tests.e2e.chaos.stage import Stage
from tests.support.crash_points import CrashPoint, crash_points
from tests.support.waiting import eventually

SAMPLE = (
    "status.claim before",
    "s3.CreateMultipartUpload after",
    "s3.UploadPart during",
    "s3.CompleteMultipartUpload after",
    "status.complete before",
    "provider.request after",
    "manifest.PutObject after",
    "sink.send after",
    "file.record after",
    "sweep.delete after",
    "engine.AdmitTransfer before",
    "probe.CreateMultipartUpload after",
    "finalizer.remove before",
)
"""What `make test` has time for."""
WHOLE = bool(os.environ.get("CHAOS"))
SEED = os.environ.get("SEED", "1")


def test_there_are_at_least_forty_points_each_with_a_story() -> None:
    points = crash_points()
    assert len({str(point) for point in points}) == len(points) >= 40
    assert {point.scenario for point in points} == STORIES.keys()
    assert set(SAMPLE) <= {point.name for point in points}


@pytest.mark.cluster
@pytest.mark.parametrize("point", [point for point in crash_points() if WHOLE or point.name in SAMPLE], ids=str)
def test_killed_at(stage: Stage, point: CrashPoint, record_property: Callable[[str, object], None]) -> None:
    visit = random.Random(f"{SEED} {point}").randint(1, point.visits)
    if before := BEFORE.get(point.scenario):
        before(stage)
    former = stage.leader()
    bombed = stage.launch_bombed(at=point.name, visit=visit)
    if point.scenario in AT_START:
        eventually(lambda: bombed.killed_itself, within_s=PATIENCE_S, what=f"killed at {point}")
    else:
        stage.wait_leader(other_than=former)
    stage.launch()

    STORIES[point.scenario](stage)

    eventually(lambda: bombed.killed_itself, within_s=PATIENCE_S, what=f"killed at {point}, visit {visit}")
    record_property("crash points", 1)


@pytest.mark.cluster
@pytest.mark.parametrize("point", ["s3.CompleteMultipartUpload after", "s3.CreateMultipartUpload after"])
def test_cancelled_before_the_next_operator_checks(stage: Stage, point: str) -> None:
    bombed = stage.launch_bombed(at=point)
    recording = a_large_one(stage.world, name="cancelled-late")
    eventually(lambda: bombed.killed_itself, within_s=PATIENCE_S, what=f"killed at {point}")
    recording.edit(cancel=True)

    stage.launch()

    stored = point == "s3.CompleteMultipartUpload after"
    recording.wait_phase("Complete" if stored else "Failed", within_s=PATIENCE_S)
    if not stored:
        expect_nothing(stage.world, recording)
