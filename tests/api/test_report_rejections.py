"""The messages of the real API server for good and bad StorageReports."""

from collections.abc import Mapping
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.api.storagereport import StorageReport
from tests.api.apiserver import ApiServer
from tests.api.bad_reports import BAD_REPORTS, GOOD_REPORTS
from tests.api.cases import Case

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> ApiServer:
    """The API server."""
    return ApiServer(cluster.kubeconfig)


@pytest.mark.parametrize("case", BAD_REPORTS, ids=lambda case: case.name)
def test_bad_report_is_rejected(server: ApiServer, case: Case) -> None:
    answer = server.create(case.manifest)
    assert case.matches(answer.message), f"{answer.message}\n{case.message}"


@pytest.mark.parametrize("manifest", GOOD_REPORTS.values(), ids=GOOD_REPORTS)
def test_good_report_is_accepted_and_read_as_it_is_stored(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    answer = server.create(manifest)
    assert answer.message == "accepted"
    assert StorageReport.model_validate(answer.object).spec == StorageReport.model_validate(manifest).spec
