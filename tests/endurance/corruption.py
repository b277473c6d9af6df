"""Corrupts transfers in every detectable way, and counts: `python -m tests.endurance.corruption --cases 1000`.

The seed and the number of a case determine it, so a single case can be repeated: `--seed 1 --only 417`. If the
corruption of a case had no effect, another case is drawn. A corruption counts as found if a Complete object has the
right bytes (they were sent again), or nothing became Complete. Otherwise the exit status is 1.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.endurance.corruptions import Corruption, corruptions
from tests.endurance.scene import PART, Ended, Lab, begin, lab, play
from tests.support.transfers import KIB, pattern

_REDRAWS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One corrupted transfer, and how it ended."""

    number: int
    corruption: Corruption
    ended: Ended


def run_case(laboratory: Lab, *, seed: int, number: int) -> Case:
    """Play one case. Raises RuntimeError where its corruption never met anybody."""
    classes = corruptions()
    corruption = classes[number % len(classes)]
    for redraw in range(_REDRAWS):
        draw = random.Random(f"{seed} {number} {redraw}")
        small = corruption.size == "small"
        size = draw.randrange(2 * KIB, 128 * KIB) if small else draw.randrange(4 * PART, 12 * PART)
        leg = laboratory.tls if corruption.tls else laboratory.plain
        scene = begin(leg, draw, pattern(size, seed=number), dialect=corruption.dialect)
        met = corruption.set_up(scene)
        ended = play(scene)
        if met():
            return Case(number=number, corruption=corruption, ended=ended)
    raise RuntimeError(f"case {number} of seed {seed}: {corruption.name}: no corruption met anybody")


def run_cases(numbers: Sequence[int], *, seed: int) -> Iterator[Case]:
    """Play these cases, one after the other."""
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder)) as laboratory:
        for number in numbers:
            yield run_case(laboratory, seed=seed, number=number)


def table(cases: Sequence[Case]) -> str:
    """By class: injected, found (repaired or rejected), wrong, and the reasons of what was rejected."""
    rows = [f"{'':6} {'corruption':74} {'cases':>5} {'mended':>6} {'refused':>7} {'WRONG':>5}  reasons"]
    for corruption in corruptions():
        of_it = [case for case in cases if case.corruption.name == corruption.name]
        mended = sum(case.ended.stored is not None for case in of_it)
        reasons = Counter(case.ended.reasons[-1] for case in of_it if case.ended.stored is None)
        wrong = sum(case.ended.wrong is not None for case in of_it)
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        row = f"{len(of_it):5} {mended:6} {len(of_it) - mended:7} {wrong:5}"
        rows.append(f"{corruption.where:6} {corruption.name:74} {row}  {told}")
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> int:
    """Play the cases and print the table; 1 where one ended wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.corruption", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", type=int, help="play this case alone")
    given = parser.parse_args(arguments)
    begun, cases = time.monotonic(), []
    for case in run_cases(range(given.cases) if given.only is None else [given.only], seed=given.seed):
        cases.append(case)
        if case.ended.wrong is not None or given.only is not None:
            end = f"stored={case.ended.stored is not None} reasons={case.ended.reasons} wrong={case.ended.wrong}"
            sys.stdout.write(f"case {case.number} of seed {given.seed}: {case.corruption.name}: {end}\n")
            sys.stdout.flush()
    wrong = [case.number for case in cases if case.ended.wrong is not None]
    sys.stdout.write(f"{table(cases)}\n")
    sys.stdout.write(
        f"seed {given.seed}: {len(cases)} corruptions injected, {len(cases) - len(wrong)} found, {len(wrong)} ended "
        f"wrongly {wrong or ''} in {time.monotonic() - begun:.0f} s\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
