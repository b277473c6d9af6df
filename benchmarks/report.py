"""`make bench-report`: one refresh of a StorageReport against a bare LIST of the same Recordings and objects.

Each runs in a separate process after a warm-up of some pages; the listing server (listingserver.py) is a third.
With `--peers` a real API server and S3 server are listed (reportpeers.py).
Prints times, processor time and how much the largest resident size grew. Ends with 1 when a goal is missed: at most
1.5 times the bare LIST, at most 40 MiB more.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from recording_operator.controller.reports.refresher import Refresher
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import Connection, NoToken, connection
from recording_operator.kube.rest import RestClient
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options, build_client

GOAL_TIMES: Final = 1.5
GOAL_MIB: Final = 40
_WARM_PAGES: Final = 5


class _OneStore:
    def __init__(self, store: S3Store) -> None:
        self._store = store

    def store(self, location: StorageLocation) -> S3Store:  # noqa: ARG002 - there is one
        """The bucket of the bench."""
        return self._store


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Who is listed: the listing server at `port`, or the real servers that a file names (reportpeers.py)."""

    port: int = 0
    file: Path | None = None

    def options(self) -> S3Options:
        """The bucket."""
        found = json.loads(self.file.read_text()) if self.file else {}
        key, secret = found.get("keys", ("bench", "bench"))
        endpoint = found.get("endpoint", f"http://127.0.0.1:{self.port}")
        keys = StoreCredentials(access_key_id=key, secret_access_key=secret)
        return S3Options(bucket="bench", endpoint=endpoint, path_style=True, credentials=keys)

    def api(self) -> KubeApi:
        """The API server."""
        server = f"http://127.0.0.1:{self.port}"
        where = Connection(server=server, token=NoToken(), namespace="default")
        if self.file:
            where = connection(kubeconfig=Path(json.loads(self.file.read_text())["kubeconfig"]))
        return KubeApi(RestClient(where))


def bare(peers: Peers) -> dict[str, Any]:
    """LIST all Recordings, then all objects, with the same clients, and only count."""
    recordings = sum(1 for _ in peers.api().list_recordings())
    pages = build_client(peers.options()).get_paginator("list_objects_v2").paginate(Bucket="bench")
    return {"recordings": recordings, "objects": sum(len(page.get("Contents", ())) for page in pages)}


def report(peers: Peers) -> dict[str, Any]:
    """One refresh."""
    refresher = Refresher(
        kube=peers.api(),
        stores=_OneStore(S3Store(peers.options())),
        operator_namespace="default",
        stopping=lambda: False,
    )
    manifest = StorageReport.model_validate({"metadata": {"name": "bench"}, "spec": {}})
    totals = refresher.refresh(manifest, now=datetime.now(UTC).replace(microsecond=0)).status.totals
    assert totals is not None
    assert totals.orphaned_bytes == 0
    return {"recordings": totals.recordings, "objects": totals.objects}


def measured(what: Callable[[Peers], dict[str, Any]], peers: Peers) -> dict[str, Any]:
    """Run after a warm-up; seconds on the clock and of the processor, and MiB of growth."""
    list(islice(peers.api().list_recordings(), _WARM_PAGES * 500))
    list(islice(S3Store(peers.options()).objects(""), _WARM_PAGES * 1000))
    # 5 sets the high-water mark back to the size of now: a new process inherits that of its parent.
    Path("/proc/self/clear_refs").write_text("5")
    before_mib = memory_mib("VmHWM")
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    counted = what(peers)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        **counted,
        "seconds": time.monotonic() - started,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "rss_mib": before_mib,
        "grown_mib": memory_mib("VmHWM") - before_mib,
    }


def memory_mib(field: str) -> float:
    """A figure of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(f"{field}:"))
    return int(found.split()[1]) / 1024


def in_process(name: str, peers: Peers) -> dict[str, Any]:
    """Measure in a separate process."""
    command = [sys.executable, __file__, "--only", name, "--port", str(peers.port)]
    command += ["--peers", str(peers.file)] if peers.file else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    print(
        f"{name:8} {found['recordings']:>9,} Recordings {found['objects']:>11,} objects {found['seconds']:>7.1f} s "
        f"({found['cpu_seconds']:.1f} s processor), resident {found['rss_mib']:.0f} MiB + {found['grown_mib']:.1f} MiB",
        flush=True,
    )
    return found


def main() -> int:
    """Measure both in turn, the first of the two changing, and compare the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=100_000)
    parser.add_argument("--objects-per-recording", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peers", type=Path, help="Real servers that reportpeers.py started, instead of the ones here."
    )
    parser.add_argument("--only", choices=["bare", "report"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        what = {"bare": bare, "report": report}[chosen.only]
        print(json.dumps(measured(what, Peers(port=chosen.port, file=chosen.peers))))
        return 0
    if chosen.peers:
        return compared(Peers(file=chosen.peers), rounds=chosen.rounds)
    server = Path(__file__).with_name("listingserver.py")
    command = [sys.executable, str(server), str(chosen.recordings), str(chosen.objects_per_recording)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listing:
        try:
            assert listing.stdout is not None
            return compared(Peers(port=int(listing.stdout.readline())), rounds=chosen.rounds)
        finally:
            listing.kill()


def compared(peers: Peers, *, rounds: int) -> int:
    """Measure and print; 1 when a goal is missed."""
    found: dict[str, list[dict[str, Any]]] = {"bare": [], "report": []}
    for number in range(rounds):
        for name in sorted(found, reverse=bool(number % 2)):
            found[name].append(in_process(name, peers))
    same = {(one["recordings"], one["objects"]) for of_name in found.values() for one in of_name}
    assert len(same) == 1, f"not the same was counted: {same}"
    seconds = {name: median(one["seconds"] for one in of_name) for name, of_name in found.items()}
    times, grown = seconds["report"] / seconds["bare"], max(one["grown_mib"] for one in found["report"])
    kept = times <= GOAL_TIMES and grown <= GOAL_MIB
    print(f"{times:.2f} times the bare LIST (goal {GOAL_TIMES}), {grown:.1f} MiB more (goal {GOAL_MIB})")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
