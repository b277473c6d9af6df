"""The messages of the real API server for RecordingSources, EventSinks, and Recordings of providers."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from localcluster import ControlPlane
from recording_operator.api.eventsink import EventSink
from recording_operator.api.meta import ApiModel
from recording_operator.api.recording import Recording
from recording_operator.api.recordingsource import RecordingSource
from tests.api.apiserver import ApiServer
from tests.api.cases import Case
from tests.api.manifests import CANARY
from tests.api.provider_cases import (
    BAD_CONTENT_UPDATES,
    BAD_PROVIDER_RECORDINGS,
    GOOD_CONTENT_UPDATES,
    GOOD_PROVIDER_RECORDINGS,
    STORED_CONTENT,
)
from tests.api.sink_cases import BAD_SINKS, GOOD_SINK_UPDATES, GOOD_SINKS, STORED_SINK
from tests.api.source_cases import (
    BAD_SOURCE_UPDATES,
    BAD_SOURCES_OF_RECORDINGS,
    GOOD_SOURCE_UPDATES,
    GOOD_SOURCES,
    STORED_SOURCE,
)

pytestmark = pytest.mark.cluster
MODELS: Final[dict[str, type[ApiModel]]] = {
    "Recording": Recording,
    "RecordingSource": RecordingSource,
    "EventSink": EventSink,
}
GOOD: Final = {**GOOD_SOURCES, **GOOD_SINKS, **GOOD_PROVIDER_RECORDINGS}
BAD: Final = (*BAD_SOURCES_OF_RECORDINGS, *BAD_SINKS, *BAD_PROVIDER_RECORDINGS)
BAD_UPDATES: Final = [
    *((STORED_SOURCE, case) for case in BAD_SOURCE_UPDATES),
    *((STORED_CONTENT, case) for case in BAD_CONTENT_UPDATES),
]
GOOD_UPDATES: Final = {
    f"{stored['kind']}: {name}": (stored, patch)
    for stored, patches in (
        (STORED_SOURCE, GOOD_SOURCE_UPDATES),
        (STORED_SINK, GOOD_SINK_UPDATES),
        (STORED_CONTENT, GOOD_CONTENT_UPDATES),
    )
    for name, patch in patches.items()
}


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> ApiServer:
    """The API server, with the objects that updates are tried on."""
    api = ApiServer(cluster.kubeconfig)
    for manifest in (STORED_SOURCE, STORED_SINK, STORED_CONTENT):
        assert api.create(manifest, dry_run=False).message == "accepted"
    return api


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_bad_manifest_is_rejected(server: ApiServer, case: Case) -> None:
    response = server.create(case.manifest)
    assert case.matches(response.message), f"{response.message}\n{case.message}"
    assert CANARY not in response.body


@pytest.mark.parametrize("manifest", GOOD.values(), ids=GOOD)
def test_good_manifest_is_accepted_and_read_as_it_is_stored(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    response = server.create(manifest)
    assert response.message == "accepted"
    model: Any = MODELS[manifest["kind"]]
    assert model.model_validate(response.object).spec == model.model_validate(manifest).spec


@pytest.mark.parametrize(("stored", "case"), BAD_UPDATES, ids=lambda value: getattr(value, "name", ""))
def test_bad_update_is_rejected(server: ApiServer, stored: Mapping[str, Any], case: Case) -> None:
    response = server.patch(stored, case.manifest)
    assert case.matches(response.message), f"{response.message}\n{case.message}"


@pytest.mark.parametrize(("stored", "patch"), GOOD_UPDATES.values(), ids=GOOD_UPDATES)
def test_good_update_is_accepted(server: ApiServer, stored: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
    assert server.patch(stored, patch).message == "accepted"


@pytest.mark.parametrize(
    "manifest", [STORED_SOURCE, STORED_SINK, STORED_CONTENT], ids=lambda manifest: manifest["kind"]
)
def test_server_side_apply_accepts_what_create_accepts(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    applied = {**manifest, "metadata": {"name": f"{manifest['metadata']['name']}-applied"}}

    assert server.apply(applied).code == 201
    assert server.apply(applied).code == 200
