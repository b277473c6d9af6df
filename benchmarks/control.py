"""`make bench-control`: compares the control loop with simple loops that send the same requests, on real servers.

throughput  small Recordings from the first claim to the last Complete, against the same PATCH, PUT and PATCH of each in
            bare threads; and the operator's writes for each
stored      time to ready, processor time and memory with many finished Recordings, against a bare filtered LIST
fairness    how long a single Recording of one tenant waits while another tenant has a long queue
latency     from apply to the first request to the source, idle and under that load
crowd       memory, and another tenant's single Recordings, beside many of the largest of a hostile tenant; only where
            it is requested (--only crowd), on a separate control plane

Ends with 1 when a goal is missed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.controlstack import ControlStack, stored_by, wait_working
from benchmarks.imageprogram import image_program
from benchmarks.vitals import vitals_of
from tests.support.recordings import path_of
from tests.support.waiting import eventually

GOAL_THROUGHPUT: Final = 0.7
GOAL_WRITES: Final = 2.0
GOAL_READY_S: Final = 1.0
GOAL_RSS_MIB: Final = 90.0
GOAL_CROWD_S: Final = 5.0
_SLOTS: Final = 16
_SLOT_S: Final = 0.5
_ACTIVE: Final = 100
_SETTLE_S: Final = 15.0


def bare(*arguments: str) -> dict[str, Any]:
    """Run a bare loop in a separate process."""
    command = [sys.executable, "-m", "benchmarks.controlbare", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def throughput(stack: ControlStack, options: argparse.Namespace) -> list[bool]:
    """Many small Recordings."""
    count = options.recordings
    ours, theirs = stack.tenant("ours"), stack.tenant("bare")
    statuses = stack.statuses_of_one("sample")
    stack.make(theirs, count, inline=True, suspend=True)
    root = stack.s3.root
    keys = (stack.s3.endpoint, root.access_key, root.secret_key, str(_SLOTS))
    loop = bare("finish", str(stack.cluster.kubeconfig), theirs, *keys, str(statuses))
    bare_rate = loop["count"] / loop["seconds"]
    spent = f"{loop['seconds']:.1f} s, {bare_rate:.0f}/s, {loop['cpu_s']:.1f} s processor"
    print(f"bare loop        {count} Recordings in {spent}")
    stack.make(ours, count, inline=True)
    transfers = {"concurrent": _SLOTS, "perNamespace": _SLOTS}
    with stack.operator(transfers=transfers) as operator:
        before = vitals_of(operator.process.pid)
        began_s = time.monotonic()
        first = stored_by(operator)
        stack.wait_stored(operator, count, within_s=1200)
        spent_s = time.monotonic() - began_s
        after = vitals_of(operator.process.pid)
        eventually(lambda: not stack.unfinished(ours), within_s=30, poll_s=1)
        time.sleep(3)  # the last Events follow
        rate = (count - first) / spent_s
        share = rate / bare_rate
        print(
            f"operator         {count - first} Recordings in {spent_s:.1f} s, {rate:.0f}/s, "
            f"{after.cpu_s - before.cpu_s:.1f} s processor, {after.peak_mib:.0f} MiB at most; "
            f"{share:.2f} of the bare loop"
        )
    writes = stack.writes("recordings", ours)
    events = stack.writes("events", ours)
    each = sum(writes.values()) / count
    print(f"writes           {each:.2f} for each Recording {writes}; Events {sum(events.values()) / count:.2f}")
    return [share >= GOAL_THROUGHPUT, each <= GOAL_WRITES]


def stored(stack: ControlStack, options: argparse.Namespace) -> list[bool]:
    """Many finished Recordings, a few active ones."""
    many, few = stack.tenant("many"), stack.tenant("few")
    stack.make(many, 1, inline=True)
    with stack.operator():
        eventually(lambda: not stack.unfinished(many), within_s=60)
    stack.store_finished(many, options.stored)
    stack.make(few, _ACTIVE, inline=False, suspend=True)
    stack.wait_served(few)  # the API server reads what was stored behind its back
    loops = [bare("list", str(stack.cluster.kubeconfig)) for _ in range(3)]
    loop = min(loops, key=lambda found: float(found["seconds"]))
    began_s = time.monotonic()
    operator = stack.launch()
    try:
        wait_working(operator)
        ready_s = time.monotonic() - began_s
        leading_s = _seconds_to_ready(operator.log_text(), began_s=time.time() - ready_s)
        ready = vitals_of(operator.process.pid)
        time.sleep(_SETTLE_S)
        settled = vitals_of(operator.process.pid)
        swept_s = settled.cpu_s - ready.cpu_s
    finally:
        operator.kill()
        stack.cluster.kubectl("delete", "leases", "--all", "--namespace=recording-operator")
    extra_s = ready_s - leading_s - loop["seconds"]
    print(f"bare LIST        {loop['count']} of {options.stored} Recordings in {loop['seconds']:.2f} s")
    print(
        f"operator         ready {ready_s:.1f} s after its start, {leading_s:.1f} s of it until it leads: "
        f"LIST + {extra_s:.2f} s; "
        f"{ready.cpu_s:.1f} s processor, {ready.rss_mib:.0f} MiB; {_SETTLE_S:.0f} s later {settled.rss_mib:.0f} MiB "
        f"(most {settled.peak_mib:.0f}), {swept_s:.1f} s more for the sweep of finished Recordings"
    )
    return [extra_s <= GOAL_READY_S, ready.rss_mib <= GOAL_RSS_MIB]


def _seconds_to_ready(log: str, *, began_s: float) -> float:
    """From the start to the line `Leading`."""
    line = next(json.loads(line) for line in log.splitlines() if "Leading as" in line)
    return datetime.fromisoformat(line["time"]).timestamp() - began_s


def fairness(stack: ControlStack, options: argparse.Namespace) -> list[bool]:
    """One tenant's queue, another's single Recordings."""
    busy, single = stack.tenant("busy"), stack.tenant("single")
    stack.source.wait_s = lambda path: _SLOT_S if path.startswith("/busy/") else 0.0
    transfers = {"concurrent": _SLOTS, "perNamespace": _SLOTS}
    with stack.operator(transfers=transfers):
        rest = first_bytes(stack, single, 50, prefix="rest", pause_s=0.1)
        print(f"first byte, idle {quantiles(rest)}")
        stack.make(busy, options.tenant, inline=False)
        eventually(lambda: any(path.startswith("/busy/") for path in stack.source.asked_s), within_s=60)
        load = first_bytes(stack, single, 50, prefix="load", pause_s=0.2)
        left = stack.unfinished(busy)
        print(
            f"first byte, behind {left} of {options.tenant} Recordings of another tenant that take a slot {_SLOT_S} s "
            f"each, {_SLOTS} slots, none kept for others: {quantiles(load)}"
        )
        assert left > _SLOTS, "the other tenant's queue ended too early: take a larger --tenant"
    return [max(load) <= max(rest) + _SLOT_S]


def crowd(stack: ControlStack, options: argparse.Namespace) -> list[bool]:
    """One tenant's largest Recordings, suspended so that they stay; another's single ones."""
    hostile, single = stack.tenant("hostile"), stack.tenant("beside")
    stack.make_largest(hostile, options.largest, suspend=True)
    operator = stack.launch()
    try:
        wait_working(operator)
        first = first_bytes(stack, single, 20, prefix="beside", pause_s=0.1)
        time.sleep(_SETTLE_S)
        found = vitals_of(operator.process.pid)
    finally:
        operator.kill()
        stack.cluster.kubectl("delete", "leases", "--all", "--namespace=recording-operator")
    print(
        f"operator         beside {options.largest} of the largest Recordings of another tenant: "
        f"{found.rss_mib:.0f} MiB, {found.peak_mib:.0f} at most; first byte {quantiles(first)}"
    )
    return [max(first) <= GOAL_CROWD_S]


def first_bytes(stack: ControlStack, tenant: str, count: int, *, prefix: str, pause_s: float) -> list[float]:
    """Seconds from apply to the first request to the source, for one Recording after another."""
    found = []
    for number in range(count):
        name = f"{prefix}-{number}"
        began_s = time.monotonic()
        stack.admin.request("POST", path_of(tenant), body=stack.manifest(tenant, name, inline=False))
        path = f"/{tenant}/{name}.json"
        eventually(lambda path=path: path in stack.source.asked_s, within_s=60, poll_s=0.002)  # type: ignore[misc]
        found.append(stack.source.asked_s[path] - began_s)
        time.sleep(pause_s)
    return found


def quantiles(seconds: Sequence[float]) -> str:
    """p50, p99 and the largest."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms, at most {max(seconds) * 1000:.0f} ms"


PIECES: Final = {"throughput": throughput, "stored": stored, "fairness": fairness, "crowd": crowd}
_USUAL: Final = ("throughput", "stored", "fairness")


def main() -> int:
    """Run the requested parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=10_000)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--tenant", type=int, default=5_000)
    parser.add_argument("--largest", type=int, default=500)
    parser.add_argument("--only", choices=PIECES, action="append")
    parser.add_argument("--image", action="store_true", help="the operator of the image, built here (root)")
    options = parser.parse_args()
    held = True
    with (
        tempfile.TemporaryDirectory(prefix="bench-control-", ignore_cleanup_errors=True) as folder,
        ExitStack() as running,
    ):
        program = running.enter_context(image_program(Path(folder))) if options.image else ()
        stack = ControlStack(Path(folder), running, program=program)
        for name in options.only or _USUAL:
            goals = PIECES[name](stack, options)
            held &= all(goals)
            print(f"{name}: goals {'hold' if all(goals) else 'MISSED'} {goals}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
