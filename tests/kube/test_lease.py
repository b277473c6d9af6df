"""Leader election on a real API server: never two leaders, and never none for long."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.kube.connection import Connection
from recording_operator.kube.lease import LEASE_NAME, Leadership, LeaseTimings
from recording_operator.kube.rest import RestClient
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

LEASE_PATH = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/{LEASE_NAME}"
PROJECT = Path(__file__).resolve().parents[2]
QUICK = LeaseTimings(duration_s=3, renew_s=2.0, retry_s=0.4)
LONG = LeaseTimings(duration_s=60, renew_s=40.0, retry_s=0.4)
BUSY_S = 10.0  # what a busy machine may add


class StallingClient(RestClient):
    """A client whose requests hang while `stalled` is set, as those of a cut network do."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.flowing = threading.Event()
        self.flowing.set()
        self.on_write: Callable[[], None] = lambda: None

    def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        self.flowing.wait()
        if method != "GET":
            self.on_write()
        return super().request(method, path, **options)


@dataclass
class Contender:
    """A would-be leader in this process."""

    leadership: Leadership
    client: StallingClient
    losses: list[str]
    stop: threading.Event
    thread: threading.Thread

    def leads(self) -> bool:
        return self.leadership.held()


@pytest.fixture
def contend(cluster: ControlPlane, operator_connection: Connection) -> Iterator[Callable[..., Contender]]:
    """Makes contenders that run in threads. All of them stop after the test."""
    made: list[Contender] = []

    def make(identity: str, timings: LeaseTimings = QUICK) -> Contender:
        client, stop, losses = StallingClient(operator_connection), threading.Event(), list[str]()
        leadership = Leadership(
            client, namespace=OPERATOR_NAMESPACE, identity=identity, on_lost=losses.append, timings=timings
        )
        thread = threading.Thread(target=leadership.acquire, args=(stop,))
        made.append(Contender(leadership=leadership, client=client, losses=losses, stop=stop, thread=thread))
        thread.start()
        return made[-1]

    yield make
    for contender in made:
        contender.client.flowing.set()
        contender.stop.set()
        contender.thread.join()
        contender.leadership.release()
    cluster.kubectl("delete", "leases", "--all", f"--namespace={OPERATOR_NAMESPACE}")


@pytest.mark.parametrize(("duration_s", "renew_s", "retry_s"), [(15, 15, 2), (15, 2, 2), (10, 12, 2), (15, 10, 0)])
def test_timings_that_would_let_two_lead_are_rejected(duration_s: int, renew_s: float, retry_s: float) -> None:
    with pytest.raises(ValueError, match="retry < renew < duration"):
        LeaseTimings(duration_s=duration_s, renew_s=renew_s, retry_s=retry_s)


def test_one_of_three_operators_started_together_leads(contend: Callable[[str], Contender], rest: RestClient) -> None:
    contenders = [contend(f"contender-{number}") for number in range(3)]

    leader = eventually(lambda: next((one for one in contenders if one.leads()), None))
    time.sleep(QUICK.duration_s)  # the fact waited for is that nothing changes in this time

    assert [one.leads() for one in contenders].count(True) == 1
    assert leader.leads()
    assert leader.leadership.confirm()
    spec = rest.request("GET", LEASE_PATH)["spec"]
    assert spec["holderIdentity"] == leader.leadership.identity
    assert spec["leaseTransitions"] == leader.leadership.epoch
    assert len(spec["renewTime"].partition(".")[2]) == len("123456Z")
    assert not any(one.losses for one in contenders)


def test_a_lease_that_is_being_released_is_not_held_any_more(contend: Callable[[str], Contender]) -> None:
    leader = contend("leader")
    leader.thread.join()
    assert leader.leads()
    leader.leadership._stop.set()  # noqa: SLF001 - no renewal may come between
    held: list[bool] = []
    leader.client.on_write = lambda: held.append(leader.leads())
    leader.leadership.release()
    assert held[-1] is False, "another may lead before the answer is here"


def test_a_released_lease_is_taken_over_at_once_and_counts_up(contend: Callable[..., Contender]) -> None:
    first = contend("first", LONG)
    eventually(first.leads)
    second = contend("second", LONG)
    eventually(lambda: second.leadership.holder == "first")

    released_s = time.monotonic()
    first.leadership.release()
    eventually(second.leads)

    assert time.monotonic() - released_s < LONG.duration_s / 2, "it waited for the Lease to run out"
    assert second.leadership.epoch == first.leadership.epoch + 1
    assert not first.leads()
    assert not first.leadership.confirm()
    assert first.losses == []


def test_k15_a_stalled_leader_holds_still_before_another_takes_over(contend: Callable[[str], Contender]) -> None:
    first = contend("first")
    eventually(first.leads)
    second = contend("second")
    eventually(lambda: second.leadership.holder == "first")

    first.client.flowing.clear()
    eventually(lambda: not first.leads())
    assert not second.leads()
    eventually(second.leads)
    assert first.losses == []

    first.client.flowing.set()
    eventually(lambda: first.losses)
    assert not first.leads()
    assert not first.leadership.confirm()
    assert second.leadership.confirm()
    assert len(first.losses) == 1


def test_k1_a_long_outage_ends_no_leader_while_none_could_take_over(contend: Callable[[str], Contender]) -> None:
    leader = contend("leader")
    eventually(leader.leads)
    epoch = leader.leadership.epoch

    leader.client.flowing.clear()
    eventually(lambda: not leader.leads())
    time.sleep(QUICK.duration_s)  # longer than the Lease holds
    leader.client.flowing.set()

    eventually(leader.leads)
    assert leader.leadership.confirm()
    assert leader.leadership.epoch == epoch
    assert leader.losses == []


def test_a_short_outage_of_the_api_server_loses_nothing(contend: Callable[[str], Contender]) -> None:
    leader = contend("leader")
    eventually(leader.leads)
    epoch = leader.leadership.epoch

    leader.client.flowing.clear()
    time.sleep(QUICK.renew_s / 2)  # shorter than the deadline: nothing may happen in it
    leader.client.flowing.set()
    time.sleep(QUICK.duration_s)

    assert leader.leads()
    assert leader.leadership.confirm()
    assert leader.leadership.epoch == epoch
    assert leader.losses == []


def test_a_lease_deleted_under_its_holder_is_made_again_with_the_same_epoch(
    contend: Callable[[str], Contender], admin: RestClient
) -> None:
    first = contend("first")
    eventually(first.leads)
    first.leadership.release()
    second = contend("second")
    eventually(second.leads)
    epoch = second.leadership.epoch
    assert epoch > 0, "that of a new Lease would be the same"

    admin.request("DELETE", LEASE_PATH)
    eventually(lambda: lease_spec(admin).get("holderIdentity") == "second")

    assert second.leadership.confirm()
    assert second.leadership.epoch == lease_spec(admin)["leaseTransitions"] == epoch
    assert second.losses == []


@pytest.mark.parametrize(("holder", "shown"), [("somebody-else", "somebody-else"), ("", "no process")])
def test_a_lease_taken_away_by_hand_ends_the_leadership(
    contend: Callable[[str], Contender], admin: RestClient, holder: str, shown: str
) -> None:
    leader = contend("leader")
    eventually(leader.leads)

    body = {"spec": {"holderIdentity": holder}}
    admin.request("PATCH", LEASE_PATH, body=body, content_type="application/merge-patch+json")

    assert eventually(lambda: leader.losses) == [f"it is held by {shown}"]
    assert not leader.leads()


def lease_spec(rest: RestClient) -> Mapping[str, Any]:
    """The holder in the Lease; empty if there is no Lease."""
    items = rest.request("GET", LEASE_PATH.rpartition("/")[0])["items"]
    return items[0]["spec"] if items else {}


class Process:
    """A contender in a separate process."""

    def __init__(self, kubeconfig: Path, identity: str, timings: LeaseTimings) -> None:
        numbers = [str(timings.duration_s), str(timings.renew_s), str(timings.retry_s)]
        self.lines: list[list[str]] = []
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.kube.contender", str(kubeconfig), OPERATOR_NAMESPACE, identity, *numbers],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": f"{PROJECT / 'operator'}:{PROJECT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.split())

    def said(self, word: str) -> float | None:
        """When it printed this, on the machine's monotonic clock."""
        return next((float(line[0]) for line in self.lines if line[1] == word), None)

    def end(self) -> None:
        """Let it end by itself, else kill it."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.send_signal(signal.SIGCONT)
        self.popen.stdin.close()
        try:
            self.popen.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
        self._reader.join()
        self.popen.stdout.close()


@pytest.fixture
def processes(cluster: ControlPlane) -> Iterator[Callable[[int, LeaseTimings], list[Process]]]:
    """Starts contenders as processes. Returns when one of them leads and the others wait."""
    made: list[Process] = []

    def start(count: int, timings: LeaseTimings) -> list[Process]:
        kubeconfig = cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OPERATOR_NAMESPACE)
        made.extend(Process(kubeconfig, f"process-{number}", timings) for number in range(count))
        eventually(lambda: all(one.said("stands") for one in made) and leader_of(made), within_s=30)
        return made

    yield start
    for one in made:
        one.end()
    cluster.kubectl("delete", "leases", "--all", f"--namespace={OPERATOR_NAMESPACE}")


def leader_of(processes: list[Process]) -> Process | None:
    """Who leads among those that are alive."""
    return next((one for one in processes if one.said("leads") and one.popen.poll() is None), None)


def test_after_kill_9_another_leads_when_the_lease_ran_out(
    processes: Callable[[int, LeaseTimings], list[Process]], admin: RestClient
) -> None:
    contenders = processes(3, QUICK)
    leader = leader_of(contenders)
    assert leader is not None

    leader.popen.kill()
    leader.popen.wait()
    renewed_s = datetime.fromisoformat(lease_spec(admin)["renewTime"]).timestamp()
    successor = eventually(lambda: leader_of(contenders))
    time.sleep(QUICK.duration_s)

    # From the last renewal, not from the kill: how long before that it was, is the machine's affair.
    took_s = time.time() - (time.monotonic() - (successor.said("leads") or 0)) - renewed_s
    assert QUICK.duration_s - 0.1 <= took_s <= QUICK.duration_s + BUSY_S
    assert sum(one.said("leads") is not None for one in contenders) == 2, "the third must not lead as well"


def test_k15_a_leader_frozen_for_longer_than_the_lease_gives_up_as_soon_as_it_wakes(
    processes: Callable[[int, LeaseTimings], list[Process]],
) -> None:
    contenders = processes(2, QUICK)
    leader = leader_of(contenders)
    assert leader is not None
    other = next(one for one in contenders if one is not leader)

    leader.popen.send_signal(signal.SIGSTOP)
    eventually(lambda: other.said("leads"))
    woken_s = time.monotonic()
    leader.popen.send_signal(signal.SIGCONT)

    assert leader.popen.wait(timeout=10) == 3
    assert (leader.said("lost") or 0) - woken_s < QUICK.retry_s + BUSY_S / 2
    assert other.popen.poll() is None
