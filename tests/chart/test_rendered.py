"""The rendered defaults: generated files, least privileges, a restricted pod, the egress that the operator needs."""

import re
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from localcluster.install import PROJECT
from recording_operator.api.crd import RESOURCES, crd
from recording_operator.api.generated import differing
from recording_operator.egress.addresses import NOT_PUBLIC_IPV4
from tests.chart.helm import CHART, Helm, Object, one


def test_generated_files_are_up_to_date() -> None:
    command = [sys.executable, str(PROJECT / "charts" / "generate.py"), "--check"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(PROJECT / "operator")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_check_sees_a_file_that_differs_and_one_too_many(tmp_path: Path) -> None:
    good, bad, missing, strange = (tmp_path / name for name in ("good", "bad", "missing", "strange"))
    for path in (good, bad, strange):
        path.write_text("as generated")
    files = [(good, "as generated"), (bad, "other"), (missing, "new")]
    assert differing(files, found=tmp_path.glob("*")) == ["bad", "missing", "strange"]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
def test_crds_are_the_generated_ones_and_outlive_the_release(helm: Helm, resource: object) -> None:
    found = one(helm.objects(), "CustomResourceDefinition", name=resource.crd_name)  # type: ignore[attr-defined]
    assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert found["spec"] == crd(resource)["spec"]  # type: ignore[arg-type]


def test_no_right_on_secrets_is_cluster_wide(helm4: Helm) -> None:
    objects = helm4.objects()
    secrets_role = one(objects, "ClusterRole", name="recording-operator-secrets")
    bound = [item["roleRef"]["name"] for item in objects if item["kind"] == "ClusterRoleBinding"]
    assert bound == ["recording-operator", "recording-operator-addressable"]
    assert "rules" not in one(objects, "ClusterRole", name="recording-operator-addressable")
    assert "secrets" not in yaml.safe_dump(one(objects, "ClusterRole", name="recording-operator")["rules"])
    assert secrets_role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]


def test_no_rule_has_a_wildcard(helm4: Helm) -> None:
    for item in helm4.objects():
        for rule in item.get("rules", []):
            assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}, item["metadata"]["name"]


def test_rights_of_users_come_from_the_namespaced_kinds(helm4: Helm) -> None:
    namespaced = [resource.plural for resource in RESOURCES if resource.scope == "Namespaced"]
    edit = one(helm4.objects(), "ClusterRole", name="recording-operator-edit")
    kinds, use, presign = edit["rules"]
    assert sorted(kinds["resources"]) == sorted(namespaced)
    assert (use["resources"], use["verbs"]) == (["recordingsources"], ["use"])
    assert (presign["resources"], presign["verbs"]) == (["recordings"], ["presign"])
    assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"


def test_the_pod_is_restricted_and_can_write_only_tmp(helm4: Helm) -> None:
    pod = one(helm4.objects(), "Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/tmp"]  # noqa: S108 - the container's
    assert pod["terminationGracePeriodSeconds"] > 1.5 * 20


def _egress(helm4: Helm) -> list[Object]:
    rules: list[Object] = one(helm4.objects({"networkPolicy": {"enabled": True}}), "NetworkPolicy")["spec"]["egress"]
    return rules


def _allows(rules: list[Object], address: str, port: int, protocol: str = "TCP") -> bool:
    ip = ip_address(address)

    def block_allows(block: Object) -> bool:
        network = ip_network(block["cidr"])
        return ip in network and not any(ip in ip_network(hole) for hole in block.get("except", []))

    return any(
        any(entry["port"] == port and entry.get("protocol", "TCP") == protocol for entry in rule["ports"])
        and ("to" not in rule or any(block_allows(peer["ipBlock"]) for peer in rule["to"]))
        for rule in rules
    )


@pytest.mark.parametrize(
    ("address", "port", "protocol", "allowed"),
    [
        ("10.96.0.10", 53, "UDP", True),
        ("10.96.0.1", 443, "TCP", True),
        ("192.168.1.5", 6443, "TCP", True),
        ("52.218.0.1", 443, "TCP", True),
        ("2a05:d07a:a000::1", 443, "TCP", True),
        ("52.218.0.1", 80, "TCP", False),
        ("169.254.169.254", 80, "TCP", False),
        ("169.254.169.254", 443, "TCP", False),
        ("168.63.129.16", 443, "TCP", False),
        ("10.1.2.3", 5432, "TCP", False),
        ("fd00:ec2::254", 443, "TCP", False),
        ("2002:a9fe:a9fe::1", 443, "TCP", False),
        ("fd00:10:96::1", 443, "TCP", True),
        ("fd12:3456::7", 6443, "TCP", True),
        ("fd20:ce::254", 443, "TCP", False),
        ("100.100.100.200", 443, "TCP", False),
        ("fd12:3456::7", 5432, "TCP", False),
        ("64:ff9b::808:808", 443, "TCP", True),
        ("64:ff9b::a9fe:a9fe", 443, "TCP", False),
        ("64:ff9b::a00:1", 443, "TCP", False),
        ("fe80::1", 443, "TCP", False),
    ],
)
def test_default_egress(helm4: Helm, address: str, port: int, protocol: str, allowed: bool) -> None:
    assert _allows(_egress(helm4), address, port, protocol) is allowed


def test_public_egress_leaves_out_what_the_operator_itself_denies(helm4: Helm) -> None:
    blocks = [peer["ipBlock"] for rule in _egress(helm4) for peer in rule.get("to", [])]
    everywhere = next(block for block in blocks if block["cidr"] == "0.0.0.0/0")
    assert everywhere["except"] == [str(network) for network in NOT_PUBLIC_IPV4]


def test_chart_and_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    package = re.search(
        r'^__version__ = "(.+)"$', (PROJECT / "operator/recording_operator/__init__.py").read_text(), re.MULTILINE
    )
    assert package is not None
    assert chart["appVersion"] == chart["version"] == package[1]


def test_artifact_hub_lists_every_kind_and_working_examples() -> None:
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    listed = {entry["name"] for entry in yaml.safe_load(annotations["artifacthub.io/crds"])}
    assert listed >= {"recordings.recordings.dev", "storagelocations.recordings.dev"}
    assert listed <= {resource.crd_name for resource in RESOURCES}


_VOLUMES = [
    {"name": "recordings", "mountPath": "/recordings", "volume": {"persistentVolumeClaim": {"claimName": "nfs"}}},
    {"name": "cold", "mountPath": "/cold", "volume": {"nfs": {"server": "nas.example.com", "path": "/cold"}}},
]


def test_volumes_of_filesystems_are_mounted_and_permitted(helm: Helm) -> None:
    objects = helm.objects({"filesystem": {"volumes": _VOLUMES}})
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert (mounts["recordings"], mounts["cold"]) == ("/recordings", "/cold")
    assert {"name": "recordings", "persistentVolumeClaim": {"claimName": "nfs"}} in pod["volumes"]
    assert {"name": "cold", "nfs": {"server": "nas.example.com", "path": "/cold"}} in pod["volumes"]
    assert _roots(objects) == ["/recordings", "/cold"]


def test_settings_can_permit_less_than_the_volumes(helm: Helm) -> None:
    settings = {"filesystem": {"roots": ["/recordings/acme"]}}
    assert _roots(helm.objects({"filesystem": {"volumes": _VOLUMES}, "settings": settings})) == ["/recordings/acme"]


def _roots(objects: list[Object]) -> list[str]:
    settings = yaml.safe_load(one(objects, "ConfigMap", name="recording-operator-settings")["data"]["settings.yaml"])
    return list(settings["filesystem"]["roots"])
