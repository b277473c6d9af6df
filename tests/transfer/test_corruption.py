"""A sample of `make corruption`: every difference from what source, spec or store state is detected."""

import pytest

from tests.endurance.corruption import run_cases
from tests.endurance.corruptions import corruptions

SEED = 20261121
ROUNDS = 2


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_every_class_of_corruption_is_found(round_number: int) -> None:
    classes = len(corruptions())
    cases = list(run_cases(range(round_number * classes, (round_number + 1) * classes), seed=SEED))
    wrong = [f"case {case.number}: {case.corruption.name}: {case.ended}" for case in cases if case.ended.wrong]
    assert wrong == []
    assert {case.corruption.name for case in cases} == {corruption.name for corruption in corruptions()}
