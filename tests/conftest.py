"""The real control plane, S3 server and operator for tests.

Each test process has one control plane and one S3 server, which start when a test first needs them. Each test has its
own namespace, bucket and StorageLocation. Tests that kill the control plane start their own.
"""

import asyncio
import logging
import os
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from localcluster import ControlPlane, MediaServer, OperatorProcess, S3Server, User
from localcluster.builds import ensure_tools
from localcluster.extratools import PROMTOOL
from localcluster.install import (
    OPERATOR_ACCOUNT,
    OPERATOR_NAMESPACE,
    credentials_secret,
    install,
    storage_location,
)
from localcluster.operatorprocess import POLICY
from localcluster.process import ComponentError
from localcluster.s3server import Credentials
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import NotFound, TooManyRequests
from recording_operator.kube.resources import RECORDINGS
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.chart.cluster import NAMESPACE, RESTRICTED, foreign_kind, make_namespace
from tests.support.nursery import ForkedOperator, Nursery
from tests.support.postgres import Postgres, a_postgres
from tests.support.waiting import eventually

# The same examples in every run, and none that fails because the machine is busy. HYPOTHESIS_PROFILE=explore draws new
# ones; what it finds becomes a separate test.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# A shell that runs this in the background ignores SIGINT, and every process started from here would
# inherit that; some tests press Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_STARTS = 3
S = TypeVar("S", ControlPlane, S3Server)
API_SERVER_ARGS = (
    "--goaway-chance=0.02",  # the highest there is
    "--shutdown-delay-duration=2s",
    "--shutdown-send-retry-after=true",
)
"""As behind a load balancer: clients are sent elsewhere now and then, and an end is announced."""
_SECRETS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
TENANT = "tenant"  # a user without any right until a test grants one
VIEWER = "viewer"  # the same


_OWN_SERVERS = ("bare_cluster", "rough_cluster")
"""Fixtures with a control plane of their own: all tests that use one run in the same process."""
_OF_A_FILE = ("module_operator", "browser", "tenancy")
"""Fixtures that take long and are made once for a file: its tests run in the same process."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests stay together: those that share a control plane of their own, and those of a file that share
    what takes long to make. All others go to whatever process is free.
    """
    for item in items:
        names: Iterable[str] = getattr(item, "fixturenames", ())
        group = next((name for name in _OWN_SERVERS if name in names), None)
        if group is None and any(name in names for name in _OF_A_FILE):
            group = str(item.path)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def free_thread(request: pytest.FixtureRequest) -> None:
    """Fails a test that begins in the event loop of another: a browser keeps one for the tests that use it."""
    with suppress(RuntimeError):
        loop = asyncio.get_running_loop()
        assert "browser" in request.fixturenames, f"An earlier test has left {loop} running."


@pytest.fixture(autouse=True)
def untouched_process() -> Iterator[None]:
    """Restores signal handlers, hooks and logs after a test: commands of the CLI run in the process of the test."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hooks, root = (sys.excepthook, threading.excepthook), logging.getLogger()
    kept, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.excepthook, threading.excepthook = hooks
    root.handlers[:] = kept
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(False)
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that is gone after the session (pytest's own keeps the last three, with every object in them)."""
    with tempfile.TemporaryDirectory(prefix="recording-operator-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def cluster(scratch: Path) -> Iterator[ControlPlane]:
    """A control plane with the CRDs and the operator's RBAC; `cluster.kubectl` is an administrator's."""
    users = [User(name=TENANT), User(name=VIEWER)]

    def make(folder: Path) -> ControlPlane:
        return ControlPlane(folder, users=users, api_server_args=API_SERVER_ARGS)

    with ExitStack() as stack:
        control_plane = _started(make, scratch / "control-plane", stack)
        install(control_plane.kubectl)
        yield control_plane


@pytest.fixture(scope="session")
def bare_cluster(scratch: Path) -> Iterator[ControlPlane]:
    """A control plane without anything of ours; it knows the kinds of the Prometheus Operator."""
    with ControlPlane(scratch / "bare-control-plane", users=[User(name=TENANT)]) as cluster:
        cluster.start()
        kinds = [
            foreign_kind(kind, "monitoring.coreos.com") for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule")
        ]
        cluster.kubectl.apply(*kinds, foreign_kind("HTTPRoute", "gateway.networking.k8s.io"))
        for name in ("elsewhere", "team-a", "team-b", "monitoring", "finance"):
            make_namespace(cluster, name)
        make_namespace(cluster, NAMESPACE, RESTRICTED)
        yield cluster


@pytest.fixture(scope="session")
def rough_cluster(scratch: Path) -> Iterator[ControlPlane]:
    """A control plane that may be broken: watches end after seconds, history is compacted each second."""
    arguments = ("--min-request-timeout=3", "--etcd-compaction-interval=1s")
    with ControlPlane(scratch / "rough-control-plane", api_server_args=arguments) as control_plane:
        control_plane.start()
        install(control_plane.kubectl)
        yield control_plane


@pytest.fixture(scope="session")
def s3(scratch: Path) -> Iterator[S3Server]:
    """A versitygw."""
    with ExitStack() as stack:
        yield _started(S3Server, scratch / "s3", stack)


def _started(make: Callable[[Path], S], folder: Path, stack: ExitStack) -> S:
    """A server for the whole session. It is started again with other ports if another process took one of them."""
    for attempt in range(_STARTS):
        server = stack.enter_context(make(folder / str(attempt)))
        try:
            server.start()
        except ComponentError:
            if attempt == _STARTS - 1:
                raise
        else:
            return server
    raise AssertionError("unreachable")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of a process; a test that stops it starts it again."""
    with a_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Evaluates rules and queries as Prometheus does."""
    return ensure_tools((PROMTOOL,))["promtool"]


@pytest.fixture
def media() -> Iterator[MediaServer]:
    """A sample media server for this test. `media.served` lists its requests."""
    with MediaServer() as server:
        yield server


@pytest.fixture(scope="session")
def admin(cluster: ControlPlane) -> Iterator[RestClient]:
    """An administrator's client."""
    client = RestClient(connection(kubeconfig=cluster.kubeconfig))
    eventually(lambda: _are_listed(client), what="the new API server lists Recordings")
    yield client
    client.close()


def _are_listed(client: RestClient) -> bool:
    with suppress(TooManyRequests):
        client.request("GET", RECORDINGS.collection(None))
        return True
    return False


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: ControlPlane) -> Path:
    """That of the operator's ServiceAccount."""
    return cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT)


@pytest.fixture
def namespace(admin: RestClient) -> Iterator[str]:
    """A namespace that is deleted after the test, Recordings with finalizers included."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    admin.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    yield name
    admin.request("DELETE", f"/api/v1/namespaces/{name}")
    release_recordings(admin, name)


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """An empty bucket with versions."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    s3.create_bucket(name, versioned=True)
    return name


class LocationFactory(Protocol):
    """Creates a StorageLocation for one test and returns its name.

    `credentials` default to the S3 server's root; `spec` is merged over the usual spec (one level deep in `s3`).
    """

    def __call__(
        self, *, spec: dict[str, Any] | None = None, credentials: Credentials | None = None, endpoint: str | None = None
    ) -> str: ...


@pytest.fixture
def location(
    cluster: ControlPlane, admin: RestClient, s3: S3Server, namespace: str, bucket: str
) -> Iterator[LocationFactory]:
    """Makes StorageLocations on the test's bucket, usable from the test's namespace, deleted after the test."""
    made: list[str] = []

    def make(
        *, spec: dict[str, Any] | None = None, credentials: Credentials | None = None, endpoint: str | None = None
    ) -> str:
        name = f"{namespace}-{len(made)}"
        cluster.kubectl.apply(
            credentials_secret(name, credentials or s3.root),
            storage_location(
                name,
                endpoint=endpoint or s3.endpoint,
                bucket=bucket,
                secret=name,
                namespaces=[namespace],
                spec=spec,
            ),
        )
        made.append(name)
        return name

    yield make
    for name in made:
        for path in (f"/apis/recordings.dev/v1alpha1/storagelocations/{name}", f"{_SECRETS}/{name}"):
            with suppress(NotFound):
                admin.request("DELETE", path)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery | None]:
    """Where operators are forked. A file that is about how operators start sets None instead."""
    with Nursery() as forking:
        yield forking


@pytest.fixture
def operators(
    admin: RestClient,
    operator_kubeconfig: Path,
    nursery: Nursery | None,
    namespace: str,  # noqa: ARG001 - so that the operators end before the namespace goes
    tmp_path: Path,
) -> Iterator[Callable[..., OperatorProcess]]:
    """Makes operators (not started) with the shipped RBAC. Those that still run after the test are killed.

    One with variables of its own is a program of its own, not forked: they may be for its interpreter. The Lease is
    deleted at the end: the next test's operator need not wait for the expiry of a dead one's.
    """
    made: list[OperatorProcess] = []

    def make(
        *,
        policy: Path = POLICY,
        arguments: tuple[str, ...] = (),
        kubeconfig: Path = operator_kubeconfig,
        environment: Mapping[str, str] | None = None,
    ) -> OperatorProcess:
        log = tmp_path / f"operator-{len(made)}.log"
        if nursery is None or environment:
            program = OperatorProcess(
                kubeconfig=kubeconfig, log=log, policy=policy, arguments=arguments, environment=environment
            )
        else:
            program = ForkedOperator(
                nursery=nursery, kubeconfig=kubeconfig, log=log, policy=policy, arguments=arguments
            )
        made.append(program)
        return program

    yield make
    for operator in made:
        operator.kill()
    admin.request("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases")


@pytest.fixture
def operator(operators: Callable[..., OperatorProcess]) -> OperatorProcess:
    """One operator, started and ready."""
    process = operators()
    process.start()
    return process


def release_recordings(admin: RestClient, namespace: str) -> None:
    """Take the finalizers off the Recordings of a namespace that is going: no operator is left to do it."""
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings"
    for item in admin.request("GET", path)["items"]:
        if item["metadata"].get("finalizers"):
            with suppress(NotFound):  # it may be gone by now
                admin.request(
                    "PATCH",
                    f"{path}/{item['metadata']['name']}",
                    body={"metadata": {"finalizers": None}},
                    content_type=MERGE_PATCH,
                )
