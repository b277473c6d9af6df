"""Compares a transfer into a filesystem with `curl -o FILE` followed by fsync: `python -m benchmarks.filesystem`.

    python -m benchmarks.filesystem [FOLDER] [--rounds 5] [--size 1Gi]

Both read the same source over TLS, and end when the file is durable in FOLDER (default: the folder for temporary
files). Rounds are interleaved. Every figure is over base: the same command line moves 64 KiB just before, and what that
takes (start of the program) is subtracted. Ends with 1 when the median of the ratios of one round is below 0.8.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.nullpeer import sides
from benchmarks.peers import ensure_peers
from benchmarks.usage import Usage, run_pipeline
from recording_operator.api.units import parse_quantity

LEAST_RATIO: Final = 0.8
_BASE_BYTES: Final = 64 * 2**10


def main() -> int:
    """Measure, print, and return the exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--size", default="1Gi", help="bytes of the object")
    given = options.parse_args()
    size_bytes = parse_quantity(given.size)
    peers = ensure_peers()
    ratios, ours_gb, curl_gb, ours_cpu = [], [], [], []
    with (
        tempfile.TemporaryDirectory() as name,
        sides(Path(name), store="null") as both,
        tempfile.TemporaryDirectory(dir=given.folder) as target,
    ):
        ways = {
            "ours": [sys.executable, "-m", "benchmarks.filesystem_copy", str(both.authority), target],
            "curl": ["sh", "-c", f'{peers.curl} -sSf --http1.1 -o {target}/$1.curl "$0" && sync {target}/$1.curl'],
        }
        numbers = count()

        def run(way: str, size: int) -> Usage:
            number = str(next(numbers))
            found = run_pipeline([[*ways[way], f"{both.source}/source/{size}", number]], env=both.environment())
            subprocess.run(["sh", "-c", f"rm -rf {target}/*"], check=True)
            return found

        for _ in range(given.rounds):
            curl, ours = (run(way, size_bytes).over(run(way, _BASE_BYTES)) for way in ("curl", "ours"))
            ratios.append(curl.wall_s / ours.wall_s)
            curl_gb.append(size_bytes / 1e9 / curl.wall_s)
            ours_gb.append(size_bytes / 1e9 / ours.wall_s)
            ours_cpu.append(ours.cpu_s / (size_bytes / 1e9))
    ratio = statistics.median(ratios)
    print(f"curl -o and fsync: {statistics.median(curl_gb):.2f} GB/s ({min(curl_gb):.2f} to {max(curl_gb):.2f})")
    print(f"ours:              {statistics.median(ours_gb):.2f} GB/s ({min(ours_gb):.2f} to {max(ours_gb):.2f})")
    print(f"CPU-s/GB of ours:  {statistics.median(ours_cpu):.2f}")
    print(f"ours : curl        {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return 0 if ratio >= LEAST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
