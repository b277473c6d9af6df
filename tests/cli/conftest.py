"""Three people who call `kubectl recordings` (an administrator, a tenant who may edit one namespace, and a viewer), and
a strict store.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import ControlPlane
from recording_operator.kube.resources import REPORTS
from recording_operator.kube.rest import RestClient
from tests.conftest import TENANT, VIEWER
from tests.support.rights import user_may
from tests.support.strict_bucket import Bucket
from tests.support.strict_fixtures import strict_server
from tests.support.strict_store import StrictStore
from tests.support.waiting import eventually

__all__ = ["strict_server"]

_OF_PYTEST = ("COLUMNS", "LINES", "NO_COLOR")
"""Workers of pytest have a size in their environment, and no terminal."""
_ROOT = Path(__file__).resolve().parents[2]
_RBAC = "rbac.authorization.k8s.io"
PROGRAM = Path(sys.executable).with_name("kubectl-recordings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone with a kubeconfig, whose namespace is that of the test."""

    kubeconfig: Path
    namespace: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables of their shell. There is no colour, and nobody's AWS credentials."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name not in _OF_PYTEST
        }
        return {**kept, "KUBECONFIG": str(self.kubeconfig), "AWS_EC2_METADATA_DISABLED": "true"}

    def run(
        self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Call `kubectl recordings` without a terminal."""
        return subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            env={**self.environment, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def output(self, *arguments: str, stdin: str | None = None) -> str:
        """What a call that succeeds prints on standard output."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The three."""

    admin: Person
    tenant: Person
    viewer: Person


@pytest.fixture
def strict(strict_server: StrictStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StrictStore:
    """A store as new, and an environment without credentials."""
    strict_server.reset(Bucket())
    strict_server.region = "eu-west-2"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return strict_server


@pytest.fixture
def strict_with_keys(strict: StrictStore, monkeypatch: pytest.MonkeyPatch) -> StrictStore:
    """A store as new, whose keys are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
    return strict


@pytest.fixture(scope="session")
def user_roles(cluster: ControlPlane) -> None:
    """The chart's roles for users, which the built-in roles admin and edit aggregate, and one for viewers, which the
    chart makes only on request.
    """
    documents = yaml.safe_load_all((_ROOT / "install" / "install.yaml").read_text(encoding="utf-8"))
    roles = [one for one in documents if one and one["kind"] == "ClusterRole" and _is_aggregated(one)]
    assert len(roles) == 2
    kinds = roles[0]["rules"][0]["resources"]
    rules = [{"apiGroups": ["recordings.dev"], "resources": kinds, "verbs": ["get", "list", "watch"]}]
    metadata = {"name": "recordings-view", "labels": {f"{_RBAC}/aggregate-to-view": "true"}}
    viewers = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
    cluster.kubectl.apply(*roles, viewers)


@pytest.fixture
def people(
    cluster: ControlPlane,
    admin: RestClient,
    namespace: str,
    user_roles: None,  # noqa: ARG001 - what the bindings name
    tmp_path: Path,
) -> People:
    """An administrator, a tenant with the role `edit` in `namespace`, and a viewer with `view`."""
    for user, role in ((TENANT, "edit"), (VIEWER, "view")):
        admin.request(
            "POST", f"/apis/{_RBAC}/v1/namespaces/{namespace}/rolebindings", body=_binding(user, role, namespace)
        )
    people = People(
        admin=_person(cluster.kubeconfig, namespace, tmp_path / "admin"),
        tenant=_person(cluster.user_kubeconfig(TENANT), namespace, tmp_path / "tenant"),
        viewer=_person(cluster.user_kubeconfig(VIEWER), namespace, tmp_path / "viewer"),
    )
    for user in (TENANT, VIEWER):
        eventually(partial(user_may, admin, user, "list", namespace=namespace))
    return people


def _is_aggregated(role: Mapping[str, Any]) -> bool:
    labels = role["metadata"].get("labels") or {}
    return any(name.startswith(f"{_RBAC}/aggregate-to-") for name in labels)


def _binding(user: str, role: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user, "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
    }


def _person(kubeconfig: Path, namespace: str, path: Path) -> Person:
    """A kubeconfig whose context has the namespace."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    path.chmod(0o600)
    return Person(kubeconfig=path, namespace=namespace)


@pytest.fixture
def clerk(cluster: ControlPlane, tmp_path: Path) -> Iterator[Person]:
    """A person who may get and list StorageReports, and nothing else."""
    rule = {"apiGroups": ["recordings.dev"], "resources": ["storagereports"], "verbs": ["get", "list"]}
    role = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "finance"}, "rules": [rule]}
    binding: dict[str, Any] = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "finance"},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "finance"},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": VIEWER}],
    }
    cluster.kubectl.apply(role, binding)
    path = tmp_path / "finance"
    path.write_text(cluster.user_kubeconfig(VIEWER).read_text(encoding="utf-8"), encoding="utf-8")
    path.chmod(0o600)
    person = Person(kubeconfig=path, namespace="default")
    eventually(partial(_may_list_reports, cluster, person))
    yield person
    cluster.kubectl("delete", "clusterrolebinding", "finance")
    cluster.kubectl("delete", "clusterrole", "finance")


def _may_list_reports(cluster: ControlPlane, person: Person) -> bool:
    kubectl = cluster.kubectl_as(person.kubeconfig)
    return kubectl.run("auth", "can-i", "list", "storagereports.recordings.dev").returncode == 0


@pytest.fixture
def boss(cluster: ControlPlane) -> Person:
    """The administrator."""
    return Person(kubeconfig=cluster.kubeconfig, namespace="default")


@pytest.fixture
def no_reports(admin: RestClient) -> Iterator[None]:
    """No StorageReport exists, before and after."""
    admin.request("DELETE", REPORTS.collection(None))
    yield
    admin.request("DELETE", REPORTS.collection(None))
