"""Stages that are created and cleared without starting programs, because a thousand kills need many.

`make chaos` prints the counts.
"""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane, MediaServer, S3Server
from localcluster.install import (
    OPERATOR_NAMESPACE,
    credentials_secret,
    storage_location,
)
from localcluster.s3server import Credentials
from recording_operator.kube.errors import NotFound
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.e2e.chaos.stage import LOCATION, Stage
from tests.support.forbidden import ForbiddenListener
from tests.support.history import History
from tests.support.invariants import check_invariants
from tests.support.nursery import Nursery
from tests.support.recordings import Live, path_of
from tests.support.world import World

SEED = os.environ.get("SEED", "1")
COUNTED = ("crash points", "kills", "Recordings", "store kills", "source kills", "operators that ended by themselves")
_SECRETS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
_LOCATIONS = "/apis/recordings.dev/v1alpha1/storagelocations"
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/recording-operator"


@pytest.fixture
def stage(
    cluster: ControlPlane,
    admin: RestClient,
    s3: S3Server,
    media: MediaServer,
    history: History,
    forbidden: ForbiddenListener,
    control: Live,
    nursery: Nursery,
    operator_kubeconfig: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Stage]:
    """A world without operators. At the end the invariants are checked, and it is cleared."""
    name = f"chaos-{uuid.uuid4().hex[:10]}"
    admin.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    s3.create_bucket(name, versioned=True)
    world = World(
        cluster=cluster,
        admin=admin,
        s3=s3,
        media=media,
        namespace=name,
        bucket=name,
        history=history,
        forbidden=forbidden,
        make_location=_location_maker(admin, s3, name),
        folder=tmp_path,
        control=control,
    )
    world.secrets.add(s3.root.secret_key)
    world.location = world.make_location(spec=LOCATION)
    made = Stage(world=world, nursery=nursery, kubeconfig=operator_kubeconfig)
    failed_before = request.session.testsfailed
    try:
        yield made
        if request.session.testsfailed == failed_before:
            check_invariants(world)
    finally:
        _clear(world)


def _location_maker(admin: RestClient, s3: S3Server, name: str) -> Any:
    def make(
        *, spec: dict[str, Any] | None = None, credentials: Credentials | None = None, endpoint: str | None = None
    ) -> str:
        admin.request("POST", _SECRETS, body=credentials_secret(name, credentials or s3.root))
        location = storage_location(
            name, endpoint=endpoint or s3.endpoint, bucket=name, secret=name, namespaces=[name], spec=spec
        )
        admin.request("POST", _LOCATIONS, body=location)
        return name

    return make


def _clear(world: World) -> None:
    """End the operators and remove everything, the bytes included."""
    for operator in world.everyone:
        operator.kill()
    admin, name = world.admin, world.namespace
    for recording in admin.request("GET", path_of(name))["items"]:
        if recording["metadata"].get("finalizers"):
            path = f"{path_of(name)}/{recording['metadata']['name']}"
            admin.request("PATCH", path, body={"metadata": {"finalizers": None}}, content_type=MERGE_PATCH)
    made = [str(one["metadata"]["name"]) for one in admin.request("GET", _LOCATIONS)["items"]]
    locations = [f"{_LOCATIONS}/{one}" for one in made if one.startswith(name)]
    for path in (*locations, f"{_SECRETS}/{name}", _LEASE, f"/api/v1/namespaces/{name}"):
        try:
            admin.request("DELETE", path)
        except NotFound:
            continue
    for folder in ("data", "versions"):
        shutil.rmtree(world.s3.folder / folder / name, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The counts of everything that was killed and passed."""
    counts: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        counts.update({name: int(value) for name, value in report.user_properties if name in COUNTED})
    if counts:
        terminalreporter.section(f"chaos, SEED={SEED}")
        for name in COUNTED:
            terminalreporter.write_line(f"{counts[name]:6d} {name}")
