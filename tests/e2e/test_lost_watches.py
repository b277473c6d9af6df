"""A watch that cannot continue at its position, and an API server that sends GOAWAY."""

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from localcluster import API_SERVER, ControlPlane
from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE
from tests.support import audit
from tests.support.measured import Measure
from tests.support.proxy import TcpProxy, kubeconfig_through, port_of
from tests.support.recordings import from_media, inline
from tests.support.uploads import slow_upload, wait_share
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

AGAIN_WITHIN_S: Final = 30.0
SWEPT_WITHIN_S: Final = 150.0  # finished Recordings are looked through when a list is new, every two minutes at most
MANY: Final = 60
API_CONNECTIONS: Final = 16  # that the operator's client keeps
_USER: Final = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
_LIST: Final = ("recordings.dev", "recordings", "list")
_WATCH: Final = ("recordings.dev", "recordings", "watch")


@pytest.fixture
def proxy(cluster: ControlPlane) -> Iterator[TcpProxy]:
    """Between the operator and the API server."""
    with TcpProxy(port_of(cluster.server)) as made:
        yield made


def through(proxy: TcpProxy, cluster: ControlPlane, folder: Path) -> Path:
    """The operator's kubeconfig, through the proxy."""
    made = cluster.service_account_kubeconfig(
        namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT, path=folder / "made.kubeconfig"
    )
    return kubeconfig_through(proxy, made, server=cluster.server, to=folder / "through-proxy.kubeconfig")


def asked(cluster: ControlPlane, right: audit.Right, since: datetime) -> int:
    """How often the operator sent this request since then."""
    return sum(found == right for found, _ in audit.asked(cluster, user=_USER, since=since))


def compact(cluster: ControlPlane) -> None:
    """Remove all history from etcd, and from the API server's memory (by a restart)."""
    cluster.kill_component(API_SERVER)
    now = etcd(cluster, "range", {"key": "AA=="})["header"]
    etcd(cluster, "compaction", {"revision": now["revision"], "physical": True})
    cluster.start_component(API_SERVER)


def etcd(cluster: ControlPlane, method: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
    """Send a request to etcd's JSON gateway."""
    url = f"{cluster.etcd_url}/v3/kv/{method}"
    with urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(body).encode()), timeout=10) as answer:
        parsed: dict[str, dict[str, str]] = json.load(answer)
    return parsed


def test_events_lost_by_a_compaction_are_found(
    own_world: World, proxy: TcpProxy, measured: Measure, tmp_path: Path
) -> None:
    """The watch gets 410 and everything is listed again: what was made, edited, deleted, finished or cancelled."""
    world = own_world
    operator = world.start_operator(kubeconfig=through(proxy, world.cluster, tmp_path))
    flowing = slow_upload(world, rate="300KiB", name="flowing")
    deleted = slow_upload(world, rate="300KiB", name="deleted")
    waiting = world.create(inline("{}"), name="waiting", suspend=True)
    finished = world.create(inline("{}"), name="finished")
    waiting.wait_phase("Pending", reason="Suspended")
    finished.wait_phase("Complete")
    for live in (flowing, deleted):
        live.wait_upload()
    wait_share(operator, 0.05)

    proxy.refuse()
    deleted.delete()
    world.removed.add(deleted.uid)
    waiting.edit(suspend=False)
    flowing.edit(cancel=True)
    world.append(finished, from_media(world.media, name="audio", size_bytes=1000))
    made = world.create(inline("{}"), name="made")
    compact(world.cluster)
    made.edit(priority=3)  # the API server has a history again, which begins after the operator's last resourceVersion
    healed = datetime.now(UTC)
    proxy.heal()

    began_s = time.monotonic()
    for live in (made, waiting):
        live.wait_phase("Complete", within_s=AGAIN_WITHIN_S)
    flowing.wait_phase("Failed", reason="Cancelled", within_s=AGAIN_WITHIN_S)
    eventually(lambda: not world.open_uploads(), within_s=AGAIN_WITHIN_S, what="the uploads are aborted")
    measured("until events flow again after: history compacted (410)", time.monotonic() - began_s)
    finished.wait_phase("Complete", within_s=SWEPT_WITHIN_S)
    measured("until an edit of a finished Recording is seen after: history compacted", time.monotonic() - began_s)
    assert asked(world.cluster, _LIST, healed) >= 1, "it went on from where it was: nothing was compacted"
    assert "The watcher stopped" not in operator.log_text()
    assert len(finished.read()["status"]["artifacts"]) == 2


def test_an_api_server_that_ends_in_good_order(
    own_world: World, proxy: TcpProxy, measured: Measure, tmp_path: Path
) -> None:
    """SIGTERM: it sends `Connection: close` and 429 for a while, ends the watches, stops, and starts again."""
    world = own_world
    operator = world.start_operator(kubeconfig=through(proxy, world.cluster, tmp_path))
    recording = slow_upload(world, rate="1MB")
    wait_share(operator, 0.1)

    world.cluster.stop_component(API_SERVER)
    world.cluster.start_component(API_SERVER)

    began_s = time.monotonic()
    world.create(inline("{}"), name="after").wait_phase("Complete", within_s=AGAIN_WITHIN_S)
    measured("until events flow again after: API server ended with SIGTERM and started", time.monotonic() - began_s)
    recording.wait_phase("Complete", within_s=120)
    assert len(recording.upload_ids()) == 1


def test_goaway_reaches_no_client_of_the_operator(own_world: World, proxy: TcpProxy, tmp_path: Path) -> None:
    """The server of these tests sends GOAWAY for each 50th request. It is a frame of HTTP/2, not of HTTP/1.1."""
    world = own_world
    world.start_operator(kubeconfig=through(proxy, world.cluster, tmp_path))
    world.create(inline("{}"), name="first").wait_phase("Complete")
    begun, connections = datetime.now(UTC), proxy.accepted

    made = [world.create(inline("{}"), name=f"many-{number}") for number in range(MANY)]
    for live in made:
        live.wait_phase("Complete", within_s=90)

    assert asked(world.cluster, ("recordings.dev", "recordings/status", "patch"), begun) >= MANY
    assert asked(world.cluster, _WATCH, begun) == 0, "the watch was broken"
    assert proxy.accepted - connections <= API_CONNECTIONS, "connections were ended"
