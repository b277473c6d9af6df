"""The messages of the real API server for uploads from clients. No response contains the signature of a URL."""

from collections.abc import Mapping
from typing import Any

import pytest

from localcluster import ControlPlane
from tests.api.apiserver import ApiServer
from tests.api.cases import Case
from tests.api.manifests import CANARY, JsonObject
from tests.api.upload_cases import (
    BAD_UPLOAD_UPDATES,
    BAD_UPLOADS,
    FINISHED_UPLOAD,
    GOOD_UPLOAD_UPDATES,
    GOOD_UPLOADS,
    STORED_UPLOAD,
)

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> ApiServer:
    """The API server, with the objects that updates are tried on."""
    api = ApiServer(cluster.kubeconfig)
    for manifest in (STORED_UPLOAD, FINISHED_UPLOAD):
        assert api.create(manifest, dry_run=False).message == "accepted"
    return api


@pytest.mark.parametrize("case", BAD_UPLOADS, ids=lambda case: case.name)
def test_bad_upload_is_rejected(server: ApiServer, case: Case) -> None:
    response = server.create(case.manifest)
    assert case.matches(response.message), f"{response.message}\n{case.message}"
    assert CANARY not in response.body


@pytest.mark.parametrize("manifest", GOOD_UPLOADS.values(), ids=GOOD_UPLOADS)
def test_good_upload_is_accepted(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    assert server.create(manifest).message == "accepted"


@pytest.mark.parametrize(("stored", "case"), BAD_UPLOAD_UPDATES, ids=lambda value: getattr(value, "name", ""))
def test_bad_update_is_rejected(server: ApiServer, stored: JsonObject, case: Case) -> None:
    response = server.patch(stored, case.manifest)
    assert case.matches(response.message), f"{response.message}\n{case.message}"


@pytest.mark.parametrize(("stored", "patch"), GOOD_UPLOAD_UPDATES.values(), ids=GOOD_UPLOAD_UPDATES)
def test_finish_may_be_added_once(server: ApiServer, stored: JsonObject, patch: Mapping[str, Any]) -> None:
    assert server.patch(stored, patch).message == "accepted"
