"""One large artifact through the data path, against curl's two legs: GB/s, CPU-seconds per GB, memory over base.

    python -m benchmarks.datapath [--gib 1] [--rounds 5]

Source and store are `benchmarks/peer` (Go, TLS on both legs, keeps nothing). Rounds are interleaved, medians are shown,
and ratios to the curl pair of the same round are what may be compared between machines.
"""

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcluster.pki import CertificateAuthority
from localcluster.ports import free_port
from recording_operator.transfer.artifact import transfer_source
from recording_operator.transfer.dialer import Dialer
from recording_operator.transfer.job import ObjectSpec, SourceSpec, TransferOptions
from recording_operator.transfer.policy import SourcePolicy
from recording_operator.transfer.stores.client import S3Credentials, S3Options
from recording_operator.transfer.stores.s3 import S3Store
from recording_operator.transfer.stores.transport import PartTransport

HERE = Path(__file__).resolve().parent
METHODS = ("curl pair", "ours", "ours, parts sent by botocore", "ours, 8 workers")


def main() -> None:
    """Measure every method in turn and print a table; with --one, measure one in this process."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gib", type=float, default=1.0)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--one")
    options.add_argument("--port", type=int)
    options.add_argument("--ca")
    given = options.parse_args()
    size_bytes = int(given.gib * 2**30)
    if given.one:
        print(json.dumps(measure_one(given.one, size_bytes, given.port, given.ca)))
        return
    with tempfile.TemporaryDirectory() as folder, peer(Path(folder)) as (port, authority):
        results: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
        for _ in range(given.rounds):
            for method in METHODS:
                results[method].append(run_one(method, given.gib, port, authority))
        print_table(results, size_bytes)


@contextmanager
def peer(folder: Path) -> Iterator[tuple[int, Path]]:
    """The Go program, built and running; its port and the authority to trust."""
    subprocess.run(["go", "build", "-o", folder / "peer", "."], cwd=HERE / "peer", check=True)
    authority = CertificateAuthority(folder)
    authority.issue("peer", user="peer", hosts=["127.0.0.1"])
    port = free_port()
    arguments = [f"--listen=127.0.0.1:{port}", f"--cert={folder / 'peer.crt'}", f"--key={folder / 'peer.key'}"]
    with subprocess.Popen([folder / "peer", *arguments], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port)
            yield port, authority.path("ca.crt")
        finally:
            process.terminate()


def wait_for_port(port: int) -> None:
    """Return when something listens."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the peer does not listen")


def run_one(method: str, gib: float, port: int, authority: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.datapath", f"--one={method}", f"--gib={gib}", f"--port={port}"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(["operator", "."])}
    done = subprocess.run(
        [*command, f"--ca={authority}"],
        cwd=HERE.parent,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_one(method: str, size_bytes: int, port: int, authority: str) -> dict[str, float]:
    """Wall seconds, CPU seconds and MiB over what the process had before."""
    if method == "curl pair":
        return curl_pair(size_bytes, port, authority)
    run = prepared(method, size_bytes, port, authority)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, begun = time.process_time(), time.monotonic()
    run()
    wall_s, cpu_s = time.monotonic() - begun, time.process_time() - cpu
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"wall_s": wall_s, "cpu_s": cpu_s, "mib": (peak_kib - before_kib) / 1024}


def curl_pair(size_bytes: int, port: int, authority: str) -> dict[str, float]:
    """Download and upload of the same bytes at the same time, through no pipe: the floor."""
    base = ["curl", "-s", "--http1.1", "--cacert", authority, "-o", os.devnull]
    url = f"https://127.0.0.1:{port}"
    begun = time.monotonic()
    with tempfile.NamedTemporaryFile() as sparse:
        sparse.truncate(size_bytes)
        legs = [
            subprocess.Popen([*base, f"{url}/source/{size_bytes}"]),
            subprocess.Popen([*base, "-T", sparse.name, f"{url}/bucket/curl"]),
        ]
        for leg in legs:
            if leg.wait() != 0:
                raise RuntimeError("curl failed")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall_s": time.monotonic() - begun, "cpu_s": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}


def prepared(method: str, size_bytes: int, port: int, authority: str) -> Callable[[], None]:
    """The transfer, ready to run."""
    policy = SourcePolicy.model_validate(
        {"ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"], "tls": {"caFile": authority}}
    )
    keys = S3Credentials(access_key_id="AKIABENCH", secret_access_key="bench")  # noqa: S106 - the peer takes any
    endpoint = f"https://127.0.0.1:{port}"
    store = S3Store(
        S3Options(
            bucket="bucket",
            endpoint=endpoint,
            path_style=True,
            ca_bundle_pem=Path(authority).read_text(),
            credentials=keys,
        )
    )
    if "botocore" in method:
        PartTransport.__call__ = lambda *_, **__: None  # type: ignore[method-assign]
    key = f"{os.getpid()}.mp4"
    obj = ObjectSpec(key=key, content_type="video/mp4", kind="Video", recording_uid="bench", artifact="video")
    source = SourceSpec(url=f"{endpoint}/source/{size_bytes}")

    class Silent:
        def upload_created(self, state: object) -> None:
            pass

        def progress(self, *, bytes_done: int, bytes_total: int | None) -> None:
            pass

    dialer = Dialer(policy)
    store.head("warm")

    def run() -> None:
        transfer_source(
            source,
            obj,
            store=store,
            dialer=dialer,
            stop=threading.Event(),
            observer=Silent(),
            resume=None,
            options=TransferOptions(workers=8 if "8 workers" in method else 4),
        )

    return run


def print_table(results: dict[str, list[dict[str, float]]], size_bytes: int) -> None:
    """Medians and ratios."""
    gb = size_bytes / 1e9

    def median(values: Sequence[float]) -> float:
        return statistics.median(values)

    floor = results["curl pair"]
    print(f"{'method':32} {'GB/s':>6} {'CPU-s/GB':>9} {'MiB':>6} {'x speed':>8} {'x CPU':>6}")
    for method, runs in results.items():
        speed = median([gb / run["wall_s"] for run in runs])
        cpu = median([run["cpu_s"] / gb for run in runs])
        faster = median([base["wall_s"] / run["wall_s"] for base, run in zip(floor, runs, strict=True)])
        costlier = median([run["cpu_s"] / base["cpu_s"] for base, run in zip(floor, runs, strict=True)])
        memory = median([run["mib"] for run in runs])
        print(f"{method:32} {speed:6.2f} {cpu:9.2f} {memory:6.1f} {faster:8.2f} {costlier:6.2f}")


if __name__ == "__main__":
    main()
