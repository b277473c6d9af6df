"""Admission policies on a real API server: who may use which location and Secret. Only new references are checked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from tests.chart.cluster import NAMESPACE, create_as, forget, make_namespace, recording
from tests.chart.helm import CHART, RELEASE, Helm, Object
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_RBAC = "rbac.authorization.k8s.io/v1"
_USER = {"kind": "User", "name": "tenant", "apiGroup": "rbac.authorization.k8s.io"}


def _location(name: str, allowed: Any) -> Object:
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageLocation",
        "metadata": {"name": name},
        "spec": {"s3": {"bucket": "my-recordings"}, "allowedNamespaces": allowed},
    }


def _source(name: str, **refs: Any) -> Object:
    return {"name": name, "kind": "Video", "source": refs}


def _from_secrets(*names: str) -> Object:
    refs = [_source(f"a{number}", urlSecretRef={"name": name, "key": "url"}) for number, name in enumerate(names)]
    return {"artifacts": refs}


def grant(name: str, rules: list[Object], *, namespace: str | None = None) -> list[Object]:
    """A role and its binding to the tenant."""
    where = {"namespace": namespace} if namespace else {}
    kind = "Role" if namespace else "ClusterRole"
    return [
        {"apiVersion": _RBAC, "kind": kind, "metadata": {"name": name, **where}, "rules": rules},
        {
            "apiVersion": _RBAC,
            "kind": f"{kind}Binding",
            "metadata": {"name": name, **where},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [_USER],
        },
    ]


@pytest.fixture
def tenant(cluster_helm4: Helm, bare_cluster: ControlPlane) -> Iterator[Path]:
    """A user who may edit all our kinds in team-a, and read the Secret `mine` and no other."""
    cluster_helm4("install", RELEASE, str(CHART), f"--namespace={NAMESPACE}")
    make_namespace(bare_cluster, "team-a", {"tier": "gold"})
    kinds = ["recordings", "recordingsources", "eventsinks"]
    edit = [{"apiGroups": ["recordings.dev"], "resources": kinds, "verbs": ["*"]}]
    mine = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"], "verbs": ["get"]}]
    bare_cluster.kubectl.apply(
        *grant("recordings", edit, namespace="team-a"),
        *grant("mine", mine, namespace="team-a"),
        _location("archive", {"names": ["team-a"]}),
        _location("gold", {"selector": {"matchLabels": {"tier": "gold"}}}),
        _location(
            "not-gold", {"selector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gold"]}]}}
        ),
        _location("no-selector", {"selector": {}}),
        _location("closed", {}),
    )
    kubeconfig = bare_cluster.user_kubeconfig("tenant")

    def refused() -> bool:  # the API server takes a moment to compile a new policy
        bad = recording("probe", namespace="team-a", spec={"storageLocation": "closed", **_from_secrets("theirs")})
        return "may not" in create_as(bare_cluster, kubeconfig, bad)[1] or forget(bare_cluster, "probe")

    eventually(refused)
    secret = recording("probe", namespace="team-a", spec=_from_secrets("theirs"))
    eventually(lambda: "may not" in create_as(bare_cluster, kubeconfig, secret)[1] or forget(bare_cluster, "probe"))
    yield kubeconfig
    bare_cluster.kubectl("delete", "rolebindings,roles", "--all", "--namespace=team-a")
    bare_cluster.kubectl("delete", "recordings,recordingsources,eventsinks", "--all", "--namespace=team-a")


@pytest.mark.parametrize(
    ("location", "refusal"),
    [
        ("archive", None),
        ("gold", None),
        ("not-there-yet", None),
        (None, None),
        ("not-gold", "may not use the StorageLocation not-gold"),
        ("no-selector", "may not use the StorageLocation no-selector"),
        ("closed", "The namespace team-a may not use the StorageLocation closed"),
    ],
)
def test_locations(tenant: Path, bare_cluster: ControlPlane, location: str | None, refusal: str | None) -> None:
    made = recording("one", namespace="team-a", spec={"storageLocation": location})
    status, said = create_as(bare_cluster, tenant, made)
    assert (status == 0) == (refusal is None), said
    assert (refusal or "") in said


def test_secrets(tenant: Path, bare_cluster: ControlPlane) -> None:
    def create(name: str, spec: Object) -> tuple[int, str]:
        return create_as(bare_cluster, tenant, recording(name, namespace="team-a", spec=spec))

    assert create("own", _from_secrets("mine"))[0] == 0
    assert create("many", _from_secrets(*["mine"] * 64))[0] == 0
    status, said = create("other", _from_secrets("mine", "theirs"))
    assert status != 0
    assert "You may not read the Secret theirs" in said
    headers = {"artifacts": [_source("a", url="https://a.example.com/", headersSecretRef={"name": "theirs"})]}
    assert "You may not read the Secret theirs" in create("headers", headers)[1]
    assert "More than 8 new Secrets" in create("nine", _from_secrets(*(f"s{number}" for number in range(9))))[1]


def test_a_user_who_can_read_all_secrets_may_name_them_all(tenant: Path, bare_cluster: ControlPlane) -> None:
    everything = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    bare_cluster.kubectl.apply(*grant("all-secrets", everything, namespace="team-a"))
    made = recording("all", namespace="team-a", spec=_from_secrets(*(f"s{number}" for number in range(64))))
    eventually(lambda: create_as(bare_cluster, tenant, made)[0] == 0)


def test_an_update_is_judged_by_what_it_adds(tenant: Path, bare_cluster: ControlPlane) -> None:
    """Another user wrote what the tenant may not write. The tenant may still use the Recording."""
    admins = recording("shared", namespace="team-a", spec=_from_secrets("theirs"))
    bare_cluster.kubectl("create", "-f", "-", stdin=json.dumps(admins))
    theirs = bare_cluster.kubectl_as(tenant)
    patch = ("patch", "recording", "shared", "--namespace=team-a", "--type=merge")
    theirs(*patch, '--patch={"spec":{"retryToken":"2"}}')
    steal = json.dumps({"spec": _from_secrets("another")})
    assert "You may not read the Secret another" in theirs.run(*patch, f"--patch={steal}").stderr


def test_the_verb_use_can_be_required(bare_cluster: ControlPlane, cluster_helm4: Helm) -> None:
    cluster_helm4("install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", "--set=admissionPolicies.useVerb=true")
    edit = [{"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["*"]}]
    bare_cluster.kubectl.apply(
        *grant("recordings", edit, namespace="team-a"), _location("archive", {"names": ["team-a"]})
    )
    kubeconfig = bare_cluster.user_kubeconfig("tenant")

    def said() -> str:
        made = recording("used", namespace="team-a")
        return create_as(bare_cluster, kubeconfig, made)[1]

    def said_without_a_name() -> str:
        made = recording("placed", namespace="team-a", spec={"storageLocation": None})
        return create_as(bare_cluster, kubeconfig, made)[1]

    eventually(lambda: "Ask for the verb use" in said() or forget(bare_cluster, "used"))
    assert "You may not leave out spec.storageLocation" in said_without_a_name()
    use = [
        {
            "apiGroups": ["recordings.dev"],
            "resources": ["storagelocations"],
            "resourceNames": ["archive"],
            "verbs": ["use"],
        }
    ]
    bare_cluster.kubectl.apply(*grant("use-archive", use))
    eventually(lambda: "created" in said())
    assert "You may not leave out spec.storageLocation" in said_without_a_name()
    bare_cluster.kubectl.apply(*grant("use-archive", [{k: v for k, v in use[0].items() if k != "resourceNames"}]))
    eventually(lambda: "created" in said_without_a_name())
    bare_cluster.kubectl("delete", "clusterrolebinding", "use-archive")
