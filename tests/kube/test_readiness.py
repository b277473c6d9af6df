"""Each error in the setup results in one clear line, on a real API server."""

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.kube.connection import Connection, connection
from recording_operator.kube.readiness import check_ready
from recording_operator.kube.rest import RestClient
from tests.chart.cluster import remove_crds
from tests.conftest import TENANT

pytestmark = pytest.mark.cluster


class WrongToken:
    def current(self) -> str | None:
        return "not-a-token"


def test_the_rights_that_the_chart_gives_are_enough(rest: RestClient) -> None:
    assert check_ready(rest, operator_namespace=OPERATOR_NAMESPACE) == []


def test_each_missing_right_is_named(cluster: ControlPlane) -> None:
    rest = RestClient(connection(kubeconfig=cluster.user_kubeconfig(TENANT)))

    problems = check_ready(rest, operator_namespace=OPERATOR_NAMESPACE)

    verbs = "get, list, watch, patch, delete"
    assert f"The operator has no permission to {verbs} recordings.recordings.dev. Apply its RBAC." in problems
    assert "The operator has no permission to patch recordings/status.recordings.dev. Apply its RBAC." in problems
    verbs = "get, update, create"
    lease = f"The operator has no permission to {verbs} leases.coordination.k8s.io in namespace {OPERATOR_NAMESPACE}"
    assert f"{lease}. Apply its RBAC." in problems
    rest.close()


def test_rights_in_another_namespace_do_not_count(rest: RestClient) -> None:
    problems = check_ready(rest, operator_namespace="default")
    assert problems
    assert all("leases.coordination.k8s.io in namespace default" in problem for problem in problems)


def test_a_token_that_is_none_is_one_line(operator_connection: Connection) -> None:
    rest = RestClient(
        Connection(
            server=operator_connection.server,
            namespace="default",
            token=WrongToken(),
            authority=operator_connection.authority,
        )
    )
    (problem,) = check_ready(rest, operator_namespace=OPERATOR_NAMESPACE)
    assert "does not accept the operator's token" in problem
    rest.close()


def test_missing_crds_are_named(bare_cluster: ControlPlane) -> None:
    remove_crds(bare_cluster)
    rest = RestClient(connection(kubeconfig=bare_cluster.kubeconfig))

    assert check_ready(rest, operator_namespace="default") == [
        f"The API server does not have {plural}.recordings.dev (v1alpha1). Apply the CRDs (kubectl apply -f crds/)."
        for plural in ("recordings", "storagelocations", "storagereports", "eventsinks")
    ]
    rest.close()
