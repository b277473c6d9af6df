"""Faults of the API server during an upload: transfers continue, no byte is read twice, and events arrive again."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import yaml

from localcluster import API_SERVER, ETCD, OperatorProcess
from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, PROJECT, operator_objects
from localcluster.ports import LOOPBACK
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import KubeError
from tests.support import audit
from tests.support.measured import Measure
from tests.support.proxy import TcpProxy, kubeconfig_through, port_of
from tests.support.recordings import Artifact, Live, from_media, inline
from tests.support.uploads import PROBES, READ_AGAIN, SIZE, read_bytes, slow_upload, wait_share
from tests.support.waiting import eventually
from tests.support.world import World, moved_bytes

pytestmark = pytest.mark.cluster

AGAIN_WITHIN_S: Final = 30.0
LINES_OF_AN_OUTAGE: Final = 6
_ACCOUNT: Final = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
_FLOW_API: Final = "flowcontrol.apiserver.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the operator reaches the API server."""

    proxy: TcpProxy
    kubeconfig: Path
    token: Path
    rights_taken: list[audit.Span]


@pytest.fixture
def way(own_world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Way]:
    """Through a proxy, with a token in a file."""
    cluster = own_world.cluster
    made = cluster.service_account_kubeconfig(
        namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT, path=tmp_path / "made"
    )
    config = yaml.safe_load(made.read_text())
    token = tmp_path / "token"
    token.write_text(config["users"][0]["user"].pop("token"))
    config["users"][0]["user"]["tokenFile"] = token.name
    made.write_text(json.dumps(config))
    with TcpProxy(port_of(cluster.server)) as proxy:
        path = kubeconfig_through(proxy, made, server=cluster.server, to=tmp_path / "through-proxy")
        taken = request.config.stash.setdefault(audit.TAKEN, [])
        yield Way(proxy=proxy, kubeconfig=path, token=token, rights_taken=taken)


Fault = Callable[[World, Way], AbstractContextManager[None]]


@contextmanager
def killed(world: World, _way: Way) -> Iterator[None]:
    world.cluster.kill_component(API_SERVER)
    yield
    world.cluster.start_component(API_SERVER)


@contextmanager
def frozen(world: World, _way: Way) -> Iterator[None]:
    world.cluster.freeze_component(API_SERVER)
    yield
    world.cluster.thaw_component(API_SERVER)


@contextmanager
def without_etcd(world: World, _way: Way) -> Iterator[None]:
    world.cluster.kill_component(ETCD)
    yield
    world.cluster.start_component(ETCD)


@contextmanager
def refused(_world: World, way: Way) -> Iterator[None]:
    way.proxy.refuse()
    yield
    way.proxy.heal()


@contextmanager
def half_open(_world: World, way: Way) -> Iterator[None]:
    """All connections swallow what is sent, and so do new ones."""
    way.proxy.block()
    yield
    way.proxy.heal()


@contextmanager
def dead_token(_world: World, way: Way) -> Iterator[None]:
    token = way.token.read_text()
    way.token.write_text("dead")
    way.proxy.cut()
    yield
    way.token.write_text(token)


@contextmanager
def without_rights(world: World, way: Way) -> Iterator[None]:
    began = datetime.now(UTC)
    world.cluster.kubectl("delete", "clusterrolebinding", OPERATOR_ACCOUNT)
    way.proxy.cut()
    yield
    world.cluster.kubectl.apply(*operator_objects())
    way.rights_taken.append((began, datetime.now(UTC) + timedelta(seconds=5)))


@contextmanager
def cut_every_5_s(_world: World, way: Way) -> Iterator[None]:
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(5):
            way.proxy.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    yield
    stop.set()
    thread.join()


@contextmanager
def throttled(world: World, way: Way) -> Iterator[None]:
    """Every request of the operator gets 429: its share of the API server is zero.

    Even then the server admits one request at a time, so a request that does not end blocks all others.
    """
    shares = {"nominalConcurrencyShares": 0, "borrowingLimitPercent": 0}
    nothing = {"type": "Limited", "limited": {**shares, "limitResponse": {"type": "Reject"}}}
    subjects = [
        {"kind": "ServiceAccount", "serviceAccount": {"namespace": OPERATOR_NAMESPACE, "name": OPERATOR_ACCOUNT}}
    ]
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
    world.cluster.kubectl.apply(
        {
            "apiVersion": _FLOW_API,
            "kind": "PriorityLevelConfiguration",
            "metadata": {"name": "nothing"},
            "spec": nothing,
        },
        {
            "apiVersion": _FLOW_API,
            "kind": "FlowSchema",
            "metadata": {"name": "nothing"},
            "spec": {
                "priorityLevelConfiguration": {"name": "nothing"},
                "matchingPrecedence": 2,  # 1 is for `exempt` alone
                "rules": [{"subjects": subjects, "resourceRules": [everything]}],
            },
        },
    )
    held = eventually(lambda: endless_request(way), within_s=20, what="a request that stands in the way")
    yield
    world.cluster.kubectl("delete", "flowschema/nothing", "prioritylevelconfiguration/nothing")
    held.close()


def endless_request(way: Way) -> ssl.SSLSocket | None:
    """A request of the operator's account whose body never arrives; None if it was rejected."""
    server = connection(kubeconfig=way.kubeconfig)
    sent = socket.create_connection((LOOPBACK, way.proxy.port), timeout=10)
    made = server.ssl_context().wrap_socket(sent, server_hostname=LOOPBACK)
    lines = (
        "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews HTTP/1.1",
        f"Host: {LOOPBACK}",
        f"Authorization: Bearer {server.token.current()}",
        "Content-Type: application/json",
        "Content-Length: 1000",
    )
    made.sendall("\r\n".join((*lines, "", "{")).encode())
    made.settimeout(1)
    try:
        made.recv(1)
    except TimeoutError:
        return made
    made.close()
    return None


@contextmanager
def crds_applied_again(world: World, _way: Way) -> Iterator[None]:
    name = "recordings.recordings.dev"
    for number in range(3):
        note = f'{{"metadata": {{"annotations": {{"applied": "{number}"}}}}}}'
        world.cluster.kubectl("patch", "crd", name, "--type=merge", f"--patch={note}")
        version = [{"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/description", "value": f"{number}"}]
        world.cluster.kubectl("patch", "crd", name, "--type=json", f"--patch={json.dumps(version)}")
    world.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(PROJECT / "crds"))
    yield


@pytest.mark.faults
@pytest.mark.parametrize(
    ("fault", "seconds", "is_outage"),
    [
        pytest.param(killed, 20, True, id="API server killed"),
        pytest.param(frozen, 60, True, id="API server stopped (SIGSTOP) for 60 s"),
        pytest.param(without_etcd, 20, False, id="etcd killed"),
        pytest.param(refused, 20, True, id="connections refused"),
        pytest.param(half_open, 45, True, id="half-open connections"),
        pytest.param(dead_token, 20, False, id="expired token"),
        pytest.param(without_rights, 75, False, id="RBAC removed"),
        pytest.param(cut_every_5_s, 30, False, id="connections cut every 5 s"),
        pytest.param(throttled, 20, True, id="429 for everything"),
        pytest.param(crds_applied_again, 5, False, id="CRDs applied again"),
    ],
)
def test_bytes_flow_on_and_events_flow_again(
    own_world: World,
    way: Way,
    measured: Measure,
    request: pytest.FixtureRequest,
    fault: Fault,
    seconds: float,
    is_outage: bool,
) -> None:
    world = own_world
    operator = world.start_operator(kubeconfig=way.kubeconfig)
    recording = slow_upload(world, rate=f"{int(SIZE / 4 / (seconds + 15) / 1024)}KiB")
    wait_share(operator, 0.1)
    before, log_before = moved_bytes(operator), len(operator.log_text().splitlines())

    with fault(world, way):
        time.sleep(seconds)
        moved = moved_bytes(operator) - before
    log = operator.log_text().splitlines()[log_before:]
    began_s = time.monotonic()
    # Another control Recording: the rest of the fault must not delay it.
    create_at_last(world).wait_phase("Complete", within_s=90)
    took_s = time.monotonic() - began_s

    name = request.node.callspec.id
    measured(f"until events flow again after: {name}", took_s)
    status = recording.wait_phase("Complete", within_s=120)
    assert moved > 0.3 * SIZE * seconds / (seconds + 15), "the bytes did not flow meanwhile"
    assert took_s <= AGAIN_WITHIN_S
    assert status["attempts"] == 0
    assert len(recording.upload_ids()) == 1
    assert [served.range for served in world.media.served].count("bytes=0-65535") == 1, "it was begun anew"
    assert read_bytes(world) <= SIZE + PROBES
    loud = [line for line in log if json.loads(line)["level"] in ("WARNING", "ERROR", "CRITICAL")]
    assert len(loud) <= LINES_OF_AN_OUTAGE, "\n".join(loud)
    assert not is_outage or any("is unavailable" in line for line in loud), loud


def create_at_last(world: World) -> Live:
    """Create a small Recording as soon as the API server lets us."""
    made: list[Live] = []

    def try_it() -> bool:
        try:
            made.append(world.create(inline("{}"), name="after"))
        except KubeError:
            return False
        return True

    eventually(try_it, within_s=30, what="the API server takes a Recording")
    return made[0]


@pytest.mark.faults
def test_cut_connections_are_not_an_outage(own_world: World, way: Way) -> None:
    world = own_world
    operator = world.start_operator(kubeconfig=way.kubeconfig)
    # Slower than the store: what waits in a socket when another worker takes over the rest is read twice.
    recording = slow_upload(world, rate="4MB")
    for share in (0.2, 0.5, 0.8):
        wait_share(operator, share)
        assert way.proxy.cut() > 0
    recording.wait_phase("Complete")
    world.create(inline("{}"), name="after").wait_phase("Complete")
    served = [(found.range, found.sent_bytes) for found in world.media.served]
    assert read_bytes(world) <= SIZE + PROBES, served
    assert not [line for line in operator.log_text().splitlines() if json.loads(line)["level"] != "INFO"]


@pytest.mark.faults
def test_a_namespace_that_terminates_during_an_upload(own_world: World, measured: Measure) -> None:
    world = own_world
    world.location = world.make_location(spec={"deletionPolicies": ["Retain", "Delete"]})
    operator = world.start_operator()
    recording = world_of_both_policies(world, operator)
    began_s = time.monotonic()

    world.cluster.kubectl("delete", "namespace", world.namespace, "--wait=false")

    for live in recording:
        live.wait_gone(within_s=60)
        world.removed.add(live.uid)
    gone = ("get", "namespace", world.namespace, "--ignore-not-found", "--output=name")
    eventually(lambda: not world.cluster.kubectl(*gone).strip(), within_s=60, what="the namespace is gone")
    measured("until a namespace with uploads under way is gone", time.monotonic() - began_s)
    eventually(lambda: not world.open_uploads(), within_s=30, what="the uploads are aborted")
    world.cluster.kubectl("create", "namespace", world.namespace)  # the fixture deletes it again


def world_of_both_policies(world: World, operator: OperatorProcess) -> list[Live]:
    """One Recording that is being uploaded for each deletionPolicy, and one that waits."""
    made = [slow_upload(world, rate="1MB"), slow_upload_with_deletion(world)]
    for live in made:
        live.wait_upload()
    made.append(world.create(inline("{}"), name="suspended", suspend=True))
    assert moved_bytes(operator) >= 0
    return made


def slow_upload_with_deletion(world: World) -> Live:
    """As slow_upload, its object to go with the Recording."""
    live = slow_upload(world, rate="1MB", name="deletes")
    live.edit(deletionPolicy="Delete")
    return live


@pytest.mark.faults
def test_the_largest_recording_that_the_schema_allows(own_world: World, measured: Measure) -> None:
    world = own_world
    world.start_operator()
    artifacts = [
        *(large_inline(number) for number in range(16)),  # 256 KiB, together
        *(from_media(world.media, name=f"video-{number}", size_bytes=1000, pad="x" * 7700) for number in range(48)),
    ]
    began_s = time.monotonic()
    live = world.create(*artifacts, name="large")
    padding = {f"example.com/{number}": "x" * 65_000 for number in range(4)}
    body = {"metadata": {"annotations": padding}}
    world.admin.request("PATCH", live.path, body=body, content_type="application/merge-patch+json")

    live.wait_phase("Complete", within_s=90)

    size_bytes = len(json.dumps(live.read()))
    measured(f"from apply to Complete of a Recording of {size_bytes / 1e6:.2f} MB", time.monotonic() - began_s)
    assert size_bytes > 900_000


def large_inline(number: int) -> Artifact:
    """An artifact of 16 KiB in the spec."""
    made = inline(json.dumps(f"{number:05d}" + "x" * (16 * 1024 - 7)))
    return Artifact(spec={**made.spec, "name": f"summary-{number}"}, expected=made.expected)


@pytest.mark.faults
def test_a_status_forged_during_an_upload_is_ignored(own_world: World) -> None:
    world = own_world
    operator = world.start_operator()
    recording = slow_upload(world, rate="20MB")
    wait_share(operator, 0.2)
    status = recording.read()["status"]
    forged = {"phase": "Uploading", "bytesDone": 10**12, "claim": {**status["claim"], "holder": "mallory"}}
    stored = status["artifacts"]
    artifacts = [{**artifact, "key": "of/somebody/else", "uploadId": "0", "bytesDone": 1} for artifact in stored]

    world.admin.request(
        "PATCH",
        f"{recording.path}/status",
        body={"status": {**forged, "artifacts": artifacts}},
        content_type="application/merge-patch+json",
    )

    status = recording.wait_phase("Complete", within_s=60)
    assert status["bytesDone"] == SIZE
    assert status["artifacts"][0]["key"] == stored[0]["key"]
    assert read_bytes(world) <= SIZE * 2 + READ_AGAIN
