"""A world for each end-to-end test. The invariants are checked when the test has passed."""

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane, MediaServer, OperatorProcess, S3Server
from localcluster.install import (
    OPERATOR_ACCOUNT,
    OPERATOR_NAMESPACE,
    credentials_secret,
    storage_location,
)
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.support import audit
from tests.support.forbidden import ForbiddenListener
from tests.support.history import History
from tests.support.invariants import check_invariants
from tests.support.measured import Measure, note, show
from tests.support.nursery import ForkedOperator, Nursery
from tests.support.recordings import Live, a_recording, inline, path_of
from tests.support.reports import Report, ReportFactory
from tests.support.world import LOCATIONS, World, write_settings

CONTROL = "control"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was measured."""
    show(terminalreporter, config)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measure:
    """`measured(what, seconds)` shows a figure at the end of the run (of one process: not with `-n`)."""
    return partial(note, request.config)


@pytest.fixture(scope="session", autouse=True)
def _no_right_is_missed(cluster: ControlPlane, request: pytest.FixtureRequest) -> Iterator[None]:
    """After the last test: the operator had only the chart's permissions, and no request lacked one.

    But for Secrets of tenants: where a namespace's owner has bound nothing, being refused is how the operator knows.
    A server that has just come back knows nobody's rights for a moment: what was granted at another time is not missed.
    """
    yield
    user = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
    taken = request.config.stash.setdefault(audit.TAKEN, [])
    missed = audit.forbidden(cluster, user=user, taken=taken) - audit.granted(cluster, user=user)
    ours = {(right, place) for right, place in missed if right[1] != "secrets" or place == OPERATOR_NAMESPACE}
    assert ours == set(), f"rights that the operator missed: {ours}"


@pytest.fixture(scope="session")
def history(cluster: ControlPlane) -> Iterator[History]:
    """What became of every Recording."""
    with History(cluster.kubectl) as watched:
        yield watched


@pytest.fixture
def forbidden() -> Iterator[ForbiddenListener]:
    """An address that the settings deny."""
    with ForbiddenListener() as listener:
        yield listener


@pytest.fixture(scope="session")
def control_location(cluster: ControlPlane, s3: S3Server) -> str:
    """A namespace, a bucket and a location where nothing ever goes wrong."""
    s3.create_bucket(CONTROL, versioned=True)
    cluster.kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CONTROL}},
        credentials_secret(CONTROL, s3.root),
        storage_location(CONTROL, endpoint=s3.endpoint, bucket=CONTROL, secret=CONTROL, namespaces=[CONTROL]),
    )
    return CONTROL


@pytest.fixture
def control(admin: RestClient, history: History, control_location: str) -> Iterator[Live]:
    """A Recording that completes while the test runs."""
    manifest = a_recording(CONTROL, inline("{}"), name=f"control-{uuid.uuid4().hex[:10]}", location=control_location)
    stored = admin.request("POST", path_of(CONTROL), body=manifest)
    live = Live(stored, admin=admin, history=history)
    yield live
    live.delete()


@pytest.fixture(scope="module")
def module_operator(
    nursery: Nursery, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One operator for the tests of a file that do not end it."""
    folder = tmp_path_factory.mktemp("operator")
    process = ForkedOperator(
        nursery=nursery, kubeconfig=operator_kubeconfig, log=folder / "operator.log", policy=write_settings(folder)
    )
    process.start()
    yield process
    process.terminate()
    assert process.wait(timeout_s=20) == 0, process.process.log_tail()


@pytest.fixture
def report(cluster: ControlPlane) -> Iterator[ReportFactory]:
    """Makes StorageReports of one location, deleted after the test at the latest."""
    made: list[str] = []

    def make(location: str, **spec: Any) -> Report:
        name = f"report-{uuid.uuid4().hex[:10]}"
        cluster.kubectl.apply(
            {
                "apiVersion": "recordings.dev/v1alpha1",
                "kind": "StorageReport",
                "metadata": {"name": name},
                "spec": {"scope": {"storageLocations": [location]}, **spec},
            }
        )
        made.append(name)
        return Report(cluster, name)

    yield make
    for name in made:
        cluster.kubectl("delete", "storagereport", name, "--ignore-not-found")


@pytest.fixture
def bare_world(
    cluster: ControlPlane,
    admin: RestClient,
    s3: S3Server,
    media: MediaServer,
    history: History,
    forbidden: ForbiddenListener,
    control: Live,
    namespace: str,
    bucket: str,
    location: LocationFactory,
    tmp_path: Path,
) -> Iterator[World]:
    """A world that cannot have operators."""
    made = World(
        cluster=cluster,
        admin=admin,
        s3=s3,
        media=media,
        namespace=namespace,
        bucket=bucket,
        history=history,
        forbidden=forbidden,
        make_location=location,
        folder=tmp_path,
        control=control,
    )
    made.secrets.add(s3.root.secret_key)
    made.location = location()
    yield made
    for name in made.directories:
        admin.request("DELETE", f"{LOCATIONS}/{name}")


@pytest.fixture
def world(bare_world: World, module_operator: OperatorProcess, request: pytest.FixtureRequest) -> Iterator[World]:
    """A world with the file's shared operator. Invariants are checked at the end."""
    bare_world.running.append(module_operator)
    bare_world.everyone.append(module_operator)
    yield from judged(bare_world, request)


@pytest.fixture
def own_world(
    bare_world: World, operators: Callable[..., OperatorProcess], request: pytest.FixtureRequest
) -> Iterator[World]:
    """A world whose operators the test starts and stops itself. Invariants are checked at the end. Not with `world`."""
    bare_world.make_operator = operators
    yield from judged(bare_world, request)


def judged(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """Check the invariants after a test that has passed so far."""
    failed_before = request.session.testsfailed
    yield world
    if request.session.testsfailed == failed_before:
        check_invariants(world)
