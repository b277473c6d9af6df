"""`make bench`: compares a transfer by the operator's data path with other tools for the same task.

    python -m benchmarks.datapath [whole] [capped] [--rounds 5] [--size 1Gi] [--store null|versitygw] [--image [REF…]]

`whole`: GB/s, CPU-s/GB and peak memory of each way to move SIZE, TLS on both legs. `capped`: the source gives each
connection 60 MB/s and responds after 30 ms. Rounds are interleaved. Every figure is over base: the same command line
moves 64 KiB in each round, and the median of what that takes (start of the program, its memory) is subtracted. Ratios
are medians of the ratios to the same round's floor; only they may be compared between machines. Ends with 1 when ours
is not above every peer; absolute times are not judged.

With `--image`, `whole` compares only the floor, ours, and ours as images have it: the image of this tree, or images
that were built before, by reference. That needs root and buildah.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.imageprogram import image_program
from benchmarks.methods import FLOOR, METHODS, OURS, SINGLE_STREAM, Bench, Method, ours
from benchmarks.nullpeer import HERE, peer, sides
from benchmarks.peers import ensure_peers
from benchmarks.usage import RunError, Usage
from recording_operator.api.units import parse_quantity

__all__ = ["HERE", "peer"]

BASE_BYTES: Final = 64 * 2**10
_CAPPED: Final = "?rate=60e6&delay=30"
_CAPPED_PART: Final = 2  # half of SIZE is enough there
PARTS: Final = ("whole", "capped")
OURS_WIDE: Final = f"{OURS} --workers 8"

Runs = dict[str, list[Usage]]


def main() -> int:
    """Measure, print, and return the exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("parts", nargs="*", default=PARTS, help="whole, capped; default: both")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--size", default="1Gi", help="bytes of the object")
    options.add_argument("--image", nargs="*", metavar="REFERENCE", help="ours as images have it")
    options.add_argument("--store", choices=["null", "versitygw"], default="null")
    given = options.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        options.error(f"no such part: {', '.join(sorted(unknown))}")
    size_bytes = parse_quantity(given.size)
    peers = ensure_peers()
    good = True
    with tempfile.TemporaryDirectory() as name, sides(Path(name), store=given.store) as both:
        bench = Bench.of(both, peers, Path(name))
        print(f"{', '.join(peers.versions)}; {given.size}, {given.rounds} rounds, store: {given.store}\n")
        if "whole" in given.parts:
            with ExitStack() as mounted:
                chosen = METHODS if given.image is None else in_images(given.image, Path(name), mounted)
                runs = measured(chosen, bench, size_bytes, "", given.rounds)
            good &= report(runs, size_bytes)
        if "capped" in given.parts:
            print("\n60 MB/s and 30 ms for each connection of the source:\n")
            methods: dict[str, Method] = {name: METHODS[name] for name in SINGLE_STREAM}
            methods |= {OURS: METHODS[OURS], OURS_WIDE: ours("--workers=8")}
            runs = measured(methods, bench, size_bytes // _CAPPED_PART, _CAPPED, min(3, given.rounds))
            good &= report(runs, size_bytes // _CAPPED_PART)
            best = min(SINGLE_STREAM, key=lambda one: statistics.median(run.wall_s for run in runs[one]))
            times = median_ratio(runs[best], runs[OURS_WIDE], lambda run: run.wall_s)
            print(f"\n8 workers: {times:.1f} x the best single stream ({best})")
    return 0 if good else 1


def in_images(references: Sequence[str], folder: Path, mounted: ExitStack) -> dict[str, Method]:
    """The floor, ours, and ours in each image, which stays mounted until `mounted` is left. Raises ImageError."""
    chosen = {FLOOR: METHODS[FLOOR], OURS: METHODS[OURS]}
    for reference in references or (None,):
        program = mounted.enter_context(image_program(folder, reference=reference))
        chosen[f"{OURS}, image {reference or 'of this tree'}"] = ours(program=program)
    return chosen


def measured(methods: Mapping[str, Method], bench: Bench, size_bytes: int, query: str, rounds: int) -> Runs:
    """Every method once a round, each right after its own base.

    Raises RunError where what was measured is lost in the noise of starting.
    """
    runs: Runs = {name: [] for name in methods}
    bases: Runs = {name: [] for name in methods}
    for number in range(rounds):
        for name, method in methods.items():
            print(f"\r round {number + 1}: {name:40}", end="", file=sys.stderr, flush=True)
            bases[name].append(method(bench, BASE_BYTES, query))
            runs[name].append(method(bench, size_bytes, query))
    print(f"\r{'':60}\r", end="", file=sys.stderr, flush=True)
    return {name: [run.over(middle(bases[name])) for run in found] for name, found in runs.items()}


def middle(runs: Sequence[Usage]) -> Usage:
    """The median of each figure."""
    return Usage(
        wall_s=statistics.median(run.wall_s for run in runs),
        cpu_s=statistics.median(run.cpu_s for run in runs),
        peak_mib=statistics.median(run.peak_mib for run in runs),
    )


def report(runs: Runs, size_bytes: int) -> bool:
    """Print medians, the lowest and highest, and ratios; whether ours is above every peer."""
    gb = size_bytes / 1e9
    floor = runs[FLOOR]
    print("| method | GB/s | CPU-s/GB | MiB over base | speed : floor | CPU : floor |\n|---|---|---|---|---|---|")
    for name, found in runs.items():
        cells = [
            spread([gb / run.wall_s for run in found]),
            spread([run.cpu_s / gb for run in found]),
            f"{statistics.median(run.peak_mib for run in found):.1f}",
            spread([low.wall_s / run.wall_s for low, run in zip(floor, found, strict=True)]),
            spread([run.cpu_s / low.cpu_s for low, run in zip(floor, found, strict=True)]),
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    rivals = [name for name in runs if not name.startswith(OURS) and name != FLOOR]
    slower = [name for name in rivals if median_ratio(runs[name], runs[OURS], lambda run: run.wall_s) <= 1.0]
    if slower:
        print(f"\nNot slower than ours: {', '.join(slower)}")
    return not slower


def median_ratio(above: Sequence[Usage], below: Sequence[Usage], figure: Callable[[Usage], float]) -> float:
    """The median of the ratios of the rounds."""
    return statistics.median(figure(one) / figure(two) for one, two in zip(above, below, strict=True))


def spread(values: Sequence[float]) -> str:
    """Median (lowest to highest)."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RunError as failure:
        sys.exit(f"bench: {failure}")
