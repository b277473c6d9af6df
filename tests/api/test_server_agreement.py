"""The models and the real API server agree on defaults, statuses and the maximum size of an object."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from localcluster import ControlPlane
from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.recording import Recording, RecordingStatus
from recording_operator.api.storagelocation import StorageLocation, StorageLocationStatus
from tests.api.apiserver import ApiServer
from tests.api.good_manifests import GOOD_LOCATIONS, GOOD_RECORDINGS
from tests.api.manifests import SIGNATURE, a_location, a_recording, an_artifact
from tests.api.statuses import STATUSES, dumped, the_largest_status

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> ApiServer:
    """The API server."""
    return ApiServer(cluster.kubeconfig)


@pytest.mark.parametrize("manifest", GOOD_RECORDINGS.values(), ids=GOOD_RECORDINGS)
def test_defaults_of_a_recording_are_the_models(server: ApiServer, manifest: dict[str, Any]) -> None:
    stored = server.create(manifest).object
    assert Recording.model_validate(stored).spec == Recording.model_validate(manifest).spec


@pytest.mark.parametrize("manifest", GOOD_LOCATIONS.values(), ids=GOOD_LOCATIONS)
def test_defaults_of_a_location_are_the_models(server: ApiServer, manifest: dict[str, Any]) -> None:
    stored = server.create(manifest).object
    assert StorageLocation.model_validate(stored).spec == StorageLocation.model_validate(manifest).spec


def test_any_status_is_accepted_and_kept_whole(server: ApiServer) -> None:
    recording = a_recording(name="any-status")
    assert server.create(recording, dry_run=False).message == "accepted"

    @given(status=STATUSES)
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(status: RecordingStatus) -> None:
        answer = server.patch(recording, {"status": dumped(status)}, status=True)
        assert answer.message == "accepted"
        assert answer.object["status"] == {"phase": "Pending"} | dumped(status)

    check()


def test_the_largest_recording_takes_its_largest_status(server: ApiServer) -> None:
    """Otherwise an accepted Recording could be stuck: etcd stores at most 1.5 MB, and the spec is already in it."""
    sources = [
        an_artifact(name=f"a{number:02}" + "x" * 60, source={"url": "https://h/" + "a" * 8100 + SIGNATURE})
        for number in range(48)
    ]
    texts = [an_artifact(name=f"a{number:02}" + "x" * 60, source=None, inline="x" * 16384) for number in range(48, 64)]
    recording = a_recording(*sources, *texts, name="largest")
    assert server.create(recording, dry_run=False).message == "accepted"
    names = [artifact["name"] for artifact in recording["spec"]["artifacts"]]
    answer = server.patch(recording, {"status": dumped(the_largest_status(names))}, status=True, dry_run=False)
    assert answer.message == "accepted"
    assert len(answer.object["status"]["artifacts"]) == 64
    # And the rules of an update stay within the server's cost limit, with every URL fresh.
    for artifact in sources:
        artifact["source"]["url"] += "2"
    fresh = {"spec": {"artifacts": [*sources, *texts], "suspend": True}}
    assert server.patch(recording, fresh, dry_run=False).message == "accepted"


def test_a_location_status_is_accepted_and_kept_whole(server: ApiServer) -> None:
    location = a_location(name="any-status")
    assert server.create(location, dry_run=False).message == "accepted"
    condition = Condition(
        type="Ready",
        status=ConditionStatus.TRUE,
        observed_generation=1,
        last_transition_time="2026-11-21T12:00:00Z",
        reason="ProbeSucceeded",
        message="A test write, a multipart upload and its abort succeeded.",
    )
    status = StorageLocationStatus(
        observed_generation=1,
        conditions=(condition,),
        capabilities={"conditionalWrites": True, "versioning": False},
        last_probe_time="2026-11-21T12:00:00Z",
    ).model_dump(mode="json", by_alias=True, exclude_none=True)
    answer = server.patch(location, {"status": status}, status=True)
    assert answer.message == "accepted"
    assert answer.object["status"] == status
