"""The receiver: off by default, apart from the operator, restricted, with rights only in the namespaces listed."""

from typing import Any

import pytest

from localcluster import ControlPlane
from tests.chart.cluster import NAMESPACE
from tests.chart.helm import CHART, MONITORING_APIS, RELEASE, Helm, HelmError, Object, one
from tests.support.waiting import eventually

_NAME = "recording-operator-receiver"
_ON: dict[str, Any] = {"receiver": {"enabled": True}}


def _with(**values: Any) -> dict[str, Any]:
    return {"receiver": {"enabled": True, **values}}


def _named(objects: list[Object], name: str) -> set[str]:
    return {item["kind"] for item in objects if item["metadata"]["name"] == name}


def test_it_is_off_by_default(helm4: Helm) -> None:
    assert not [item for item in helm4.objects() if "receiver" in str(item["metadata"])]


def test_no_selector_of_the_operator_matches_the_receiver(helm4: Helm) -> None:
    objects = helm4.objects(
        {**_ON, "networkPolicy": {"enabled": True}, "serviceMonitor": {"enabled": True}}, apis=MONITORING_APIS
    )
    selectors = {
        (item["kind"], item["metadata"]["name"]): selector
        for item in objects
        if (selector := _selector(item)) is not None
    }
    assert len(selectors) == 11  # Deployment, PDB, NetworkPolicy, ServiceMonitor and Service of both; metrics Service
    for (kind, name), selector in selectors.items():
        own = "receiver" in name
        labels = one(objects, "Deployment", name=_NAME)["spec"]["template"]["metadata"]["labels"]
        assert (selector.items() <= labels.items()) is own, (kind, name)
        services = [item for item in objects if item["kind"] == "Service" and "receiver" in item["metadata"]["name"]]
        if kind == "ServiceMonitor":
            assert all((selector.items() <= item["metadata"]["labels"].items()) is own for item in services)


def _selector(item: Object) -> dict[str, str] | None:
    spec = item.get("spec", {})
    if item["kind"] == "Service":
        return dict(spec["selector"])
    if item["kind"] == "NetworkPolicy":
        return dict(spec["podSelector"]["matchLabels"])
    if item["kind"] in {"Deployment", "PodDisruptionBudget", "ServiceMonitor"}:
        return dict(spec["selector"]["matchLabels"])
    return None


def test_the_pod_is_restricted_and_is_probed_by_the_port_of_the_metrics(helm4: Helm) -> None:
    pod = one(helm4.objects(_ON), "Deployment", name=_NAME)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["args"][0] == "receiver"
    assert pod["serviceAccountName"] == _NAME
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]  # noqa: S108 - the container's
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {f"--http-port={ports['http']}", f"--metrics-port={ports['metrics']}"} <= set(container["args"])
    probes = {container[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "liveness", "readiness")}
    assert probes == {"metrics"}


@pytest.mark.parametrize(
    ("values", "replicas", "scaled"),
    [
        ({}, 2, False),
        ({"replicas": 0}, 0, False),
        ({"replicas": None}, None, False),
        ({"autoscaling": {"enabled": True}}, None, True),
    ],
)
def test_the_number_of_pods_can_be_left_to_an_autoscaler(
    helm: Helm, values: Any, replicas: int | None, scaled: bool
) -> None:
    objects = helm.objects(_with(**values))
    assert one(objects, "Deployment", name=_NAME)["spec"].get("replicas") == replicas
    assert ("HorizontalPodAutoscaler" in _named(objects, _NAME)) is scaled


def test_only_the_path_of_sources_is_reachable_from_outside(helm4: Helm) -> None:
    exposed = {
        "ingress": {"enabled": True, "host": "hooks.example.com"},
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
    }
    objects = helm4.objects(_with(**exposed, service={"type": "LoadBalancer"}))
    ingress = one(objects, "Ingress")["spec"]
    assert [path["path"] for rule in ingress["rules"] for path in rule["http"]["paths"]] == ["/v1/sources"]
    assert ingress["tls"] == [{"hosts": ["hooks.example.com"], "secretName": f"{_NAME}-tls"}]
    route = one(objects, "HTTPRoute")["spec"]["rules"]
    assert route[0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/v1/sources"}}]
    ports = {
        item["metadata"]["name"]: (
            item["spec"].get("type", "ClusterIP"),
            [port["name"] for port in item["spec"]["ports"]],
        )
        for item in objects
        if item["kind"] == "Service" and "receiver" in item["metadata"]["name"]
    }
    assert ports == {_NAME: ("LoadBalancer", ["http"]), f"{_NAME}-metrics": ("ClusterIP", ["metrics"])}


def test_it_has_no_access_to_the_internet(helm4: Helm) -> None:
    policy = one(helm4.objects({**_ON, "networkPolicy": {"enabled": True}}), "NetworkPolicy", name=_NAME)
    ports = {entry["port"] for rule in policy["spec"]["egress"] for entry in rule["ports"]}
    assert ports == {53, 443, 6443}
    blocks = [peer["ipBlock"]["cidr"] for rule in policy["spec"]["egress"] for peer in rule.get("to", [])]
    assert "10.0.0.0/8" in blocks
    assert "0.0.0.0/0" not in blocks


def test_rights_in_namespaces_are_bound_where_they_are_listed_only(helm4: Helm) -> None:
    def bound(namespaces: list[str]) -> set[tuple[str, str | None]]:
        return {
            (item["kind"], item["metadata"].get("namespace"))
            for item in helm4.objects(_with(namespaces=namespaces))
            if item.get("roleRef", {}).get("name") == f"{_NAME}-namespace"
        }

    assert bound([]) == set()
    assert bound(["team-a", "team-b"]) == {("RoleBinding", "team-a"), ("RoleBinding", "team-b")}
    assert bound(["*"]) == {("ClusterRoleBinding", None)}
    everywhere = one(helm4.objects(_ON), "ClusterRole", name=_NAME)["rules"]
    assert {resource for rule in everywhere for resource in rule["resources"]} == {
        "recordingsources",
        "recordingsources/status",
    }


def test_it_may_use_every_location_if_that_verb_is_required(helm4: Helm) -> None:
    rules = one(helm4.objects({**_ON, "admissionPolicies": {"useVerb": True}}), "ClusterRole", name=_NAME)["rules"]
    assert {"apiGroups": ["recordings.dev"], "resources": ["storagelocations"], "verbs": ["use"]} in rules


def test_helm_test_requests_both(helm4: Helm) -> None:
    command = one(helm4.objects(_ON), "Pod")["spec"]["containers"][0]["command"]
    assert command[3:] == [f"http://{RELEASE}.recordings:8080", f"http://{_NAME}-metrics.recordings:8081"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (_with(ingress={"enabled": True}), "receiver.ingress.host is needed"),
        (_with(httpRoute={"enabled": True}), "requires receiver.httpRoute.parentRefs"),
        (_with(serviceAccount={"create": False}), "receiver.serviceAccount.name is needed"),
        (_with(namespaces=["Team A"]), "namespaces"),
    ],
)
def test_impossible_values_are_rejected_with_an_explanation(helm: Helm, values: Any, words: str) -> None:
    with pytest.raises(HelmError, match=words):
        helm.render(values)


@pytest.mark.cluster
def test_both_run_beside_each_other_where_the_restricted_standard_is_enforced(
    cluster_helm4: Helm, bare_cluster: ControlPlane
) -> None:
    kubectl, into = bare_cluster.kubectl, f"--namespace={NAMESPACE}"
    values = _with(namespaces=["team-a"])
    notes = cluster_helm4("install", RELEASE, str(CHART), into, values=values)
    assert "kind: RecordingSource" in notes
    assert "NOTE: receiver.namespaces is empty" not in notes
    for name in (RELEASE, _NAME):
        selector = f"--selector=app.kubernetes.io/name={name}"
        eventually(lambda selector=selector: len(kubectl.json("get", "pods", into, selector)["items"]) == 2)  # type: ignore[misc]
    account = f"--as=system:serviceaccount:{NAMESPACE}:{_NAME}"

    def may(verb: str, resource: str, namespace: str, *options: str) -> str:
        done = kubectl.run("auth", "can-i", verb, resource, f"--namespace={namespace}", account, *options)
        return done.stdout.strip()

    assert may("create", "recordings.recordings.dev", "team-a") == "yes"
    assert may("get", "secrets", "team-a") == "yes"
    assert may("list", "secrets", "team-a") == "no"
    assert may("create", "recordings.recordings.dev", "default") == "no"
    assert may("get", "secrets", NAMESPACE) == "no"
    assert may("watch", "recordingsources.recordings.dev", "default") == "yes"
    assert may("patch", "recordings.recordings.dev", "team-a", "--subresource=status") == "no"
