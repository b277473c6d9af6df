"""The engine in a simulated world with faults, in virtual time. A seed determines edits, faults and their order.

SEEDS=20000 .venv/bin/pytest tests/engine/test_simulation.py     more seeds than the default
SEED=4711 .venv/bin/pytest tests/engine/test_simulation.py       one seed; a failure shows every step
"""

import os
import traceback
from contextlib import suppress

import pytest

from tests.engine.simulation.run import simulate

SEEDS = int(os.environ.get("SEEDS", "900"))
ONE = os.environ.get("SEED")
BATCHES = 12
_SHOWN = 80


@pytest.mark.parametrize("batch", range(1 if ONE else BATCHES))
def test_in_every_run_each_recording_ends_once_and_nothing_is_left_behind(batch: int) -> None:
    seeds = [int(ONE)] if ONE else range(batch, SEEDS, BATCHES)
    for seed in seeds:
        try:
            simulate(seed)
        except Exception as error:  # noqa: BLE001 - whatever fails, the seed is named
            pytest.fail(_story(seed, error), pytrace=False)


def test_a_seed_tells_the_same_story_each_time() -> None:
    stories: list[list[str]] = [[], []]
    for story in stories:
        simulate(20, trace=story)

    assert len(stories[0]) > 20
    assert stories[0] == stories[1]


def _story(seed: int, error: Exception) -> str:
    """What happened, step by step, and how to see it again."""
    steps: list[str] = []
    with suppress(Exception):
        simulate(seed, trace=steps)
    shown = steps if ONE else steps[-_SHOWN:]
    again = f"SEED={seed} .venv/bin/pytest tests/engine/test_simulation.py"
    failure = str(error) if isinstance(error, AssertionError) else "".join(traceback.format_exception(error))
    return "\n".join([*shown, "", f"seed {seed}: {failure}", f"see all of it:  {again}"])
