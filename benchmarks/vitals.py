"""Memory, file descriptors, sockets and threads of a process, measured from outside, and their growth."""

import json
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

FIGURES: Final = ("rss_mib", "anon_mib", "fds", "sockets", "threads")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_FIELD: Final = re.compile(r"^(VmRSS|RssAnon|VmHWM|Threads):\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One look at a process. `at_s` is the monotonic clock's."""

    at_s: float
    rss_mib: float
    anon_mib: float
    peak_mib: float
    fds: int
    sockets: int
    threads: int
    cpu_s: float


def vitals_of(pid: int) -> Vitals:
    """Raises OSError when there is no such process (any more)."""
    folder = Path(f"/proc/{pid}")
    status = dict(_FIELD.findall((folder / "status").read_text()))
    if "VmRSS" not in status:  # a zombie
        raise ProcessLookupError(pid)
    stat = (folder / "stat").read_text().rpartition(")")[2].split()
    targets = []
    for entry in (folder / "fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            targets.append(str(entry.readlink()))
    return Vitals(
        at_s=time.monotonic(),
        rss_mib=int(status["VmRSS"]) / 1024,
        anon_mib=int(status["RssAnon"]) / 1024,
        peak_mib=int(status["VmHWM"]) / 1024,
        fds=len(targets),
        sockets=sum(target.startswith("socket:") for target in targets),
        threads=int(status["Threads"]),
        cpu_s=(int(stat[11]) + int(stat[12])) / _TICKS,
    )


def slope_per_hour(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line with the least squares, per hour; x in seconds. 0 for fewer than three points."""
    if len(points) < 3:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class Sampler:
    """Samples a process every `every_s` seconds in a separate thread, and writes each sample to a file of JSON lines.

    `pid` returns None while there is no process.
    """

    def __init__(self, pid: Callable[[], int | None], *, every_s: float, file: Path) -> None:
        self._pid = pid
        self._every_s = every_s
        self._file = file
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)
        self.lives: dict[int, list[Vitals]] = {}
        """By process id, in order."""

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            pid = self._pid()
            if pid is None:
                continue
            with suppress(OSError):
                seen = vitals_of(pid)
                self.lives.setdefault(pid, []).append(seen)
                with self._file.open("a") as out:
                    out.write(json.dumps({"pid": pid, **asdict(seen)}) + "\n")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def life_table(lives: Sequence[Sequence[Vitals]], *, warm_up_s: float) -> str:
    """A Markdown table: for each life the last look, and after the warm-up the slope of each figure within the life."""
    lines = ["| life | minutes | " + " | ".join(FIGURES) + " | peak | cores |", "|---" * (len(FIGURES) + 4) + "|"]
    for number, life in enumerate(lives, start=1):
        if not life:
            continue
        first, last = life[0], life[-1]
        warm = [seen for seen in life if seen.at_s >= first.at_s + warm_up_s]
        cells = []
        for figure in FIGURES:
            slope = slope_per_hour([(seen.at_s, float(getattr(seen, figure))) for seen in warm])
            cells.append(f"{getattr(last, figure):.0f} ({slope:+.1f}/h)")
        span_s = max(1.0, last.at_s - first.at_s)
        cores = (last.cpu_s - first.cpu_s) / span_s
        lines.append(f"| {number} | {span_s / 60:.1f} | {' | '.join(cells)} | {last.peak_mib:.0f} | {cores:.2f} |")
    ends = [life[-1] for life in lives if len(life) > 1]
    across = [f"{slope_per_hour([(end.at_s, float(getattr(end, f))) for end in ends]):+.1f}/h" for f in FIGURES]
    lines.append("| across the ends of lives | | " + " | ".join(across) + " | | |")
    return "\n".join(lines)
