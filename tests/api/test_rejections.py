"""The messages of the real API server for good and bad manifests. No response contains the signature of a URL."""

from collections.abc import Mapping
from typing import Any

import pytest

from localcluster import ControlPlane
from tests.api.apiserver import ApiResponse, ApiServer
from tests.api.bad_locations import BAD_LOCATIONS
from tests.api.bad_recordings import BAD_RECORDINGS
from tests.api.bad_s3 import BAD_S3
from tests.api.bad_sources import BAD_SOURCES
from tests.api.bad_templates import BAD_TEMPLATES
from tests.api.bad_updates import (
    BAD_LOCATION_UPDATES,
    BAD_STATUSES,
    BAD_UPDATES,
    GOOD_LOCATION_UPDATES,
    GOOD_UPDATES,
    STORED,
    STORED_LOCATION,
)
from tests.api.cases import Case, shows_types
from tests.api.good_manifests import GOOD_LOCATIONS, GOOD_RECORDINGS
from tests.api.import_cases import BAD_OBJECTS, GOOD_IMPORTS, GOOD_OBJECTS
from tests.api.lifecycle_cases import BAD_LIFECYCLES, GOOD_LIFECYCLES
from tests.api.manifests import CANARY, URL, a_recording, a_source, an_artifact, with_source

pytestmark = pytest.mark.cluster
BAD_MANIFESTS = (
    *BAD_RECORDINGS,
    *BAD_SOURCES,
    *BAD_LOCATIONS,
    *BAD_S3,
    *BAD_TEMPLATES,
    *BAD_LIFECYCLES,
    *BAD_OBJECTS,
)
GOOD_LOCATION_MANIFESTS = {**GOOD_LOCATIONS, **GOOD_LIFECYCLES, **GOOD_IMPORTS}
GOOD_RECORDING_MANIFESTS = {**GOOD_RECORDINGS, **GOOD_OBJECTS}


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> ApiServer:
    """The API server, with the objects that updates are tried on."""
    api = ApiServer(cluster.kubeconfig)
    for manifest in (STORED, STORED_LOCATION):
        assert api.create(manifest, dry_run=False).message == "accepted"
    return api


def assert_response(response: ApiResponse, case: Case) -> None:
    """The server returned exactly this message, without the signature."""
    assert case.matches(response.message), f"{response.message}\n{case.message}"
    assert CANARY not in response.body


@pytest.mark.parametrize("case", BAD_MANIFESTS, ids=lambda case: case.name)
def test_bad_manifest_is_rejected(server: ApiServer, case: Case) -> None:
    assert_response(server.create(case.manifest), case)


@pytest.mark.parametrize("manifest", GOOD_RECORDING_MANIFESTS.values(), ids=GOOD_RECORDING_MANIFESTS)
def test_good_recording_is_accepted(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    assert server.create(manifest).message == "accepted"


@pytest.mark.parametrize("manifest", GOOD_LOCATION_MANIFESTS.values(), ids=GOOD_LOCATION_MANIFESTS)
def test_good_location_is_accepted(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    assert server.create(manifest).message == "accepted"


@pytest.mark.parametrize("case", BAD_UPDATES, ids=lambda case: case.name)
def test_bad_update_is_rejected(server: ApiServer, case: Case) -> None:
    assert_response(server.patch(STORED, case.manifest), case)


@pytest.mark.parametrize("patch", GOOD_UPDATES.values(), ids=GOOD_UPDATES)
def test_good_update_is_accepted(server: ApiServer, patch: Mapping[str, Any]) -> None:
    assert server.patch(STORED, patch).message == "accepted"


@pytest.mark.parametrize("case", BAD_LOCATION_UPDATES, ids=lambda case: case.name)
def test_bad_location_update_is_rejected(server: ApiServer, case: Case) -> None:
    assert_response(server.patch(STORED_LOCATION, case.manifest), case)


@pytest.mark.parametrize("patch", GOOD_LOCATION_UPDATES.values(), ids=GOOD_LOCATION_UPDATES)
def test_good_location_update_is_accepted(server: ApiServer, patch: Mapping[str, Any]) -> None:
    assert server.patch(STORED_LOCATION, patch).message == "accepted"


@pytest.mark.parametrize("case", BAD_STATUSES, ids=lambda case: case.name)
def test_bad_status_is_rejected(server: ApiServer, case: Case) -> None:
    assert_response(server.patch(STORED, case.manifest, status=True), case)


def test_a_status_cannot_be_written_with_the_spec(server: ApiServer) -> None:
    forged = {"status": {"phase": "Complete"}}
    assert server.create({**a_recording(name="forged"), **forged}).object["status"] == {"phase": "Pending"}
    assert server.patch(STORED, forged).object["status"]["phase"] == "Pending"


NEAR_THE_URL = {
    "contentType": an_artifact(contentType=URL),
    "checksum": an_artifact(source=a_source(checksum=URL)),
    "urlSecretRef.name": an_artifact(source={"urlSecretRef": {"name": URL, "key": "k"}}),
    "urlSecretRef.key": an_artifact(source={"urlSecretRef": {"name": "s", "key": URL}}),
    "headersSecretRef.name": an_artifact(source=a_source(headersSecretRef={"name": URL})),
}


@pytest.mark.parametrize("artifact", NEAR_THE_URL.values(), ids=NEAR_THE_URL)
def test_a_url_in_a_field_near_its_own_is_not_repeated(server: ApiServer, artifact: Mapping[str, Any]) -> None:
    response = server.create(a_recording(dict(artifact)))
    assert response.code == 422
    assert CANARY not in response.body


REPEATED = {
    "storageLocation": a_recording(storageLocation=URL),
    "owner": a_recording(owner={"org": URL}),
    "artifact name": a_recording(an_artifact(name=URL[:63])),
    "expiresAt": with_source(expiresAt=URL),
}


@pytest.mark.parametrize("manifest", REPEATED.values(), ids=REPEATED)
def test_the_fields_in_which_the_server_repeats_a_misplaced_url(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    """Documented in docs/troubleshooting.md, which must change with this test."""
    response = server.create(manifest)
    assert response.code == 422
    assert URL[:63] in response.body or shows_types(response.message)


def test_the_error_of_a_strict_patch_with_an_unknown_field_contains_the_whole_object(server: ApiServer) -> None:
    """Documented in docs/troubleshooting.md, with the reason why the operator's patches are never strict."""
    response = server.patch(STORED, {"spec": {"urgent": True}})
    assert response.code == 422
    assert CANARY in response.body


def test_server_side_apply_repeats_a_source_of_the_wrong_type_only(server: ApiServer) -> None:
    """Documented in docs/troubleshooting.md."""
    wrong_type = server.apply(a_recording(an_artifact(source=URL)))
    assert CANARY in wrong_type.body
    unknown_field = server.apply(a_recording(urgent=True))
    assert "urgent: field not declared in schema" in unknown_field.message
    assert CANARY not in unknown_field.body
