"""Each operation of the HTTP API with the credentials of each kind of caller, on the real API server."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import yaml

from localcluster import ControlPlane
from recording_operator.console.api.routes import ROUTERS
from recording_operator.console.auth import login
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.console.running import Person, RunningConsole, make_person, may
from tests.console.security import matrix
from tests.console.security.matrix import OPERATIONS, ROLES, Operation
from tests.kube.objects import a_recording
from tests.support.recordings import path_of
from tests.support.waiting import eventually

_RBAC = "rbac.authorization.k8s.io"
_RULES = Path(__file__).parents[3] / "charts" / "recording-operator" / "files" / "rbac" / "console-clusterrole.yaml"
_GROUP = "matrix-viewers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """A console with the rights of the chart, two tenants, and the headers that each kind of caller sends."""

    running: RunningConsole
    admin: RestClient
    namespace: str
    headers: dict[str, dict[str, str]]

    def call(self, role: str, method: str, path: str, operation: Operation, at: Mapping[str, str]) -> httpx.Response:
        """Send the request of an operation on the Recording `at`."""
        target = path.format(**at) + (f"?{operation.query.format(**at)}" if operation.query else "")
        body: dict[str, Any] = {}
        if operation.body is not None:
            body["json"] = {**operation.body, "namespace": at["namespace"]}
        return self.running.call(method, target, headers=self.headers[role], **body)

    def stored(self) -> list[dict[str, Any]]:
        """All Recordings of the namespace."""
        return list(self.admin.request("GET", path_of(self.namespace))["items"])


@pytest.fixture(scope="module")
def tenancy(
    cluster: ControlPlane,
    admin: RestClient,
    consoles: Callable[..., Any],
    user_roles: None,  # noqa: ARG001 - the roles that edit and view contain
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Tenancy]:
    ours, theirs, none = (f"matrix-{name}-{uuid4().hex[:6]}" for name in ("a", "b", "none"))
    for name in (ours, theirs, none):
        admin.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    people = {name: make_person(admin, none, name) for name in ("console", "admin", "a", "b", "viewer", "none")}
    cluster.kubectl.apply(
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": none},
            "rules": yaml.safe_load(_RULES.read_text()),
        },
        _binding(people["console"], none),
        _binding(people["admin"], "cluster-admin"),
        _binding(people["a"], "edit", ours),
        _binding(people["b"], "edit", theirs),
        _binding(people["viewer"], "view", ours),
        _of_group("view", ours),
    )
    for verb in ("list", "presign", "patch"):
        eventually(partial(may, admin, people["a"], verb, namespace=ours), what=f"tenant A may {verb}")
    eventually(partial(may, admin, people["viewer"], "list", namespace=ours), what="the viewer may list")
    config = tmp_path_factory.mktemp("matrix") / "config"
    cluster.service_account_kubeconfig(namespace=none, name="console", path=config)
    console = consoles(
        config, user_proxy={"addresses": ["127.0.0.1/32"]}, failures_per_minute=100_000, calls_per_minute=100_000
    )
    headers = {
        matrix.ADMIN: people["admin"].bearer,
        matrix.TENANT_A: people["a"].bearer,
        matrix.TENANT_B: people["b"].bearer,
        matrix.VIEWER: people["viewer"].bearer,
        matrix.WITHOUT_RIGHTS: people["none"].bearer,
        matrix.PROXY_USER: {"X-Remote-User": "alice", "X-Remote-Group": _GROUP},
        matrix.EXPIRED: {"Authorization": f"Bearer {_expired(cluster, people['admin'])}"},
        matrix.ANONYMOUS: {},
    }
    yield Tenancy(running=RunningConsole(console), admin=admin, namespace=ours, headers=headers)
    for name in (ours, theirs, none):
        admin.request("DELETE", f"/api/v1/namespaces/{name}")


def test_each_operation_of_the_api_is_in_the_table(tenancy: Tenancy) -> None:
    paths = tenancy.running.get("/openapi.json").json()["paths"]
    described = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert described == set(OPERATIONS)


def test_no_route_is_left_out_of_the_description_by_mistake() -> None:
    routes = {
        (method, matrix.ALIAS.sub("", route.path))  # type: ignore[attr-defined]  # all are routes of FastAPI
        for router in (login.router, *ROUTERS)
        for route in router.routes
        for method in route.methods  # type: ignore[attr-defined]
    }
    assert routes - set(OPERATIONS) - matrix.OPEN - matrix.SIGNED == set()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_who_may_do_it(tenancy: Tenancy, method: str, path: str, role: str) -> None:
    operation = OPERATIONS[method, path]
    name = f"weekly-{uuid4().hex[:8]}"
    uid = a_recording(tenancy.admin, tenancy.namespace, name)["metadata"]["uid"]
    at = {"namespace": tenancy.namespace, "name": name, "uid": uid, "artifact": "video"}
    at |= {"uploadId": "made-up", "partNumber": "1"}
    if operation.spec:
        body = {"spec": dict(operation.spec)}
        own = f"{path_of(tenancy.namespace)}/{name}"
        tenancy.admin.request("PATCH", own, body=body, content_type=MERGE_PATCH)
    # An administrator sees it: then it is in the catalog, and 404 means that it is hidden.
    by_uid = f"/api/v1/recordings/by-uid/{uid}"
    eventually(lambda: tenancy.running.get(by_uid, headers=tenancy.headers[matrix.ADMIN]).status_code == 200)
    before = tenancy.stored()
    response = tenancy.call(role, method, path, operation, at)
    if role in {matrix.EXPIRED, matrix.ANONYMOUS}:
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    elif role not in operation.allowed:
        assert response.status_code == operation.denied
    else:
        assert response.status_code == operation.status
        if operation.lists_for is not None:
            assert (name in response.text) is (role in operation.lists_for)
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert uid not in response.text
        assert "media.example.com" not in response.text
    if role not in operation.allowed or method == "GET":
        assert tenancy.stored() == before


def _binding(person: Person, role: str, namespace: str = "") -> dict[str, Any]:
    subject = {"kind": "ServiceAccount", "namespace": person.namespace, "name": person.name}
    return _bound(f"{person.namespace}-{person.name}", role, namespace, subject)


def _of_group(role: str, namespace: str) -> dict[str, Any]:
    return _bound(_GROUP, role, namespace, {"kind": "Group", "apiGroup": _RBAC, "name": _GROUP})


def _bound(name: str, role: str, namespace: str, subject: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def _expired(cluster: ControlPlane, person: Person) -> str:
    claims = jwt.decode(person.token, options={"verify_signature": False})
    past = datetime.now(UTC) - timedelta(hours=2)
    times = {"iat": past, "nbf": past, "exp": past + timedelta(hours=1)}
    key = cluster.pki.path("sa.key").read_text()
    return jwt.encode({**claims, **times}, key, algorithm="RS256", headers=jwt.get_unverified_header(person.token))
