"""What the data path takes at its limits: memory per worker, 50 GiB of unknown length, 64 transfers, a slow link.

    python -m benchmarks.limits [workers|unknown|crowd|capped …] [--gib 50]

Source and store are `benchmarks/peer` (Go, TLS on both legs, keeps nothing). Each run is a separate process; memory
is the peak minus the memory of the process after loading the libraries and one request to each side.
"""

import argparse
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.datapath import HERE, peer
from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.executors.order import TransferOrder
from recording_operator.controller.executors.threads import ThreadExecutor
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.sources import SourceResolver
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.policy import SourcePolicy
from recording_operator.engine.actions import StartTransfer
from recording_operator.engine.facts import Fact, TransferEnded, TransferSucceeded, UploadCreated
from recording_operator.metrics import Metrics
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FetchJob
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.source.spec import SourceSpec

MIB = 2**20
PARTS = ("workers", "capped", "crowd", "unknown")


def main() -> None:
    """Run the requested parts, each in a separate process."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", default=PARTS)
    options.add_argument("--gib", type=float, default=50.0, help="size of the object of unknown length")
    options.add_argument("--one")
    options.add_argument("--port", type=int)
    options.add_argument("--ca")
    given = options.parse_args()
    if given.one:
        print(json.dumps(Here(given.port, given.ca).measure(json.loads(given.one))))
        return
    with tempfile.TemporaryDirectory() as folder, peer(Path(folder)) as (port, authority):
        for part in given.parts:
            for run in RUNS[part](given.gib):
                print(line(run, measured(run, port, authority)), flush=True)


def _workers(_gib: float) -> list[dict[str, Any]]:
    return [{"what": "ranges", "workers": count, "mib": 32 * count} for count in (1, 8, 32)]


def _capped(_gib: float) -> list[dict[str, Any]]:
    return [{"what": "ranges", "workers": count, "mib": 480, "query": "?rate=60e6&delay=30"} for count in (1, 4, 8)]


def _crowd(_gib: float) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = [
        {"what": "crowd", "transfers": count, "workers": 4, "mib": 2048 // count} for count in (1, 64)
    ]
    # Slow enough that all are there together: for memory and threads.
    return [*runs, {"what": "crowd", "transfers": 64, "workers": 4, "mib": 32, "query": "?rate=1e6&delay=30"}]


def _unknown(gib: float) -> list[dict[str, Any]]:
    return [{"what": "unknown", "workers": 4, "mib": size} for size in (64, int(gib * 1024))]


RUNS: dict[str, Callable[[float], list[dict[str, Any]]]] = {
    "workers": _workers,
    "capped": _capped,
    "crowd": _crowd,
    "unknown": _unknown,
}


def measured(run: dict[str, Any], port: int, authority: Path) -> dict[str, Any]:
    """One run in a separate process."""
    command = [sys.executable, "-m", "benchmarks.limits", f"--one={json.dumps(run)}", f"--port={port}"]
    done = subprocess.run(
        [*command, f"--ca={authority}"],
        cwd=HERE.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["operator", "."])},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=3600,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(run: dict[str, Any], found: dict[str, Any]) -> str:
    """The figures of one run for a person."""
    size = run["mib"] * run.get("transfers", 1)
    workers = run["workers"] * run.get("transfers", 1)
    what = {"ranges": "ranges", "unknown": "unknown length"}
    name = what.get(run["what"], f"{run.get('transfers')} transfers") + run.get("query", "")
    speed, cpu = size * MIB / found["wall_s"] / 1e6, found["cpu_s"] / (size * MIB / 1e9)
    more = "".join(f", {key} {value}" for key, value in found.items() if key not in ("wall_s", "cpu_s", "mib"))
    return (
        f"{name:34} {workers:4} workers {size:7} MiB {speed:8.1f} MB/s {cpu:6.2f} CPU-s/GB"
        f" {found['mib']:7.1f} MiB over base, {found['mib'] / workers:5.2f} per worker{more}"
    )


class Here:
    """The measured process: a store, a dialer, and what ran once to be warm."""

    def __init__(self, port: int, authority: str) -> None:
        self.authority = authority
        self.base = f"https://127.0.0.1:{port}"
        policy = {"ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"], "tls": {"caFile": authority}}
        self.dialer = Dialer(SourcePolicy.model_validate(policy))
        self.client = S3Store(
            S3Options(
                bucket="bucket",
                endpoint=self.base,
                path_style=True,
                ca_bundle_pem=Path(authority).read_text(encoding="utf-8"),
                credentials=StoreCredentials(access_key_id="AKIABENCH", secret_access_key="bench"),  # noqa: S106 - any
            )
        )

    def measure(self, run: dict[str, Any]) -> dict[str, Any]:
        """Seconds, CPU seconds and MiB over base."""
        self.transfer("source", 2**16, workers=1)
        Path("/proc/self/clear_refs").write_text("5")  # reset the peak: loading the libraries needed more
        before_kib = status_kib("VmRSS")
        threads = Threads()
        cpu, begun = time.process_time(), time.monotonic()
        if run["what"] == "crowd":
            self.crowd(run["transfers"], run["workers"], f"{run['mib'] * MIB}{run.get('query', '')}")
        else:
            way = "stream" if run["what"] == "unknown" else "source"
            self.transfer(way, run["mib"] * MIB, workers=run["workers"], query=run.get("query", ""))
        found = {"wall_s": time.monotonic() - begun, "cpu_s": time.process_time() - cpu, "threads": threads.end()}
        found["mib"] = (status_kib("VmHWM") - before_kib) / 1024
        return {**found, **(self.parts() if run["what"] == "unknown" else {})}

    def transfer(self, way: str, size_bytes: int, *, workers: int, query: str = "") -> None:
        """One transfer in this thread."""
        name = f"{os.getpid()}-{size_bytes}"
        stored = FetchJob(source=SourceSpec(url=f"{self.base}/{way}/{size_bytes}{query}"), dialer=self.dialer).run(
            TransferContext(
                store=self.client,
                obj=ObjectSpec(
                    key=name, content_type="video/mp4", kind="Video", recording_uid="bench", artifact="video"
                ),
                stop=threading.Event(),
                observer=Silent(),
                options=TransferOptions(workers=workers, first_workers=workers),
            )
        )
        assert stored.size_bytes == size_bytes

    def crowd(self, transfers: int, workers: int, source: str) -> None:
        """Many at once through the operator's own pool."""
        ended = threading.Semaphore(0)
        failures: list[TransferEnded] = []
        metrics = Metrics(version="bench")

        def post(fact: Fact) -> None:
            if isinstance(fact, UploadCreated):
                runner.persisted(fact.uid, fact.artifact)
            if isinstance(fact, TransferEnded):
                if not isinstance(fact.outcome, TransferSucceeded):
                    failures.append(fact)
                ended.release()

        runner = ThreadExecutor(
            stores=self,
            resolver=SourceResolver(None, register_secret=lambda _: None),  # type: ignore[arg-type]  # no Secret is read
            dialer=self.dialer,
            post=post,
            metrics=metrics,
            options=TransferOptions(workers=workers),
            bandwidth=BandwidthLimits(operator_limit=None, metrics=metrics),
            concurrent=transfers,
        )
        for number in range(transfers):
            runner.start(self.order(f"{os.getpid()}-{number}", f"{self.base}/source/{source}"))
        for _ in range(transfers):
            ended.acquire()
        assert not failures, failures[0]

    def store_named(self, _location: str) -> S3Store:
        """The client of the one location that there is."""
        return self.client

    def order(self, name: str, url: str) -> TransferOrder:
        """What the engine would ask for."""
        location = {"metadata": {"name": "bench", "uid": "bench"}, "spec": {"s3": {"bucket": "bucket"}}}
        artifact = {"name": "video", "kind": "Video", "source": {"url": url}}
        spec = {"storageLocation": "bench", "owner": {"org": "bench"}, "artifacts": [artifact]}
        metadata = {"name": name, "namespace": "bench", "uid": name, "creationTimestamp": "2026-11-21T12:00:00Z"}
        recording = {"metadata": metadata, "spec": spec}
        action = StartTransfer(
            recording=Recording.model_validate(recording),
            location=StorageLocation.model_validate(location),
            artifact="video",
            key=name,
            upload_id=None,
            part_size_bytes=None,
            source=None,
        )
        return TransferOrder.of(action)

    def parts(self) -> dict[str, Any]:
        """What the store saw of the parts."""
        trusted = ssl.create_default_context(cafile=self.authority)
        with urllib.request.urlopen(f"{self.base}/parts", context=trusted) as response:
            found: dict[str, Any] = json.load(response)
        return {"parts": found["count"], "smallest": found["smallest"], "largest": found["largest"]}


class Silent:
    """Ignores all reports."""

    def upload_created(self, state: UploadState) -> None:
        """Nothing outlives this process."""

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Part of TransferObserver; not needed."""

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Part of TransferObserver; not needed."""


class Threads:
    """The most threads that were there at once."""

    def __init__(self) -> None:
        self._most = threading.active_count()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Stop counting; how many there were, without the one that counts."""
        self._stop.set()
        self._thread.join()
        return self._most - 1

    def _count(self) -> None:
        while not self._stop.wait(0.05):
            self._most = max(self._most, threading.active_count())


def status_kib(name: str) -> int:
    """A figure of this process' memory."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    main()
