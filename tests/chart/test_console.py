"""The console: off by default, apart from the operator, with a database, a volume or neither."""

from typing import Any

import pytest

from localcluster import ControlPlane
from tests.chart.cluster import NAMESPACE
from tests.chart.helm import CHART, MONITORING_APIS, RELEASE, Helm, HelmError, one
from tests.support.waiting import eventually

_NAME = f"{RELEASE}-console"
_ON: dict[str, Any] = {"console": {"enabled": True}}


def _with(**values: Any) -> dict[str, Any]:
    return {"console": {"enabled": True, **values}}


def _pod(helm: Helm, values: dict[str, Any]) -> Any:
    return one(helm.objects(values), "Deployment", name=_NAME)["spec"]["template"]["spec"]


def test_it_is_off_by_default(helm4: Helm) -> None:
    assert not [item for item in helm4.objects() if "console" in str(item["metadata"])]


def test_its_image_is_that_of_the_operator_with_another_tag(helm4: Helm) -> None:
    (own,) = _pod(helm4, {**_ON, "image": {"repository": "a/b", "tag": "1.2.3"}})["containers"]
    assert own["image"] == "a/b:1.2.3-console"
    (given,) = _pod(helm4, _with(image={"repository": "c/d", "tag": "4"}))["containers"]
    assert given["image"] == "c/d:4"


def test_without_a_volume_the_catalog_is_in_memory(helm4: Helm) -> None:
    (container,) = _pod(helm4, _ON)["containers"]
    assert not [one for one in container["args"] if one.startswith("--database-url")]
    assert "DATABASE_URL" not in {one["name"] for one in container["env"]}


def test_the_database_comes_from_a_secret(helm4: Helm) -> None:
    (container,) = _pod(helm4, _with(replicas=2, database={"existingSecret": "catalog"}))["containers"]
    (url,) = [one for one in container["env"] if one["name"] == "DATABASE_URL"]
    assert url["valueFrom"] == {"secretKeyRef": {"name": "catalog", "key": "url"}}


def test_a_volume_has_one_pod_at_a_time(helm4: Helm) -> None:
    objects = helm4.objects(_with(persistence={"enabled": True}))
    spec = one(objects, "Deployment", name=_NAME)["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert (
        "--database-url=sqlite:////var/lib/recording-operator/catalog.db"
        in (spec["template"]["spec"]["containers"][0]["args"])
    )
    claim = one(objects, "PersistentVolumeClaim", name=_NAME)["spec"]
    assert claim["resources"] == {"requests": {"storage": "4Gi"}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"replicas": 2}, "requires console.database.existingSecret"),
        ({"database": {"existingSecret": "a"}, "persistence": {"enabled": True}}, "two places"),
        ({"ingress": {"enabled": True}}, "console.ingress.host is needed"),
        ({"httpRoute": {"enabled": True}}, "requires console.httpRoute.parentRefs"),
    ],
)
def test_values_that_do_not_fit_together(helm4: Helm, values: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmError, match=message):
        helm4.objects(_with(**values))


def test_it_reads_secrets_only_to_sign_urls(helm4: Helm) -> None:
    def rules(values: dict[str, Any]) -> list[Any]:
        roles = [one for one in helm4.objects(values) if one["kind"] in {"Role", "ClusterRole"}]
        return [rule for role in roles if role["metadata"]["name"] == _NAME for rule in role["rules"]]

    assert [one["verbs"] for one in rules(_ON) if "secrets" in one["resources"]] == [["get"]]
    assert not [one for one in rules(_with(presigning=False)) if "secrets" in one["resources"]]


def test_helm_test_requests_both(helm4: Helm) -> None:
    command = one(helm4.objects(_ON), "Pod")["spec"]["containers"][0]["command"]
    assert command[3:] == [f"http://{RELEASE}.recordings:8080", f"http://{_NAME}-metrics.recordings:8081"]


def test_monitors_and_policies_select_the_console_alone(helm4: Helm) -> None:
    objects = helm4.objects(
        {**_ON, "networkPolicy": {"enabled": True}, "serviceMonitor": {"enabled": True}}, apis=MONITORING_APIS
    )
    labels = one(objects, "Deployment", name=_NAME)["spec"]["template"]["metadata"]["labels"]
    for item in objects:
        if item["kind"] in {"NetworkPolicy", "ServiceMonitor", "PodDisruptionBudget"}:
            spec = item["spec"]
            selector = (spec.get("podSelector") or spec["selector"])["matchLabels"]
            assert (selector.items() <= labels.items()) is (item["metadata"]["name"] == _NAME)


@pytest.mark.cluster
def test_it_runs_beside_the_operator_and_the_notes_say_how_to_reach_it(
    cluster_helm4: Helm, bare_cluster: ControlPlane
) -> None:
    kubectl, into = bare_cluster.kubectl, f"--namespace={NAMESPACE}"
    notes = cluster_helm4("install", RELEASE, str(CHART), into, values=_ON)
    assert f"kubectl port-forward service/{_NAME} 8080:80 --namespace={NAMESPACE}" in notes
    commands = [line.split()[1:] for line in notes.splitlines() if "recordings-user" in line]
    selector = f"--selector=app.kubernetes.io/name={_NAME}"  # the namespace enforces the restricted standard
    eventually(lambda: len(kubectl.json("get", "pods", into, selector)["items"]) == 1)
    token = [kubectl(*command) for command in commands][-1]
    assert token.count(".") == 2
    user = "--as=system:serviceaccount:default:recordings-user"
    assert kubectl("auth", "can-i", "presign", "recordings.recordings.dev", "--namespace=default", user) == "yes\n"


def test_the_notes_name_the_address_of_the_ingress(helm4: Helm) -> None:
    ingress = {"enabled": True, "host": "recordings.example.com", "tls": {"enabled": False}}
    notes = helm4("install", RELEASE, str(CHART), "--dry-run=client", values=_with(ingress=ingress))
    assert "  http://recordings.example.com\n" in notes
    assert "NOTE: the Ingress of the console has no TLS." in notes
    assert "NOTE: settings.console.trustedProxies is empty" in notes
    assert "port-forward" not in notes
