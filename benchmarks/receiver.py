"""`make bench-receiver`: deliveries at a fixed rate, against a bare Starlette application in the same run.

bare      an application that reads the body and responds 200, on uvicorn
forged    the receiver, deliveries with a wrong signature
genuine   the receiver with a real API server: a Recording and a Secret for each delivery

The sender keeps the rate, whatever the responses are (an open loop), and repeats what was not accepted, as providers
do, until everything is. Ends with 1 when a goal is missed: p99 of the 2xx, every delivery has become one Recording, the
memory does not grow.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.receiversender import Load, Outcome, send_load
from benchmarks.vitals import Vitals, vitals_of
from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE, RECEIVER_ACCOUNT, install, receiver_binding
from localcluster.ports import free_port
from localcluster.receiverprocess import ReceiverProcess
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from tests.receiver.sending import SECRET, secret_manifest, source_manifest
from tests.support.recordings import path_of

GOAL_P99_S: Final = 0.25
GOAL_GROWTH_MIB: Final = 16.0
NAMESPACE: Final = "storm"
SOURCE: Final = "meetings"
_BARE_S: Final = 10
_BARE: Final = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def take(request):
    await request.body()
    return Response(b"{}", media_type="application/json")
app = Starlette(routes=[Route("/v1/sources/{namespace}/{name}", take, methods=["POST"])])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, http="h11")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A phase: what was sent, and what the server needed for it."""

    outcome: Outcome
    before: Vitals
    after: Vitals
    growth_mib: float

    @property
    def cpu_ms(self) -> float:
        """Processor time of the server for each request, in milliseconds."""
        return (self.after.cpu_s - self.before.cpu_s) * 1000 / max(1, self.outcome.sent)


def measure(load: Load, pid: int) -> Measured:
    """Send a load in a process of its own, and watch the server meanwhile."""
    before, memory = vitals_of(pid), [vitals_of(pid).rss_mib]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        running = pool.apply_async(send_load, (load,))
        while not running.ready():
            running.wait(0.5)
            memory.append(vitals_of(pid).rss_mib)
        outcome = running.get()
    third = max(1, len(memory) // 3)
    growth = statistics.mean(memory[-third:]) - statistics.mean(memory[third : 2 * third] or memory[:third])
    return Measured(outcome=outcome, before=before, after=vitals_of(pid), growth_mib=growth)


def show(name: str, found: Measured, bare: Measured | None = None) -> None:
    """Print a phase, and its ratios."""
    one = found.outcome
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(one.statuses.items()))
    print(f"{name:8} {one.sent} sent at {one.rate:.0f}/s: {statuses}")
    print(
        f"         p50 {one.quantile(0.5) * 1000:.0f} ms, p99 {one.quantile(0.99) * 1000:.0f} ms of the 2xx; "
        f"{found.cpu_ms:.2f} ms processor each; {found.after.rss_mib:.0f} MiB, growth {found.growth_mib:+.1f} MiB"
    )
    if bare is not None:
        ratio = found.cpu_ms / bare.cpu_ms
        print(f"         {ratio:.1f} times the processor time of the bare application")


def bare(options: argparse.Namespace) -> Measured:
    """The bare application."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", _BARE, str(port)])
    try:
        load = _load(f"http://127.0.0.1:{port}", options, seconds=min(_BARE_S, options.seconds), prefix="bare")
        return measure(load, process.pid)
    finally:
        process.terminate()
        process.wait(20)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receiver", description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="deliveries a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--settings", default="", help="section `receiver`, such as `threads: 8`")
    options = parser.parse_args(arguments)
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-receiver-")))
        of_bare = bare(options)
        show("bare", of_bare)
        cluster = running.enter_context(ControlPlane(folder / "control-plane"))
        receiver = _started_receiver(cluster, folder, options)
        running.callback(receiver.kill)
        forged = _load(receiver.url, options, seconds=min(_BARE_S, options.seconds), prefix="forged", forged=True)
        show("forged", measure(forged, receiver.process.pid), of_bare)
        load = _load(receiver.url, options, seconds=options.seconds, prefix="bot", until_accepted=True)
        found = measure(load, receiver.process.pid)
        show("genuine", found, of_bare)
        return _judge(found, _recordings(cluster), expected=load.count)


def _judge(found: Measured, recordings: int, *, expected: int) -> int:
    one = found.outcome
    print(f"         repeated {one.repeated} times for {one.drained_s:.0f} s; {recordings} Recordings of {expected}")
    goals = {
        f"p99 of the 2xx below {GOAL_P99_S * 1000:.0f} ms": one.quantile(0.99) < GOAL_P99_S,
        "only 2xx and 429 or 503": set(one.statuses) <= {200, 429, 503},
        "none lost after redelivery": recordings == expected,
        f"memory grows less than {GOAL_GROWTH_MIB:.0f} MiB": found.growth_mib < GOAL_GROWTH_MIB,
    }
    for goal, reached in goals.items():
        print(f"{'ok    ' if reached else 'MISSED'}   {goal}")
    return 0 if all(goals.values()) else 1


def _load(url: str, options: argparse.Namespace, *, seconds: int, prefix: str, **more: Any) -> Load:
    return Load(
        url=f"{url}/v1/sources/{NAMESPACE}/{SOURCE}",
        rate=options.rate,
        count=options.rate * seconds,
        prefix=prefix,
        secret=SECRET,
        **more,
    )


def _started_receiver(cluster: ControlPlane, folder: Path, options: argparse.Namespace) -> ReceiverProcess:
    cluster.start()
    install(cluster.kubectl)
    spec = {"provider": "MeetingBaaS"}
    cluster.kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        receiver_binding(NAMESPACE),
        secret_manifest("webhook", NAMESPACE, current=SECRET),
        source_manifest(SOURCE, NAMESPACE, secret="webhook", spec=spec),  # noqa: S106 - a name
    )
    settings = folder / "settings.yaml"
    settings.write_text(f"receiver: {{{options.settings}}}")
    kubeconfig = cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=RECEIVER_ACCOUNT)
    receiver = ReceiverProcess(kubeconfig=kubeconfig, log=folder / "receiver.log", settings=settings)
    receiver.start()
    time.sleep(1)  # the Secret of the source is read
    return receiver


def _recordings(cluster: ControlPlane) -> int:
    client = RestClient(connection(kubeconfig=cluster.kubeconfig))
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    listed = client.request("GET", path_of(NAMESPACE), accept=accept, read_timeout_s=120)
    client.close()
    ids = {one["metadata"]["annotations"]["recordings.dev/provider-id"] for one in listed["items"]}
    assert len(ids) == len(listed["items"]), json.dumps(sorted(ids))[:500]
    return len(ids)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
