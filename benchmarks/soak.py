"""`make soak`: an hour of Recordings with faults and restarts on a real control plane and S3 server.

Recordings are made at a steady rate in three lanes (namespace, bucket and StorageLocation) that take turns. After
each minute of a lane, its Recordings are checked against the invariants of the end-to-end tests and removed, so that
only a leak grows. Some Recordings have a fault. Connections to the API server and the store are cut now and then.
The operator is stopped every few minutes, by SIGTERM and SIGKILL in turn. Exits with 1 if an invariant is violated.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.imageprogram import image_program
from benchmarks.soakload import MIX, Load, Planned
from benchmarks.vitals import Sampler, life_table
from localcluster import ControlPlane, MediaServer, OperatorProcess, S3Server
from localcluster.install import (
    OPERATOR_ACCOUNT,
    OPERATOR_NAMESPACE,
    credentials_secret,
    install,
    storage_location,
)
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from tests.support.forbidden import ForbiddenListener
from tests.support.history import History
from tests.support.invariants import check_invariants
from tests.support.proxy import TcpProxy, kubeconfig_through, port_of
from tests.support.recordings import path_of
from tests.support.waiting import eventually
from tests.support.world import World, write_settings

_LANES: Final = 3
_BATCH_S: Final = 60.0
_ENDED_WITHIN_S: Final = 180.0
_SAMPLE_S: Final = 5.0
_WARM_UP_S: Final = 180.0
_CUT_API_S: Final = 45.0
_CUT_STORE_S: Final = 30.0


@dataclass(slots=True, kw_only=True)
class Lane:
    """A namespace, a bucket and a location; `free` while nothing of an earlier minute is left in it."""

    name: str
    free: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True, kw_only=True)
class Batch:
    """One minute's Recordings."""

    lane: Lane
    world: World
    history: History
    load: Load
    made: list[Planned] = field(default_factory=list)


class Soak:
    """The surroundings, and the operator of the moment."""

    def __init__(self, folder: Path, options: argparse.Namespace, running: ExitStack) -> None:
        self._program = running.enter_context(image_program(folder)) if options.image else ()
        self.folder = folder
        self.options = options
        arguments = (
            "--event-ttl=5m",
            "--audit-log-maxsize=50",
            "--audit-log-maxbackup=1",
            "--delete-collection-workers=8",
        )
        self.cluster = running.enter_context(ControlPlane(folder / "control-plane", api_server_args=arguments))
        self.cluster.start()
        install(self.cluster.kubectl)
        self.s3 = running.enter_context(S3Server(folder / "s3"))
        self.s3.start()
        self.media = running.enter_context(MediaServer())
        self.forbidden = running.enter_context(ForbiddenListener())
        self.api_proxy = running.enter_context(TcpProxy(port_of(self.cluster.server)))
        self.store_proxy = running.enter_context(TcpProxy(self.s3.port))
        self.admin = RestClient(connection(kubeconfig=self.cluster.kubeconfig), connections=4)
        running.callback(self.admin.close)
        account = self.cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT)
        self.kubeconfig = kubeconfig_through(
            self.api_proxy, account, server=self.cluster.server, to=folder / "operator.kubeconfig"
        )
        self.policy = write_settings(folder, lease={"duration": "15s", "renew": "10s", "retry": "2s"})
        self.lanes = [self._lane(number) for number in range(_LANES)]
        self.operators: list[OperatorProcess] = []
        running.callback(self._end_operators)
        self.ended: list[str] = []

    @property
    def operator(self) -> OperatorProcess:
        """The one that runs."""
        return self.operators[-1]

    def pid(self) -> int | None:
        """Of the operator, while it runs."""
        return self.operator.process.pid if self.operators and self.operator.process.running else None

    def start_operator(self) -> None:
        """A new life; to be called from the main thread, whose end would end it."""
        log = self.folder / f"operator-{len(self.operators) + 1}.log"
        operator = OperatorProcess(kubeconfig=self.kubeconfig, log=log, policy=self.policy, program=self._program)
        self.operators.append(operator)
        operator.start(timeout_s=120)

    def restart(self) -> None:
        """End the operator, SIGTERM and SIGKILL in turn, and start the next one at once."""
        if len(self.operators) % 2:
            self.operator.terminate()
            status = self.operator.wait(timeout_s=60)
            if status != 0:
                raise AssertionError(f"exit status {status} after SIGTERM:\n{self.operator.log_text()[-3000:]}")
        else:
            self.operator.kill()
        self.start_operator()

    def begin_batch(self, lane: Lane) -> Batch:
        """A world for the next minute, in a lane that is free."""
        history = History(self.cluster.kubectl)
        history.__enter__()
        world = World(
            cluster=self.cluster,
            admin=self.admin,
            s3=self.s3,
            media=self.media,
            namespace=lane.name,
            bucket=lane.name,
            history=history,
            forbidden=self.forbidden,
            make_location=_no_locations,
            folder=self.folder,
            location=lane.name,
        )
        world.secrets.add(self.s3.root.secret_key)
        load = Load(world, share=self.options.faults, seed=random.randrange(2**32))
        return Batch(lane=lane, world=world, history=history, load=load)

    def judge(self, batch: Batch) -> int:
        """Wait for the ends of a minute's Recordings, check the invariants, remove everything. Returns how many."""
        world = batch.world
        deadline_s = time.monotonic() + _ENDED_WITHIN_S
        for planned in batch.made:
            planned.wait(max(1.0, deadline_s - time.monotonic()))
        world.running[:] = world.everyone[:] = [self.operator]
        check_invariants(world)
        batch.load.close()
        batch.history.__exit__(None, None, None)
        self._empty(batch.lane)
        return len(batch.made)

    def _end_operators(self) -> None:
        for operator in self.operators:
            operator.kill()

    def _lane(self, number: int) -> Lane:
        name = f"lane-{number}"
        self.s3.create_bucket(name, versioned=True)
        spec = {"deletionPolicies": ["Retain", "Delete"], "limits": {"perNamespace": 16}}
        self.cluster.kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            credentials_secret(name, self.s3.root),
            storage_location(
                name,
                endpoint=f"http://127.0.0.1:{self.store_proxy.port}",
                bucket=name,
                secret=name,
                namespaces=[name],
                spec=spec,
            ),
        )
        lane = Lane(name=name)
        lane.free.set()
        return lane

    def _empty(self, lane: Lane) -> None:
        path = path_of(lane.name)
        self.admin.request("DELETE", path, read_timeout_s=120)
        eventually(lambda: not self.admin.request("GET", path)["items"], within_s=120, what="all Recordings removed")
        client = self.s3.client()
        pages = client.get_paginator("list_object_versions").paginate(Bucket=lane.name)
        for page in list(pages):
            for found in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if "/.recording-operator/" not in f"/{found['Key']}":
                    client.delete_object(Bucket=lane.name, Key=found["Key"], VersionId=found["VersionId"])
        lane.free.set()


def _no_locations(**_: Any) -> str:
    raise AssertionError("the lanes have their locations")


class Maker(threading.Thread):
    """Creates Recordings at a steady rate, a batch for each minute, until it is stopped."""

    def __init__(self, soak: Soak) -> None:
        super().__init__(name="maker", daemon=True)
        self._soak = soak
        self.stop = threading.Event()
        self.ready: list[Batch] = []
        self.error: BaseException | None = None
        self.waited_s = 0.0

    def run(self) -> None:
        """Batch after batch, the lanes in turn."""
        try:
            number = 0
            while not self.stop.is_set():
                self._make(self._soak.lanes[number % _LANES])
                number += 1
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self.error = error

    def _make(self, lane: Lane) -> None:
        before_s = time.monotonic()
        while not lane.free.wait(1):
            if self.stop.is_set():
                return
        self.waited_s += time.monotonic() - before_s
        lane.free.clear()
        batch = self._soak.begin_batch(lane)
        began_s, rate = time.monotonic(), self._soak.options.rate / 60
        while (age_s := time.monotonic() - began_s) < _BATCH_S and not self.stop.is_set():
            batch.load.do_due()
            if len(batch.made) < age_s * rate:
                batch.made.append(batch.load.make(len(batch.made)))
            else:
                self.stop.wait(0.02)
        batch.load.do_all()
        self.ready.append(batch)


def cut_now_and_then(soak: Soak, stop: threading.Event) -> dict[str, int]:
    """End all connections to the API server and to the store, each at its own pace."""
    cuts = {"API server": 0, "store": 0}

    def every(seconds: float, proxy: TcpProxy, what: str) -> None:
        while not stop.wait(seconds):
            while not proxy.open_connections and not stop.wait(0.005):
                continue
            cuts[what] += proxy.cut()

    threading.Thread(target=every, args=(_CUT_API_S, soak.api_proxy, "API server"), daemon=True).start()
    threading.Thread(target=every, args=(_CUT_STORE_S, soak.store_proxy, "store"), daemon=True).start()
    return cuts


def run(soak: Soak) -> int:
    """Soak, judge, and print. Returns the exit status."""
    options = soak.options
    soak.start_operator()
    stop = threading.Event()
    cuts = cut_now_and_then(soak, stop)
    maker = Maker(soak)
    began_s = life_began_s = time.monotonic()
    judged = batches = 0
    with Sampler(soak.pid, every_s=_SAMPLE_S, file=soak.folder / "vitals.jsonl") as sampler:
        maker.start()
        while maker.is_alive() or maker.ready:
            if maker.error is not None:
                raise maker.error
            if time.monotonic() - began_s > options.minutes * 60:
                maker.stop.set()
            if soak.pid() is None:
                raise AssertionError(f"the operator ended by itself:\n{soak.operator.process.log_tail()}")
            if time.monotonic() - life_began_s > options.life * 60 and not maker.stop.is_set():
                soak.restart()
                life_began_s = time.monotonic()
            elif maker.ready:
                judged += soak.judge(maker.ready.pop(0))
                batches += 1
                minutes = (time.monotonic() - began_s) / 60
                print(f"{minutes:5.1f} min: {judged} Recordings judged, {judged / minutes:.0f} a minute", flush=True)
            else:
                time.sleep(0.2)
        spent_s = time.monotonic() - began_s
    stop.set()
    print(
        f"\n{judged} Recordings in {spent_s / 60:.1f} minutes, {judged / spent_s * 60:.0f} a minute; {batches} batches,"
    )
    print(f"invariants hold in each; {len(soak.operators)} lives of the operator; connections cut: {cuts};")
    print(f"the load waited {maker.waited_s:.0f} s for a free lane; {MIX}; load average {os.getloadavg()}")
    sizes = {name: _folder_mib(soak.folder / name) for name in ("control-plane/etcd", "s3/data", "s3/versions")}
    print("MiB on disk at the end: " + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()))
    print(life_table(list(sampler.lives.values()), warm_up_s=min(_WARM_UP_S, options.life * 60 / 3)))
    return 0


def _folder_mib(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


def main() -> int:
    """Parse, soak, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200, help="Recordings a minute")
    parser.add_argument("--faults", type=float, default=0.05, help="share of the Recordings that meets a fault")
    parser.add_argument("--life", type=float, default=10, help="minutes between restarts of the operator")
    parser.add_argument("--image", action="store_true", help="the operator of the image, built here (root)")
    parser.add_argument("--folder", type=Path, help="keep logs and samples here")
    options = parser.parse_args()
    folder = options.folder.absolute() if options.folder else Path(tempfile.mkdtemp(prefix="soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as running:
            status = run(Soak(folder, options, running))
    except AssertionError as error:
        print(f"FAILED: {error}", flush=True)
        print(f"logs and samples: {folder}")
        return 1
    if options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
