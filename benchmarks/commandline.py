"""`make bench-cli`: how fast `kubectl recordings` is, against kubectl and a Python that does nothing in the same run.

All commands run in turn, in every round; the table has medians. Ends with 1 when a goal is missed: `list` takes at most
1.2 times as long as `kubectl get recordings -o json` plus 250 ms, and `--help` at most 200 ms.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from localcluster import ControlPlane
from localcluster.install import install
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from tests.kube.objects import a_recording, set_status

NAMESPACE: Final = "many"
GOAL_FACTOR: Final = 1.2
GOAL_MORE_S: Final = 0.25
GOAL_HELP_S: Final = 0.2
_KUBECTL: Final = "kubectl get recordings -o json"
_LIST: Final = "kubectl recordings list"
_HELP: Final = "kubectl-recordings --help"
_PYTHON: Final = "python -c pass"
_KIB_PER_MIB: Final = 1024
# In a small process: the kernel counts the memory of the process that forks as that of its child.
_LAUNCHER: Final = """
import os, sys, time
nowhere = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
started = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=nowhere)
_, status, used = os.wait4(child, 0)
print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
_PHASES: Final = ("Complete", "Uploading", "Pending", "Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a program."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def commands(kubectl: Path, plugin: Path) -> dict[str, list[str]]:
    """What is measured, by its name in the table."""
    program, own = str(kubectl), str(plugin)
    return {
        _PYTHON: [sys.executable, "-c", "pass"],
        _HELP: [own, "--help"],
        "kubectl_complete-recordings l": [own, "__complete", "l"],
        "kubectl version --client": [program, "version", "--client"],
        "kubectl get recordings": [program, "get", "recordings"],
        _KUBECTL: [program, "get", "recordings", "-o", "json"],
        "kubectl get recordings -o yaml": [program, "get", "recordings", "-o", "yaml"],
        "kubectl-recordings list": [own, "list"],
        _LIST: [program, "recordings", "list"],
        "kubectl recordings list -o json": [program, "recordings", "list", "-o", "json"],
        "kubectl recordings list -o yaml": [program, "recordings", "list", "-o", "yaml"],
        "kubectl recordings list -o csv": [program, "recordings", "list", "-o", "csv"],
    }


def called(command: Sequence[str], environment: Mapping[str, str]) -> Call:
    """Call a program, and measure it with its children. Raises CalledProcessError if it fails."""
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    done = subprocess.run(launcher, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    wall_s, cpu_s, peak_kib = map(float, done.stdout.split())
    return Call(wall_s=wall_s, cpu_s=cpu_s, peak_mib=peak_kib / _KIB_PER_MIB)


def fill(admin: RestClient, recordings: int) -> None:
    """Create Recordings as an operator leaves them, in all phases."""
    admin.request("POST", "/api/v1/namespaces", body={"metadata": {"name": NAMESPACE}})

    def create(number: int) -> None:
        stored = a_recording(admin, NAMESPACE, f"recording-{number:05}")
        set_status(admin, stored, _status(_PHASES[number % len(_PHASES)], number))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(create, range(recordings)))


def _status(phase: str, number: int) -> dict[str, Any]:
    artifact = {
        "name": "video",
        "phase": phase,
        "key": f"acme/recording-{number:05}/video.mp4",
        "uri": f"s3://recordings/acme/recording-{number:05}/video.mp4",
        "bytesDone": 60_000_000,
        "bytesTotal": 60_000_000,
        "checksum": f"sha256:{number:064}",
    }
    return {
        "phase": phase,
        "progress": "100%",
        "size": "60.0 MB",
        "bytesTotal": 60_000_000 + number,
        "storageLocation": "archive",
        "artifacts": [artifact],
    }


def missed_goals(medians: Mapping[str, float]) -> list[str]:
    """Sentences about goals that were missed."""
    allowed_s = GOAL_FACTOR * medians[_KUBECTL] + GOAL_MORE_S
    return [
        f"{name} took {medians[name] * 1000:.0f} ms; the goal is {goal_s * 1000:.0f} ms."
        for name, goal_s in ((_LIST, allowed_s), (_HELP, GOAL_HELP_S))
        if medians[name] > goal_s
    ]


def measured(folder: Path, *, recordings: int, rounds: int) -> dict[str, list[Call]]:
    """Start an API server with Recordings, and call everything in turn."""
    plugin = Path(sys.executable).with_name("kubectl-recordings")
    with ControlPlane(folder) as cluster:
        cluster.start()
        install(cluster.kubectl)
        fill(RestClient(connection(kubeconfig=cluster.kubeconfig)), recordings)
        cluster.kubectl("config", "set-context", "--current", f"--namespace={NAMESPACE}")
        path = os.pathsep.join([str(plugin.parent), os.environ["PATH"]])
        environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "PATH": path}
        chosen = commands(cluster.kubectl.program, plugin)
        calls: dict[str, list[Call]] = {name: [] for name in chosen}
        for number in range(rounds + 1):
            for name, command in chosen.items():
                call = called(command, environment)
                if number:  # the first round fills the caches of kubectl and Python
                    calls[name].append(call)
        return calls


def main(arguments: Sequence[str]) -> int:
    """Measure and print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bench-cli", description=__doc__)
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        calls = measured(Path(folder), recordings=options.recordings, rounds=options.rounds)
    medians = {name: statistics.median(call.wall_s for call in of_command) for name, of_command in calls.items()}
    print(f"{options.recordings} Recordings, medians of {options.rounds} rounds")
    print("| Command | Time, ms (fastest to slowest) | Processor, ms | Memory, MiB |\n|---|---|---|---|")
    for name, of_command in calls.items():
        wall_ms = [call.wall_s * 1000 for call in of_command]
        cpu_ms = statistics.median(call.cpu_s * 1000 for call in of_command)
        memory_mib = statistics.median(call.peak_mib for call in of_command)
        shown = f"{statistics.median(wall_ms):.0f} ({min(wall_ms):.0f} to {max(wall_ms):.0f})"
        print(f"| {name} | {shown} | {cpu_ms:.0f} | {memory_mib:.0f} |")
    print(f"--help takes {medians[_HELP] / medians[_PYTHON]:.1f} times as long as {_PYTHON}.")
    missed = missed_goals(medians)
    print("\n".join(missed) or "The goals are met.")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
