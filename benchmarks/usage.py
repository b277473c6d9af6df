"""Runs a pipeline of programs and measures wall time, processor time and peak memory of all of them."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOOK_S: Final = 0.02
_LONGEST_S: Final = 600.0
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Seconds and MiB of one run; of several programs the sums."""

    wall_s: float
    cpu_s: float
    peak_mib: float

    def over(self, base: "Usage") -> "Usage":
        """What this took more than `base`. Raises RunError where that is nothing."""
        wall_s, cpu_s = self.wall_s - base.wall_s, self.cpu_s - base.cpu_s
        if wall_s <= 0 or cpu_s <= 0:
            raise RunError("a run took no longer than its start: give a larger --size, or a machine that is less busy")
        return Usage(wall_s=wall_s, cpu_s=cpu_s, peak_mib=self.peak_mib - base.peak_mib)


class RunError(RuntimeError):
    """A program failed. The message contains its output."""


def run_pipeline(commands: Sequence[Sequence[str]], *, env: Mapping[str, str], piped: bool = True) -> Usage:
    """Run the commands at once, each reading what the one before writes (unless `piped` is False). Raises RunError.

    The peak is read from /proc while they run: the kernel's ru_maxrss of a child begins with the memory of the process
    that started it.
    """
    begun = time.monotonic()
    processes: list[subprocess.Popen[bytes]] = []
    for number, command in enumerate(commands):
        last = number == len(commands) - 1
        processes.append(
            subprocess.Popen(
                command,
                env=env,
                stdin=processes[-1].stdout if piped and processes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped and not last else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        )
    for process in processes:
        if process.stdout is not None:
            process.stdout.close()
    peaks = _Peaks([process.pid for process in processes])
    words: list[bytes] = []
    listeners = [threading.Thread(target=lambda p=process: words.append(p.stderr.read())) for process in processes]
    for listener in listeners:
        listener.start()
    stop = threading.Timer(_LONGEST_S, lambda: [process.kill() for process in processes])
    stop.start()
    statuses, cpu_s = [], 0.0
    for process in processes:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        statuses.append(process.returncode)
        cpu_s += used.ru_utime + used.ru_stime
    wall_s = time.monotonic() - begun
    stop.cancel()
    peak_mib = peaks.end()
    for listener in listeners:
        listener.join()
    for process in processes:
        if process.stderr is not None:
            process.stderr.close()
    if any(statuses):
        raise RunError(f"{commands[-1][0]} ended with {statuses}: {b' '.join(words).decode(errors='replace')[-800:]}")
    return Usage(wall_s=wall_s, cpu_s=cpu_s, peak_mib=peak_mib)


class _Peaks:
    """Looks at the peak memory of processes while they run."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._peaks_kib = dict.fromkeys(pids, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """Stop looking; the sum in MiB."""
        self._stop.set()
        self._thread.join()
        return sum(self._peaks_kib.values()) / 1024

    def _look(self) -> None:
        while not self._stop.is_set():
            for pid in self._peaks_kib:
                try:
                    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
                except OSError:
                    continue
                if found is not None:
                    self._peaks_kib[pid] = int(found[1])
            self._stop.wait(_LOOK_S)
