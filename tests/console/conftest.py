"""The console in this process, with the real API server, and people who call it with tokens of theirs."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.console import feeding
from recording_operator.console.serving import Console, ConsoleOptions
from recording_operator.kube import tracking
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from recording_operator.settings import ConsoleSettings
from tests.cli.conftest import People, people, user_roles
from tests.conftest import TENANT, VIEWER
from tests.console.running import Person, RunningConsole, make_person
from tests.support.databases import database_url, postgres_tables, postgres_url, sqlite_tables
from tests.support.waiting import eventually

__all__ = ["database_url", "people", "postgres_tables", "postgres_url", "sqlite_tables", "user_roles"]

_ADMIN = "console-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in it."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def detail(self) -> str:
        """What a problem document says."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        assert self.document["status"] == self.status
        return str(self.document["detail"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Someone who calls the console."""

    url: str
    token: str | None = field(default=None, repr=False)

    def call(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request. `path` begins after /api/v1, or is a whole URL."""
        sent = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"Content-Type": "application/json", **sent}
        url = path if path.startswith("http") else f"{self.url}/api/v1{path}"
        try:
            with urlopen(Request(url, data, sent, method=method), timeout=30) as response:
                return _reply(response.status, response.headers, response.read())
        except HTTPError as error:
            with error:
                return _reply(error.code, error.headers, error.read())

    def get(self, path: str, **headers: str) -> Reply:
        """GET."""
        return self.call("GET", path, headers=headers)

    def post(self, path: str, body: Any = None) -> Reply:
        """POST."""
        return self.call("POST", path, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitors:
    """An administrator, a tenant who may edit one namespace, a viewer of it, and someone without a token."""

    admin: Visitor
    tenant: Visitor
    viewer: Visitor
    nobody: Visitor


@contextmanager
def _consoles(scratch: Path) -> Iterator[Callable[..., Console]]:
    made: list[Console] = []

    def make(kubeconfig: Path, *, database_url: str = "sqlite://", **settings: Any) -> Console:
        options = ConsoleOptions(
            http_host="127.0.0.1",
            http_port=0,
            metrics_port=0,
            database_url=database_url,
            settings=ConsoleSettings.model_validate(settings),
            namespace=OPERATOR_NAMESPACE,
            roots=(str(scratch),),
        )
        console = Console(options=options, connection=connection(kubeconfig=kubeconfig), version="1.2.3")
        made.append(console)
        console.start()
        eventually(lambda: console.problem is None)
        return console

    try:
        yield make
    finally:
        for console in made:
            console.stop()


@pytest.fixture(scope="module")
def consoles(scratch: Path) -> Iterator[Callable[..., Console]]:
    """Makes consoles that serve, and stops them after the file. `settings`: keys of the section `console`."""
    with _consoles(scratch) as make:
        yield make


@pytest.fixture(scope="session")
def console(cluster: ControlPlane, scratch: Path) -> Iterator[Console]:
    """A console with the rights of an administrator, for all tests of a process."""
    with _consoles(scratch) as make:
        yield make(cluster.kubeconfig)


@pytest.fixture(scope="session")
def admin_token(cluster: ControlPlane) -> str:
    """The token of an administrator."""
    account = {"name": _ADMIN, "namespace": "default"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    cluster.kubectl.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _ADMIN},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
    )
    return cluster.kubectl("create", "token", _ADMIN, "-n", "default").strip()


@pytest.fixture
def visitors(console: Console, admin_token: str, people: People) -> Visitors:  # noqa: ARG001 - they have the rights
    """The four."""
    url = f"http://127.0.0.1:{console.port}"
    return Visitors(
        admin=Visitor(url=url, token=admin_token),
        tenant=Visitor(url=url, token=f"token-of-{TENANT}"),
        viewer=Visitor(url=url, token=f"token-of-{VIEWER}"),
        nobody=Visitor(url=url),
    )


@pytest.fixture
def directory(admin: RestClient, namespace: str, scratch: Path) -> Iterator[Callable[..., str]]:
    """Makes StorageLocations on directories."""
    made: list[str] = []

    def make(*, path: Path | None = None) -> str:
        name = f"{namespace}-d{len(made)}"
        folder = path or scratch / name
        folder.mkdir(exist_ok=True)
        body = {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "StorageLocation",
            "metadata": {"name": name},
            "spec": {"filesystem": {"path": str(folder)}, "namespaceSelector": {}},
        }
        admin.request("POST", "/apis/recordings.dev/v1alpha1/storagelocations", body=body)
        made.append(name)
        return name

    yield make
    for name in made:
        admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{name}")


@pytest.fixture(scope="session")
def running(console: Console) -> RunningConsole:
    """The console of this process, for requests that are made by hand."""
    return RunningConsole(console)


@pytest.fixture
def start(cluster: ControlPlane, scratch: Path) -> Iterator[Callable[..., RunningConsole]]:
    """Starts consoles with other settings: keys of the section `console`, and database_url.

    They end with the test: one that ran on would read every Recording of the tests that follow.
    """
    with _consoles(scratch) as make:
        yield lambda **options: RunningConsole(make(cluster.kubeconfig, **options))


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consoles that wait for the database or the API server soon try again."""
    for module in (feeding, tracking):
        monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.5)


@pytest.fixture
def person(admin: RestClient, namespace: str) -> Person:
    """A ServiceAccount without any right."""
    return make_person(admin, namespace, "somebody")


def _reply(status: int, headers: Any, body: bytes) -> Reply:
    return Reply(status=status, headers={name.lower(): value for name, value in headers.items()}, body=body)
