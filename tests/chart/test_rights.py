"""The operator with exactly the permissions of the chart: all of them are used, and none is missing."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane, Credentials, MediaServer, OperatorProcess, S3Server
from localcluster.install import credentials_secret, storage_location
from localcluster.operatorprocess import POLICY
from recording_operator.kube.connection import connection
from recording_operator.kube.readiness import check_ready
from recording_operator.kube.rest import RestClient
from tests.chart.cluster import NAMESPACE, recording
from tests.chart.helm import CHART, RELEASE, Helm, Object, one
from tests.support.audit import Right, asked, forbidden
from tests.support.canaries import check_no_secret, cluster_places
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_TEAM = "team-a"
_USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
_PRICES = """
name = "rack"
source = "a test"
asOf = 2026-10-01
currency = "USD"
gbBytes = 1_000_000_000
dayBasis = "fixed30"

[storageClasses.STANDARD]
tiers = [{ perGBMonth = "0.02" }]
"""
_CANARY = "canary-of-the-rights"
# Read again only after another client's write in between.
_AFTER_CONFLICTS = {("recordings.dev", "recordings", "get")}
_VALUES = {"rbac": {"secretNamespaces": [_TEAM]}, "admissionPolicies": {"enabled": False}}
# Who names no Secret and no price table, and whose stores take usage samples, works without these.
_UNNAMED = {("", "secrets", "get"), *(("", "configmaps", verb) for verb in ("get", "create", "patch"))}


def granted(objects: list[Object]) -> set[Right]:
    """Every right of the roles that the operator's account has."""
    roles = [item for item in objects if item["kind"] in ("Role", "ClusterRole")]
    return {
        (group, resource, verb)
        for role in roles
        if "aggregate" not in str(role["metadata"].get("labels"))
        for rule in role.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.fixture
def begun() -> datetime:
    """The time before the operator was started. Requests of other tests do not count."""
    return datetime.now(UTC)


@pytest.fixture
def operator(
    cluster_helm4: Helm,
    bare_cluster: ControlPlane,
    s3: S3Server,
    scratch: Path,
    tmp_path: Path,
    begun: datetime,  # noqa: ARG001 - taken first
) -> Iterator[OperatorProcess]:
    """The operator as the chart's ServiceAccount, with a bucket and a location `archive`."""
    cluster_helm4("install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", values=_VALUES)
    s3.create_bucket("rights", versioned=True)
    secret = credentials_secret("archive", s3.root)
    secret["metadata"]["namespace"] = NAMESPACE
    prices = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prices", "namespace": NAMESPACE}}
    spec = {"deletionPolicies": ["Retain", "Delete"], "prices": {"profile": "rack", "configMap": "prices"}}
    location = storage_location(
        "archive", endpoint=s3.endpoint, bucket="rights", secret="archive", namespaces=[_TEAM], spec=spec
    )
    bare_cluster.kubectl.apply(secret, location, {**prices, "data": {"rack.toml": _PRICES}})
    kubeconfig = bare_cluster.service_account_kubeconfig(
        namespace=NAMESPACE, name=RELEASE, path=scratch / "rights.kubeconfig"
    )
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"{POLICY.read_text()}\nsweep:\n  finishedInterval: 1s\n  uploadsInterval: 1s\n")
    log = tmp_path / "operator.log"
    process = OperatorProcess(kubeconfig=kubeconfig, log=log, namespace=NAMESPACE, policy=policy)
    process.start()
    yield process
    process.kill()


def test_every_right_is_used_and_no_other_is_missed(
    operator: OperatorProcess,
    bare_cluster: ControlPlane,
    cluster_helm4: Helm,
    media: MediaServer,
    s3: S3Server,
    begun: datetime,
) -> None:
    kubectl = bare_cluster.kubectl
    inline = recording("kept", namespace=_TEAM, spec={"ttlAfterFinished": "1s"})
    deleted = recording("deleted", namespace=_TEAM, spec={"deletionPolicy": "Delete"})
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "url", "namespace": _TEAM},
        "stringData": {"url": f"{media.address}/a/video.mp4?size=1MB&token={_CANARY}"},
    }
    source = {"urlSecretRef": {"name": "url", "key": "url"}}
    artifacts = [{"name": "video", "kind": "Video", "source": source}]
    fetched = recording("fetched", namespace=_TEAM, spec={"artifacts": artifacts})
    # Fails again and again for the same reason: the same Event, counted up.
    gone = [{"name": "video", "kind": "Video", "source": {"url": "http://127.0.0.1:9/x"}}]
    failing = recording("failing", namespace=_TEAM, spec={"artifacts": gone})
    kubectl.apply(secret, inline, deleted, fetched, failing, *_sealed(s3), _report(), _sink(), _of_a_provider())
    for name in ("deleted", "fetched"):
        kubectl(
            "wait",
            f"recording/{name}",
            f"--namespace={_TEAM}",
            "--for=jsonpath={.status.phase}=Complete",
            "--timeout=60s",
        )
    kubectl("delete", "recording", "deleted", f"--namespace={_TEAM}", "--timeout=30s")
    eventually(lambda: kubectl.run("get", "recording", "kept", f"--namespace={_TEAM}").returncode != 0, within_s=60)
    kubectl(
        "wait", "recording/failing", f"--namespace={_TEAM}", "--for=jsonpath={.status.phase}=Failed", "--timeout=60s"
    )

    wanted = granted(cluster_helm4.objects(_VALUES))
    with suppress(AssertionError):
        eventually(lambda: wanted - _AFTER_CONFLICTS <= calls(bare_cluster, since=begun), within_s=150)
    assert wanted - calls(bare_cluster, since=begun) <= _AFTER_CONFLICTS
    assert calls(bare_cluster, since=begun) - wanted == set()
    assert forbidden(bare_cluster, user=_USER, since=begun) == set()
    assert operator.log_text().count("Traceback") == 0
    places = [("the log", operator.log_text()), ("the metrics", operator.metrics()), *cluster_places(kubectl)]
    check_no_secret(places, secrets=[_CANARY, s3.root.secret_key])


def _sealed(s3: S3Server) -> list[Object]:
    """A location whose store takes no usage samples: they are kept in a ConfigMap."""
    secret = credentials_secret("sealed", Credentials(access_key="nobody", secret_key=_CANARY))
    secret["metadata"]["namespace"] = NAMESPACE
    return [
        secret,
        storage_location(
            "sealed",
            endpoint=s3.endpoint,
            bucket="rights",
            secret="sealed",
            namespaces=[],
            spec={"s3": {"prefix": "sealed/"}},
        ),
    ]


def _sink() -> Object:
    """It receives nothing here, but its status is written."""
    spec = {"uri": "https://app.example.com/", "secretRef": {"name": "url"}, "events": ["Moved"]}
    kind = {"apiVersion": "recordings.dev/v1alpha1", "kind": "EventSink"}
    return {**kind, "metadata": {"name": "app", "namespace": _TEAM}, "spec": spec}


def _of_a_provider() -> Object:
    """A Recording whose URL a provider would give, if there were such a RecordingSource."""
    named = {"recordingSource": "missing", "id": "1", "media": "video"}
    artifacts = [{"name": "video", "kind": "Video", "source": {"provider": named}}]
    return recording("of-a-provider", namespace=_TEAM, spec={"artifacts": artifacts})


def _report() -> Object:
    kind = {"apiVersion": "recordings.dev/v1alpha1", "kind": "StorageReport"}
    return {**kind, "metadata": {"name": "all"}, "spec": {"schedule": "* * * * *"}}


def calls(cluster: ControlPlane, *, since: datetime) -> set[Right]:
    """Which rights the operator used."""
    return {right for right, _ in asked(cluster, user=_USER, since=since)}


def test_each_right_that_is_taken_away_is_named_at_start(cluster_helm4: Helm, bare_cluster: ControlPlane) -> None:
    """But for Secrets and price tables: who names none works without."""
    cluster_helm4("install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", values=_VALUES)
    path = bare_cluster.service_account_kubeconfig(namespace=NAMESPACE, name=RELEASE)
    objects = cluster_helm4.objects(_VALUES)
    rest = RestClient(connection(kubeconfig=path))
    eventually(lambda: check_ready(rest, operator_namespace=NAMESPACE) == [])
    unnamed: list[Right] = []
    for role in (one(objects, "ClusterRole", name=RELEASE), one(objects, "Role")):
        role["metadata"]["namespace"] = NAMESPACE
        for less, (group, resource, verb) in _each_less(role):
            bare_cluster.kubectl.apply(less)
            problems = _problems(rest, within_s=1.5 if (group, resource, verb) in _UNNAMED else 60)
            if not any(re.search(rf"permission to {verb} {re.escape(resource)}\b", problem) for problem in problems):
                unnamed.append((group, resource, verb))
            bare_cluster.kubectl.apply(role)
            eventually(lambda: check_ready(rest, operator_namespace=NAMESPACE) == [])
    rest.close()
    assert set(unnamed) == _UNNAMED


def test_permissions_not_checked_at_start_are_named_where_they_are_missing(
    operator: OperatorProcess, bare_cluster: ControlPlane, cluster_helm4: Helm
) -> None:
    """Credentials of locations, and price tables: the status of the object that needs them names the permission."""
    kubectl = bare_cluster.kubectl

    def told(resource: str, name: str, status: str) -> str | None:
        conditions = (kubectl.json("get", resource, name).get("status") or {}).get("conditions", [])
        return next((one["message"] for one in conditions if one["type"] == "Ready" and one["status"] == status), None)

    eventually(lambda: told("storagelocation", "archive", "True"), within_s=60)
    role = one(cluster_helm4.objects(_VALUES), "Role")
    role["metadata"]["namespace"] = NAMESPACE
    bare = {**role, "rules": [rule for rule in role["rules"] if rule["apiGroups"] != [""]]}
    kubectl.apply(bare, _report())
    kubectl("patch", "storagelocation", "archive", "--type=merge", '--patch={"spec": {"retry": {"delays": ["5s"]}}}')
    message = eventually(lambda: told("storagelocation", "archive", "False"), within_s=60)
    assert message == f"The operator may not read Secret 'archive' in its namespace '{NAMESPACE}'. Grant it get."
    message = eventually(lambda: told("storagereport", "all", "False"), within_s=60)
    assert "may not read ConfigMap prices" in message
    missed = {(("", "secrets", "get"), NAMESPACE), (("", "configmaps", "get"), NAMESPACE)}
    assert forbidden(bare_cluster, user=_USER) >= missed  # so the audit log shows what is missed
    kubectl.apply(role)
    eventually(lambda: told("storagelocation", "archive", "True"), within_s=90)
    assert operator.log_text().count("Traceback") == 0


def _problems(rest: RestClient, *, within_s: float) -> list[str]:
    """What is missing, once the API server has noticed that something is; nothing when it does not within a moment."""
    try:
        return eventually(lambda: check_ready(rest, operator_namespace=NAMESPACE), within_s=within_s, poll_s=0.05)
    except AssertionError:
        return []


def _each_less(role: Object) -> Iterator[tuple[Object, Right]]:
    """The role without each of its rights in turn."""
    for index, rule in enumerate(role["rules"]):
        for verb in rule["verbs"]:
            less: Any = {**rule, "verbs": [other for other in rule["verbs"] if other != verb]}
            rules = [*role["rules"][:index], *([less] if less["verbs"] else []), *role["rules"][index + 1 :]]
            yield {**role, "rules": rules}, (rule["apiGroups"][0], rule["resources"][0], verb)
