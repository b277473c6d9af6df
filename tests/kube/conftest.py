"""Clients of the real API server: the operator's own (with the chart's permissions) and an administrator's."""

from collections.abc import Callable, Iterator

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import Connection, connection
from recording_operator.kube.rest import RestClient
from recording_operator.kube.watch import WatchOptions
from tests.kube.observed import Observed


@pytest.fixture
def operator_connection(cluster: ControlPlane) -> Connection:
    """As the operator's ServiceAccount."""
    return connection_of_operator(cluster)


@pytest.fixture
def rest(operator_connection: Connection) -> Iterator[RestClient]:
    """As the operator's ServiceAccount."""
    client = RestClient(operator_connection)
    yield client
    client.close()


@pytest.fixture
def api(rest: RestClient) -> KubeApi:
    """As the operator's ServiceAccount."""
    return KubeApi(rest)


@pytest.fixture
def watch() -> Iterator[Callable[..., Observed]]:
    """Starts watchers in separate threads; those that still run after the test are stopped."""
    made: list[Observed] = []

    def start(where: Connection, options: WatchOptions | None = None, *, failing: bool = False) -> Observed:
        made.append(Observed(failing=failing))
        made[-1].start(where, options)
        return made[-1]

    yield start
    for observed in made:
        observed.stop()


def connection_of_operator(cluster: ControlPlane) -> Connection:
    """The operator's own connection to a cluster."""
    path = cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT)
    return connection(kubeconfig=path)
