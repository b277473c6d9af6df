"""The bandwidth limit of a StorageLocation, and a change of it during an upload."""

import time
from typing import Any

import pytest

from tests.support.recordings import MIB, artifact_of, from_media
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

SIZE = 40 * MIB
LIMIT = 2 * MIB


def done(status: dict[str, Any]) -> int:
    """Bytes of the video so far."""
    return int(artifact_of(status, "video").get("bytesDone", 0))


def test_a_location_limits_its_transfers_and_an_edit_lifts_that_at_once(world: World) -> None:
    name = world.make_location(spec={"limits": {"bandwidthPerSecond": "2Mi"}})
    recording = world.create(from_media(world.media, size_bytes=SIZE), location=name)
    recording.wait_upload()
    begun_s, begun = time.monotonic(), done(recording.status())
    status = recording.wait(lambda status: done(status) >= begun + 6 * MIB, what="6 MiB more")
    rate = (done(status) - begun) / (time.monotonic() - begun_s)
    assert rate <= 1.5 * LIMIT
    assert rate >= 0.4 * LIMIT, "waits were not made up for"

    world.edit_location(name, limits={"bandwidthPerSecond": None})
    lifted_s = time.monotonic()
    rest_s = (SIZE - done(status)) / LIMIT
    recording.wait_phase("Complete")
    assert time.monotonic() - lifted_s < 0.7 * rest_s, "the transfer under way kept its old limit"
    assert len(recording.upload_ids()) == 1, "the edit began the upload anew"
    eventually(lambda: "bandwidth_wait_seconds_total" in world.running[0].metrics(), what="the wait in the metrics")
