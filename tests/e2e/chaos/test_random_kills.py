"""Operators are killed at random while many Recordings are created, edited and deleted.

KILLS=1000 SEED=7 make chaos     number of kills, and the seed of all random choices
"""

import os
from collections.abc import Callable

import pytest

from tests.e2e.chaos.stage import Stage
from tests.e2e.chaos.storm import Storm

pytestmark = pytest.mark.cluster

KILLS = int(os.environ.get("KILLS", "1000" if os.environ.get("CHAOS") else "6"))
SEED = os.environ.get("SEED", "1")
PER_ROUND = 50


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(0, KILLS, PER_ROUND))
def test_nothing_is_lost_doubled_or_left_behind(
    stage: Stage, first: int, record_property: Callable[[str, object], None]
) -> None:
    storm = Storm(stage=stage, seed=f"{SEED}/{first}")

    storm.blow(min(PER_ROUND, KILLS - first))

    record_property("kills", storm.kills)
    record_property("Recordings", storm.made)
    record_property("operators that ended by themselves", storm.ended_by_themselves)
