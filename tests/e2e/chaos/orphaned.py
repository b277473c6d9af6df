"""The scenario of objects that no Recording and no manifest knows: the operator deletes the old ones."""

import os
import time
import uuid
from typing import Any, Final

from tests.e2e.chaos.on_disk import disk_before, disk_of, put_old
from tests.e2e.chaos.stage import Stage
from tests.support.waiting import eventually
from tests.support.world import World

_PATIENCE_S: Final = 60.0
_OLD_S: Final = 48 * 3600.0
_SWEPT: Final[dict[str, Any]] = {"orphans": {"action": "Delete", "olderThan": "24h"}}


def orphaned_before(stage: Stage) -> None:
    """The bucket and the directory have two old objects and a new one, of three lost Recordings each."""
    world = stage.world
    world.edit_location(**_SWEPT)
    stage.volume.joinpath("acme").mkdir(parents=True)
    disk_before(stage, **_SWEPT)
    for age_s in (_OLD_S, _OLD_S, 0.0):
        uid = str(uuid.uuid4())
        key = f"acme/{world.namespace}/lost/{uid}/video.mp4"
        _put_old(world, key, uid=uid, age_s=age_s)
        put_old(world.directories[disk_of(world)], f"team/{key}", uid=uid, age_s=age_s)
        if not age_s:
            world.foreign_keys |= {key, f"team/{key}"}


def orphaned(stage: Stage) -> None:
    """The old ones go, and the new ones stay."""
    world = stage.world

    def left() -> int:
        return sum("/lost/" in key for holding in world.holdings for key in holding.current())

    eventually(lambda: left() == 2, within_s=_PATIENCE_S, what="the old orphans are deleted")
    assert all(any(key in holding.current() for key in world.foreign_keys) for holding in world.holdings)


def _put_old(world: World, key: str, *, uid: str, age_s: float) -> None:
    metadata = {"recording-uid": uid, "recording-artifact": "video", "recording-org": "acme"}
    world.s3.client().put_object(Bucket=world.bucket, Key=key, Body=b"of a lost Recording", Metadata=metadata)
    then = time.time() - age_s
    os.utime(world.s3.folder / "data" / world.bucket / key, (then, then))
