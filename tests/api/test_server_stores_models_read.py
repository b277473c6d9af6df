"""The models can read everything that the API server stores; otherwise an object would never be processed again.

Every field of a whole manifest, and of a status with every field of its schema, is given each awkward value in turn and
left out. The real API server shows which of them it accepts.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pytest
from pydantic import BaseModel, ValidationError

from localcluster import ControlPlane
from recording_operator.api.eventsink import EventSink
from recording_operator.api.recording import Recording
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from tests.api.apiserver import ApiResponse, ApiServer
from tests.api.bad_reports import GOOD_REPORTS
from tests.api.good_manifests import GOOD_LOCATIONS
from tests.api.manifests import SHA256, a_location, a_recording, an_artifact
from tests.api.provider_cases import PROVIDER
from tests.api.sink_cases import GOOD_SINKS, a_sink
from tests.api.source_cases import GOOD_SOURCES
from tests.api.source_cases import a_source as a_recording_source
from tests.support.awkward import WHEN, JsonObject, Place, filled, schema_of, varied

pytestmark = pytest.mark.cluster

WHOLE_RECORDING: Final = a_recording(
    an_artifact(
        source={
            "url": "https://media.example.com/a",
            "size": 1,
            "checksum": SHA256,
            "expiresAt": WHEN,
            "headersSecretRef": {"name": "headers"},
        },
        optional=True,
    ),
    an_artifact(name="secret", source={"urlSecretRef": {"name": "urls", "key": "video"}}),
    an_artifact(name="text", source=None, inline="x"),
    an_artifact(name="content", source=None, contentSecretRef={"name": "texts", "key": "transcript"}),
    an_artifact(name="calls", source={"provider": PROVIDER}),
    name="whole",
    title="Weekly sync",
    owner={"org": "acme", "user": "u", "project": "p"},
    deletionPolicy="Retain",
    ttlAfterFinished="1h",
    suspend=True,
    cancel=False,
    retryToken="1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A resource, a manifest with every field, and one to write statuses to."""

    model: type[BaseModel]
    whole: JsonObject
    plain: JsonObject


def kinds() -> list[Kind]:
    """All resources."""
    location, report = copy.deepcopy(GOOD_LOCATIONS["everything"]), copy.deepcopy(GOOD_REPORTS["every field"])
    return [
        Kind(model=Recording, whole=WHOLE_RECORDING, plain=a_recording(name="read", storageLocation=None)),
        Kind(model=StorageLocation, whole=location, plain=a_location(name="read")),
        Kind(model=StorageReport, whole=report, plain=report | {"metadata": {"name": "read"}}),
        *[
            Kind(model=RecordingSource, whole=manifest, plain=a_recording_source(name=f"read-{number}"))
            for number, manifest in enumerate(
                (GOOD_SOURCES["every field of the recordings"], GOOD_SOURCES["every field of a mapping"])
            )
        ],
        Kind(model=EventSink, whole=GOOD_SINKS["everything"], plain=a_sink(name="read")),
    ]


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> ApiServer:
    """The API server."""
    return ApiServer(cluster.kubeconfig)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.model.__name__)
def test_every_spec_that_is_stored_is_read(server: ApiServer, kind: Kind) -> None:
    assert server.create(kind.whole).message == "accepted"
    variants = [(place, variant) for place, variant in varied(kind.whole) if place[0] == "spec"]
    assert unread(kind.model, variants, server.create) == []


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.model.__name__)
def test_every_status_that_is_stored_is_read(server: ApiServer, kind: Kind) -> None:
    assert server.create(kind.plain, dry_run=False).message == "accepted"
    schema = schema_of(kind.plain["kind"])["properties"]["status"]
    whole = {"status": filled(schema)}

    def patch(body: JsonObject) -> ApiResponse:
        return server.patch(kind.plain, body, status=True)

    assert patch(whole).message == "accepted"
    assert unread(kind.model, varied(whole), patch) == []


def unread(model: type[BaseModel], variants: Any, send: Any) -> list[str]:
    """What was accepted, but cannot be read."""

    def one(place: Place, variant: JsonObject) -> tuple[bool, str]:
        response = send(variant)
        if response.message != "accepted":
            return False, ""
        try:
            model.model_validate(response.object)
        except ValidationError as error:
            return True, f"{'.'.join(map(str, place))}: {error.errors()[0]['msg']} {error.errors()[0]['input']!r:.60}"
        return True, ""

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda varied: one(*varied), variants))
    assert sum(accepted for accepted, _ in found) > len(found) / 20, "nearly nothing is accepted: what does this show?"
    return sorted({problem for _, problem in found if problem})
