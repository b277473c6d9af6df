"""The console: off by default, apart from the operator, with a database, a volume or neither."""

from typing import Any

import pytest

from tests.chart.helm import MONITORING_APIS, RELEASE, Helm, HelmError, one

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
