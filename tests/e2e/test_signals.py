"""The end of an operator: bursts of signals, and dependencies that do not respond."""

import signal
import time
from pathlib import Path
from typing import Final

import pytest

from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE
from localcluster.ports import LOOPBACK
from localcluster.process import Process
from tests.support.proxy import TcpProxy, kubeconfig_through, port_of
from tests.support.uploads import slow_upload, wait_share
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def nursery() -> None:
    """Operators are started as users start them, not forked."""


BURST_S: Final = 0.5  # shorter than what counts as a second request


def send_burst(process: Process) -> None:
    """SIGTERM and SIGINT in turn, as fast as this machine does it."""
    until_s = time.monotonic() + BURST_S
    while time.monotonic() < until_s and process.running:
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGINT)


def test_a_burst_of_signals_ends_an_operator_in_order(own_world: World) -> None:
    first = own_world.start_operator()
    recording = slow_upload(own_world)
    wait_share(first, 0.2)

    send_burst(first.process)

    own_world.terminate(first)  # exit status 0, within the grace
    assert recording.wait_phase("Pending", reason="Interrupted")["attempts"] == 0
    own_world.start_operator()
    assert recording.wait_phase("Complete")["attempts"] == 0
    assert len(recording.upload_ids()) == 1


def test_sigterm_during_a_start_against_an_api_server_that_does_not_respond(own_world: World, tmp_path: Path) -> None:
    cluster = own_world.cluster
    account = cluster.service_account_kubeconfig(
        namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT, path=tmp_path / "account"
    )
    with TcpProxy(port_of(cluster.server)) as proxy:
        proxy.block()
        way = kubeconfig_through(proxy, account, server=cluster.server, to=tmp_path / "through-proxy")
        operator = own_world.launch_operator(kubeconfig=way)
        eventually(lambda: proxy.accepted, within_s=20, what="a request to the API server")
        own_world.terminate(operator)


def test_sigterm_while_a_store_does_not_respond_to_the_check_of_its_location(own_world: World) -> None:
    operator = own_world.start_operator()
    own_world.wait_location("ProbeSucceeded")
    with TcpProxy(own_world.s3.port) as proxy:
        proxy.block()
        own_world.make_location(endpoint=f"http://{LOOPBACK}:{proxy.port}")
        eventually(lambda: proxy.accepted, within_s=20, what="a request to the store")
        begun_s = time.monotonic()
        own_world.terminate(operator)
        assert time.monotonic() - begun_s < 5, "the end waited for the store"
