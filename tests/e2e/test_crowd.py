"""A namespace with more Recordings than it may take of the operator's memory."""

import json
import re

import pytest

from localcluster import OperatorProcess
from tests.support.recordings import inline
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

LEASE = {"duration": "3s", "renew": "2s", "retry": "500ms"}


def test_a_tenant_with_more_than_memory_holds_is_served_bit_by_bit(own_world: World) -> None:
    """Room for thirty: the others are known by name and have their turn, behind suspended ones and after a crash."""
    text = json.dumps({"text": "x" * 16_000})
    suspended = [own_world.create(inline(text), name=f"a-{number}", suspend=True) for number in range(35)]
    waiting = [own_world.create(inline(text), name=f"b-{number}") for number in range(40)]
    memory = {"memoryPerNamespace": "1Mi"}
    first = own_world.start_operator(recordings=memory, lease=LEASE)
    eventually(lambda: left_out(first) > 10, within_s=20, what="some are known by name")
    suspended[0].wait_phase("Pending", reason="Suspended")
    own_world.kill(first)

    second = own_world.start_operator(recordings=memory, lease=LEASE)
    for recording in waiting:
        recording.wait_phase("Complete", within_s=60)
    for recording in suspended:
        recording.edit(suspend=False)
    for recording in suspended:
        recording.wait_phase("Complete", within_s=60)
    eventually(lambda: left_out(second) == 0, within_s=20, what="nobody waits any longer")
    assert "see recordings.memoryPerNamespace" in second.log_text()


def left_out(operator: OperatorProcess) -> int:
    """How many Recordings the operator knows by name alone."""
    found = re.search(r"^recording_operator_left_out_recordings (\S+)$", operator.metrics(), re.MULTILINE)
    return int(float(found[1])) if found else 0
