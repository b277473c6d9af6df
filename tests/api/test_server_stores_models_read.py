"""Whatever the API server stores, the models read: an object that cannot be read would never be looked at again.

Every field of a whole manifest, and of a status with every field of its schema, is given each awkward value in turn and
left out. The real API server says which of them it takes.
"""

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from localcluster import ControlPlane
from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from tests.api.apiserver import Answer, ApiServer
from tests.api.bad_reports import GOOD_REPORTS
from tests.api.good_manifests import GOOD_LOCATIONS
from tests.api.manifests import SHA256, a_location, a_recording, an_artifact

pytestmark = pytest.mark.cluster

JsonObject = dict[str, Any]
Place = tuple[str | int, ...]
CRDS: Final = Path(__file__).parents[2] / "crds"
ABSENT: Final = object()
WHEN: Final = "2026-11-22T10:00:00Z"
OF_ANY_KIND: Final[tuple[Any, ...]] = (ABSENT, None, "", 1, True, [], {})
TEXTS: Final = (" ", "x", "é\u2028\u0000", "-1", "1e400", "NaN", "1.5", "0s", "1e9h", "9" * 30, WHEN)
TIMES: Final = (  # the server's format takes some of them, its rules others
    "x", "1", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
    "2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+23:60", "2026-11-22T10:00:00-99:99", "2026-11-22T10:00:00x5Z",
    "2026-11-22T10:00:00Ztail", "2026-11-22T10:00:00+24:00Ztail", "2026-11-22t10:00:00z",
    "2026-11-22T10:00:00.123456789012Z", "2026-02-30T10:00:00Z",
)  # fmt: skip
NUMBERS: Final = (-1, 0, 1.0, 1.5, 2**31 - 1, 2**31, 2**63 - 1, 2**63)
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
    name="whole",
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
        Kind(model=Recording, whole=WHOLE_RECORDING, plain=a_recording(name="read")),
        Kind(model=StorageLocation, whole=location, plain=a_location(name="read")),
        Kind(model=StorageReport, whole=report, plain=report | {"metadata": {"name": "read"}}),
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
    schema = schema_of(kind.plain)["properties"]["status"]
    whole = {"status": filled(schema)}

    def patch(body: JsonObject) -> Answer:
        return server.patch(kind.plain, body, status=True)

    assert patch(whole).message == "accepted"
    assert unread(kind.model, varied(whole), patch) == []


def unread(model: type[BaseModel], variants: Any, send: Any) -> list[str]:
    """What was accepted, but cannot be read."""

    def one(place: Place, variant: JsonObject) -> tuple[bool, str]:
        answer = send(variant)
        if answer.message != "accepted":
            return False, ""
        try:
            model.model_validate(answer.object)
        except ValidationError as error:
            return True, f"{'.'.join(map(str, place))}: {error.errors()[0]['msg']} {error.errors()[0]['input']!r:.60}"
        return True, ""

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda varied: one(*varied), variants))
    assert sum(accepted for accepted, _ in found) > len(found) / 20, "nearly nothing is accepted: what does this show?"
    return sorted({problem for _, problem in found if problem})


def varied(whole: JsonObject) -> Iterator[tuple[Place, JsonObject]]:
    """The object with one field changed."""
    for place, value in leaves(whole):
        for awkward in (*OF_ANY_KIND, *awkward_for(value)):
            changed = copy.deepcopy(whole)
            inner: Any = changed
            for step in place[:-1]:
                inner = inner[step]
            if awkward is not ABSENT:
                inner[place[-1]] = awkward
            elif isinstance(inner, dict):
                del inner[place[-1]]
            yield place, changed


def awkward_for(value: Any) -> tuple[Any, ...]:
    """Values of the same kind."""
    if isinstance(value, str):
        return TIMES if value == WHEN else TEXTS
    return NUMBERS if type(value) is int else ()


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every field and every list within, with its place."""
    if place:
        yield place, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from leaves(item, (*place, key))


def schema_of(manifest: JsonObject) -> JsonObject:
    """What the CRD says of this kind."""
    for file in CRDS.glob("*.yaml"):
        crd = yaml.safe_load(file.read_text())
        if crd["spec"]["names"]["kind"] == manifest["kind"]:
            schema: JsonObject = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            return schema
    raise KeyError(manifest["kind"])


def filled(schema: JsonObject) -> Any:
    """A value with every field that the schema knows."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {name: filled(field) for name, field in schema["properties"].items()}
        case "object":
            return {"x": filled(schema["additionalProperties"])}
        case "array":
            return [filled(schema["items"])]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return WHEN if schema.get("format") == "date-time" else "1"
