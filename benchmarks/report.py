"""`make bench-report`: one count of a location against a bare LIST of the same Recordings and versions; then reports.

Each runs in a separate process after a warm-up of some pages; the listing server (listingserver.py) is a third.
A third of the versions are noncurrent. With `--peers` a real API server and S3 server are listed (reportpeers.py).
Prints times, processor time and how much the largest resident size grew, and how long it takes to compute a report of
the counted sample. Ends with 1 when a goal is missed: counting at most 1.5 times the processor time of the bare LIST
and at most 40 MiB more; the report at most 2 seconds of it.
"""

import argparse
import base64
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
from recording_operator.api.storagereport import Playback, StorageReportSpec
from recording_operator.controller.reports.prices import storage_classes
from recording_operator.controller.usage.counter import UsageCounter
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import report as report_of
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import Connection, NoToken, connection
from recording_operator.kube.rest import RestClient
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options, build_client
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.usage.codec import decode, encode
from recording_operator.usage.sample import State, UsageSample
from recording_operator.usage.timeline import LocationUsage, usage_days

GOAL_TIMES: Final = 1.5
GOAL_MIB: Final = 40
GOAL_REPORT_S: Final = 2
PROFILE: Final = "aws-s3/us-east-1"
_WARM_PAGES: Final = 5


class _OneStore:
    def __init__(self, store: S3LocationStore) -> None:
        self._store = store

    def store(self, location: StorageLocation) -> S3LocationStore:  # noqa: ARG002 - there is one
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

    def warm_up(self) -> None:
        """Read some pages of both."""
        list(islice(self.api().list_recordings(), _WARM_PAGES * 500))
        store = S3LocationStore(self.options())
        list(islice(store.objects("") if self.file else store.versions(""), _WARM_PAGES * 1000))


def bare(peers: Peers) -> dict[str, Any]:
    """LIST all Recordings, then all versions, with the same clients, and only count."""
    recordings = sum(1 for _ in peers.api().list_recordings())
    listing, entries = ("list_objects_v2", "Contents") if peers.file else ("list_object_versions", "Versions")
    pages = build_client(peers.options()).get_paginator(listing).paginate(Bucket="bench")
    return {"recordings": recordings, "objects": sum(len(page.get(entries, ())) for page in pages)}


def counted(peers: Peers) -> dict[str, Any]:
    """One count, as the bytes that are stored."""
    profile = find_profile(PROFILE)[-1]

    counter = UsageCounter(
        kube=peers.api(),
        stores=_OneStore(S3LocationStore(peers.options())),
        classes_of=lambda _: storage_classes(profile),
        stopping=lambda: False,
    )
    locations = [StorageLocation.model_validate(raw) for raw in peers.api().list_locations()]
    now = datetime.now(UTC).replace(microsecond=0)
    [sample] = counter.count({locations[0].metadata.name: None}, locations, failures={}, now=now)
    assert isinstance(sample, UsageSample)
    assert sample.orphaned_bytes == sample.foreign_bytes == 0
    return {
        "recordings": sum(row.recordings for row in sample.recordings),
        "objects": sum(row.objects for row in sample.stored),
        "noncurrent": sum(row.objects for row in sample.stored if row.state is State.NONCURRENT),
        "sample": base64.b64encode(encode(sample)).decode(),
    }


def report_seconds(sample: UsageSample) -> float:
    """Processor time of a report of this sample."""
    started = time.process_time()
    name = sample.location
    prices = {name: LocationPrices(group=PROFILE, versions=find_profile(PROFILE))}
    terms = CostTerms(prices=prices, playback=Playback())
    result = report_of(
        ReportInputs(
            spec=StorageReportSpec(),
            now=sample.at,
            terms=terms,
            usage={name: LocationUsage(newest=sample, days=usage_days([sample]))},
        )
    )
    assert result.cost is not None
    assert result.cost.month_to_date
    return time.process_time() - started


def measured(what: Callable[[Peers], dict[str, Any]], peers: Peers) -> dict[str, Any]:
    """Run after a warm-up; seconds on the clock and of the processor, and MiB of growth."""
    peers.warm_up()
    # 5 sets the high-water mark back to the size of now: a new process inherits that of its parent.
    Path("/proc/self/clear_refs").write_text("5")
    before_mib = memory_mib("VmHWM")
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    found = what(peers)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        **found,
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
        f"{name:8} {found['recordings']:>9,} Recordings {found['objects']:>11,} versions {found['seconds']:>7.1f} s "
        f"({found['cpu_seconds']:.1f} s processor), resident {found['rss_mib']:.0f} MiB + {found['grown_mib']:.1f} MiB",
        flush=True,
    )
    return found


def main() -> int:
    """Measure both in turn, the first of the two changing, and compare the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=100_000)
    parser.add_argument("--versions-per-recording", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peers", type=Path, help="Real servers that reportpeers.py started, instead of the ones here."
    )
    parser.add_argument("--only", choices=["bare", "count"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        what = {"bare": bare, "count": counted}[chosen.only]
        print(json.dumps(measured(what, Peers(port=chosen.port, file=chosen.peers))))
        return 0
    if chosen.peers:
        return compared(Peers(file=chosen.peers), rounds=chosen.rounds)
    server = Path(__file__).with_name("listingserver.py")
    command = [sys.executable, str(server), str(chosen.recordings), str(chosen.versions_per_recording)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listing:
        try:
            assert listing.stdout is not None
            return compared(Peers(port=int(listing.stdout.readline())), rounds=chosen.rounds)
        finally:
            listing.kill()


def compared(peers: Peers, *, rounds: int) -> int:
    """Measure and print; 1 when a goal is missed."""
    found: dict[str, list[dict[str, Any]]] = {"bare": [], "count": []}
    for number in range(rounds):
        for name in sorted(found, reverse=bool(number % 2)):
            found[name].append(in_process(name, peers))
    same = {(one["recordings"], one["objects"]) for of_name in found.values() for one in of_name}
    assert len(same) == 1, f"not the same was counted: {same}"
    times, waited = (
        median(one[figure] for one in found["count"]) / median(one[figure] for one in found["bare"])
        for figure in ("cpu_seconds", "seconds")
    )
    grown = max(one["grown_mib"] for one in found["count"])
    print(
        f"{times:.2f} times the processor time of the bare LIST (goal {GOAL_TIMES}), {waited:.2f} times its duration, "
        f"{grown:.1f} MiB more (goal {GOAL_MIB})"
    )
    last = found["count"][-1]
    encoded = base64.b64decode(last["sample"])
    print(f"{last['noncurrent']:,} noncurrent versions; the sample has {len(encoded) // 1000} kB", flush=True)
    report_s = report_seconds(decode(encoded))
    print(f"a report of it: {report_s:.2f} s (goal {GOAL_REPORT_S})")
    return 0 if times <= GOAL_TIMES and grown <= GOAL_MIB and report_s <= GOAL_REPORT_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
