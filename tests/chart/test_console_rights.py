"""The console with exactly the permissions of the chart: all of them are used, and none is missing."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane, S3Server
from localcluster.consoleprocess import ConsoleProcess
from localcluster.install import credentials_secret, storage_location
from localcluster.operatorprocess import POLICY
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from tests.chart.cluster import NAMESPACE
from tests.chart.helm import CHART, RELEASE, Helm, Object
from tests.chart.test_rights import granted
from tests.console.stored import BODY, store_file
from tests.support.audit import Right, asked, forbidden
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_TEAM = "team-a"
_TENANT = "recordings-user"
_NAME = f"{RELEASE}-console"
_USER = f"system:serviceaccount:{NAMESPACE}:{_NAME}"
_VALUES = {"console": {"enabled": True}}
_API = "/api/v1/recordings"


@pytest.fixture
def console(
    cluster_helm4: Helm, bare_cluster: ControlPlane, s3: S3Server, scratch: Path, tmp_path: Path
) -> Iterator[ConsoleProcess]:
    """The console as the chart's ServiceAccount, with a bucket and a stored recording `weekly` in it."""
    kubectl, into = bare_cluster.kubectl, f"--namespace={_TEAM}"
    cluster_helm4("install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", values=_VALUES)
    s3.create_bucket("console-rights", versioned=True)
    secret = credentials_secret("archive", s3.root)
    secret["metadata"]["namespace"] = NAMESPACE
    kubectl.apply(
        secret,
        storage_location(
            "archive", endpoint=s3.endpoint, bucket="console-rights", secret="archive", namespaces=[_TEAM]
        ),
    )
    admin = RestClient(connection(kubeconfig=bare_cluster.kubeconfig))
    store_file(admin, _TEAM, "weekly", location="archive", operator_namespace=NAMESPACE)
    kubectl("create", "serviceaccount", _TENANT, into)
    kubectl("create", "rolebinding", _TENANT, "--clusterrole=edit", f"--serviceaccount={_TEAM}:{_TENANT}", into)
    kubeconfig = bare_cluster.service_account_kubeconfig(
        namespace=NAMESPACE, name=_NAME, path=scratch / "console-rights.kubeconfig"
    )
    process = ConsoleProcess(kubeconfig=kubeconfig, log=tmp_path / "console.log", settings=POLICY)
    process.start()
    yield process
    process.kill()
    kubectl("delete", "recordings", "--all", into)
    kubectl("delete", f"rolebinding/{_TENANT}", f"serviceaccount/{_TENANT}", into)


def test_every_right_is_used_and_no_other_is_missed(
    console: ConsoleProcess, bare_cluster: ControlPlane, cluster_helm4: Helm
) -> None:
    since = datetime.now(UTC)
    token = bare_cluster.kubectl.token(_TEAM, _TENANT)

    def get(path: str) -> Any:
        request = urllib.request.Request(console.url + path, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    eventually(lambda: [item["name"] for item in get(f"{_API}?namespace={_TEAM}")["items"]] == ["weekly"])
    url = get(f"{_API}/{_TEAM}/weekly/artifacts/video/url")["url"]
    with urllib.request.urlopen(url) as response:
        assert response.read() == BODY

    wanted = _of_the_console(cluster_helm4.objects(_VALUES))

    def used() -> set[Right]:
        return {right for right, _ in asked(bare_cluster, user=_USER)}

    eventually(lambda: wanted <= used(), within_s=60, what=str(wanted - used()))
    assert used() - wanted == set()
    assert forbidden(bare_cluster, user=_USER, since=since) == set()
    eventually(lambda: "recording_operator_console_outdated 0.0" in console.metrics())
    assert "recording_operator_console_unread_locations " in console.metrics()
    assert "Traceback" not in console.log_text()


def _of_the_console(objects: list[Object]) -> set[Right]:
    return granted([item for item in objects if item["metadata"]["name"].startswith(_NAME)])
