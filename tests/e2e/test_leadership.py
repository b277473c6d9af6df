"""Two and three operators: which one works, how soon another takes over. A frozen or cut-off leader changes nothing."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from localcluster import ControlPlane, OperatorProcess
from localcluster.install import OPERATOR_NAMESPACE, operator_objects
from tests.support.measured import Measure
from tests.support.proxy import TcpProxy, kubeconfig_through, port_of
from tests.support.recordings import from_media
from tests.support.skewed_clock import SkewedClock, needs_compiler
from tests.support.sockets import held_bytes
from tests.support.uploads import READ_AGAIN, SIZE, read_bytes, slow_upload, wait_share
from tests.support.waiting import eventually
from tests.support.world import World, leader_of, moved_bytes

pytestmark = pytest.mark.cluster

DEFAULT_LEASE: Final = {"duration": "15s", "renew": "10s", "retry": "2s"}
TAKE_OVER_S: Final = 17.0
HAND_OVER_S: Final = 2.0
BUSY_S: Final = 2.0  # what a busy machine may add
WAKES_S: Final = 3 * BUSY_S  # to ask for the Lease, and to end
LOST: Final = 3
CHANGES: Final = frozenset({"create", "update", "patch", "delete"})
OTHER: Final = "recording-operator-other"


@pytest.fixture
def other_kubeconfig(cluster: ControlPlane, tmp_path: Path) -> Iterator[Path]:
    """Kubeconfig of a second ServiceAccount with the same rights, so that the audit log distinguishes two operators."""
    objects = []
    for made in operator_objects():
        if made["kind"] in ("ClusterRoleBinding", "RoleBinding"):
            subjects = [{**made["subjects"][0], "name": OTHER}]
            name = f"{made['metadata']['name']}-other"
            objects.append({**made, "metadata": {**made["metadata"], "name": name}, "subjects": subjects})
    account = {"metadata": {"name": OTHER, "namespace": OPERATOR_NAMESPACE}}
    cluster.kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", **account}, *objects)
    yield cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OTHER, path=tmp_path / "other")
    for made in objects:
        where = f"--namespace={made['metadata'].get('namespace', '')}"
        cluster.kubectl("delete", where, made["kind"].lower(), made["metadata"]["name"])
    cluster.kubectl("delete", f"--namespace={OPERATOR_NAMESPACE}", f"serviceaccount/{OTHER}")


def changes_by(cluster: ControlPlane, account: str) -> list[tuple[str, ...]]:
    """What this ServiceAccount has changed: each change that the API server has accepted."""
    user = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{account}"
    return [
        (event["requestReceivedTimestamp"], event["verb"], event["requestURI"])
        for event in cluster.audit_events()
        if event["verb"] in CHANGES
        and event["user"].get("username") == user  # without a valid token there is none
        and event["objectRef"]["resource"] != "selfsubjectaccessreviews"
        and event["responseStatus"]["code"] < 300
    ]


def leads(operator: OperatorProcess) -> bool:
    """Whether the response says so."""
    return "recording_operator_leader 1.0" in operator.metrics()


def new_leader(world: World, before: str, *, within_s: float) -> float:
    """Wait until another than `before` holds the Lease; seconds from the call."""
    begun_s = time.monotonic()
    eventually(lambda: leader_of(world) not in (before, ""), within_s=within_s, what="a new leader", poll_s=0.02)
    return time.monotonic() - begun_s


def wait_lost(world: World, operator: OperatorProcess) -> None:
    """Wait until an operator has ended because it lost the Lease."""
    world.running.remove(operator)
    assert operator.wait(timeout_s=20) == LOST, operator.log_text()[-2000:]


@pytest.mark.faults
@pytest.mark.parametrize("operators_in_all", [2, 3])
def test_kill_9_of_the_leader(own_world: World, measured: Measure, operators_in_all: int) -> None:
    world = own_world
    for _ in range(operators_in_all):
        world.start_operator(lease=DEFAULT_LEASE)
    recording = slow_upload(world, rate="2MB")
    for _ in range(operators_in_all - 1):
        leader = eventually(lambda: next((one for one in world.running if leads(one)), None), within_s=10)
        wait_share(leader, 0.2)
        before = leader_of(world)
        world.kill(leader)
        took_s = new_leader(world, before, within_s=TAKE_OVER_S + BUSY_S)
        measured(f"from kill -9 to the next leader, {operators_in_all} operators, Lease 15/10/2 s", took_s)
        assert took_s <= TAKE_OVER_S

    recording.wait_phase("Complete", within_s=120)
    assert len(recording.upload_ids()) == 1
    assert read_bytes(world) <= SIZE + (operators_in_all - 1) * READ_AGAIN


def test_sigterm_of_an_idle_leader(own_world: World, measured: Measure) -> None:
    world = own_world
    leader = world.start_operator(lease=DEFAULT_LEASE)
    standby = world.start_operator(lease=DEFAULT_LEASE)
    world.create(from_media(world.media)).wait_phase("Complete")
    before, begun_s = leader_of(world), time.monotonic()

    leader.terminate()
    new_leader(world, before, within_s=HAND_OVER_S + 3 * BUSY_S)  # half of what a Lease that runs out would take

    took_s = time.monotonic() - begun_s
    measured("from SIGTERM to the next leader, Lease 15/10/2 s", took_s)
    assert took_s <= HAND_OVER_S + 3 * BUSY_S
    world.running.remove(leader)
    assert leader.wait(timeout_s=10) == 0
    eventually(lambda: leads(standby), what="the metric of the new leader")
    world.create(from_media(world.media), name="after").wait_phase("Complete")


def test_a_leader_frozen_for_longer_than_the_lease_writes_nothing_when_it_wakes(
    own_world: World, other_kubeconfig: Path
) -> None:
    world = own_world
    frozen = world.start_operator(kubeconfig=other_kubeconfig)
    world.start_operator()
    recording = slow_upload(world)
    wait_share(frozen, 0.3)
    before = leader_of(world)

    frozen.process.freeze()
    new_leader(world, before, within_s=15)
    recording.wait_phase("Complete")
    changes = changes_by(world.cluster, OTHER)
    # What the server has sent and the frozen process has not read: up to 16 MiB for each connection.
    held = held_bytes(world.media.port)
    begun_s = time.monotonic()
    frozen.process.thaw()

    wait_lost(world, frozen)
    assert time.monotonic() - begun_s <= WAKES_S, "a woken leader worked on"
    assert changes_by(world.cluster, OTHER) == changes, "a woken leader has written"
    holders = [version["status"]["claim"]["holder"] for version in recording.versions() if "claim" in version["status"]]
    assert list(dict.fromkeys(holders)) == [before, leader_of(world)]
    # When it wakes, it reads on for a moment, until the API server reports another leader.
    assert read_bytes(world) - held <= SIZE + 2 * READ_AGAIN


@pytest.mark.faults
def test_a_leader_woken_in_the_middle_of_the_other_s_upload(own_world: World, other_kubeconfig: Path) -> None:
    world = own_world
    frozen = world.start_operator(kubeconfig=other_kubeconfig)
    standby = world.start_operator()
    recording = slow_upload(world, rate="4MB")
    wait_share(frozen, 0.3)
    before = leader_of(world)

    frozen.process.freeze()
    new_leader(world, before, within_s=15)
    wait_share(standby, 0.2)
    changes = changes_by(world.cluster, OTHER)
    frozen.process.thaw()

    wait_lost(world, frozen)
    recording.wait_phase("Complete")
    assert changes_by(world.cluster, OTHER) == changes, "a woken leader has written"
    assert len(recording.upload_ids()) == 1


@pytest.mark.faults
@pytest.mark.parametrize("how", ["refuse", "block"])
def test_only_the_leader_s_way_to_the_api_server_is_cut(
    own_world: World, other_kubeconfig: Path, measured: Measure, how: str
) -> None:
    world = own_world
    with TcpProxy(port_of(world.cluster.server)) as proxy:
        way = kubeconfig_through(
            proxy, other_kubeconfig, server=world.cluster.server, to=world.folder / "through-proxy"
        )
        cut_off = world.start_operator(kubeconfig=way, lease=DEFAULT_LEASE)
        world.start_operator(lease=DEFAULT_LEASE)
        recording = slow_upload(world, rate="1500KB")
        wait_share(cut_off, 0.2)
        before = leader_of(world)

        getattr(proxy, how)()
        moved = moved_bytes(cut_off)
        took_s = new_leader(world, before, within_s=TAKE_OVER_S + BUSY_S)
        measured(f"from the cut of the leader's way ({how}) to the next leader, Lease 15/10/2 s", took_s)
        assert took_s <= TAKE_OVER_S
        assert moved_bytes(cut_off) > moved, "its bytes stopped flowing"
        recording.wait_phase("Complete", within_s=120)
        changes = changes_by(world.cluster, OTHER)
        proxy.heal()

        wait_lost(world, cut_off)
        assert changes_by(world.cluster, OTHER) == changes, "the old leader has written"


@pytest.mark.faults
@needs_compiler
def test_a_leader_whose_clock_is_an_hour_ahead(own_world: World, measured: Measure, tmp_path: Path) -> None:
    world = own_world
    clock = SkewedClock(tmp_path)
    clock.set(ahead_s=3600)
    skewed = world.start_operator(lease=DEFAULT_LEASE, environment=clock.environment)
    standby = world.start_operator(lease=DEFAULT_LEASE)
    before = leader_of(world)
    recording = slow_upload(world, rate="10MB")
    world.wait_location("ClockSkew")  # S3 takes no signature of another time
    recording.wait_phase("Pending", reason="LocationNotReady")
    time.sleep(2 * 15)  # longer than the Lease
    assert leader_of(world) == before, "the clock of one made the other take over"
    assert not leads(standby)

    world.kill(skewed)
    took_s = new_leader(world, before, within_s=TAKE_OVER_S + BUSY_S)

    measured("from kill -9 of a leader an hour ahead to the next leader, Lease 15/10/2 s", took_s)
    assert took_s <= TAKE_OVER_S
    recording.wait_phase("Complete", within_s=60)
    assert len(recording.upload_ids()) == 1
    assert read_bytes(world) <= SIZE + READ_AGAIN
