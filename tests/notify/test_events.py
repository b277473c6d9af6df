"""Events as receivers see them: valid CloudEvents whose data has the published schema."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from recording_operator.api.notification import EventName
from recording_operator.notify.catalogue import ALL_TYPES, EVENT_TYPES, TEST_TYPE
from recording_operator.notify.events import SinkEvent, encode, encode_test
from recording_operator.notify.payloads import (
    ArtifactData,
    BudgetEvent,
    DeletedEvent,
    EventData,
    LocationEvent,
    OwnerData,
    RecordingData,
    RecordingEvent,
)

DOCS = Path(__file__).parents[2] / "docs"
SCHEMAS = DOCS / "events"
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RECORDING = RecordingData(
    namespace="team-a",
    name="weekly",
    uid="uid-1",
    labels={"team": "a"},
    owner=OwnerData(org="acme"),
    phase="Complete",
    completed_at=AT,
    artifacts=(ArtifactData(name="video", kind="Video", phase="Complete", uri="s3://bucket/key", size=5),),
)
DATA: dict[EventName, EventData] = {
    EventName.COMPLETED: RecordingEvent(recording=RECORDING),
    EventName.FAILED: RecordingEvent(recording=RECORDING),
    EventName.SOURCE_EXPIRED: RecordingEvent(recording=RECORDING),
    EventName.MOVED: RecordingEvent(recording=RECORDING),
    EventName.DELETED: DeletedEvent(recording=RECORDING, objects="Deleted"),
    EventName.BUDGET_EXCEEDED: BudgetEvent(
        report="all", budget="50.00", cost="51.20", currency="USD", message="This month has cost 51.20 USD."
    ),
    EventName.FORECAST_EXCEEDS_BUDGET: BudgetEvent(
        report="all", budget="50.00", forecast="51.20", currency="USD", message="Projected."
    ),
    EventName.LOCATION_NOT_READY: LocationEvent(storage_location="archive", reason="StoreDenied", message="Denied."),
}


def an_event(name: EventName) -> SinkEvent:
    return SinkEvent(
        name=name, id="uid-1/x/1", source="/apis/x", subject="weekly", time=AT, org="acme", data=DATA[name]
    )


def decoded(name: EventName) -> dict[str, Any]:
    return dict(json.loads(encode(an_event(name)).body))


@pytest.mark.parametrize("name", list(EventName))
def test_the_data_of_every_event_has_its_published_schema(name: EventName) -> None:
    schema = json.loads((SCHEMAS / EVENT_TYPES[name].schema_file).read_text())
    event = decoded(name)

    jsonschema.Draft202012Validator(schema).validate(event["data"])
    assert event["dataschema"] == schema["$id"]
    assert event["type"] == schema["title"]


@pytest.mark.parametrize("name", list(EventName))
def test_every_event_is_a_cloudevent(name: EventName) -> None:
    encoded = encode(an_event(name))

    parsed = from_structured_event(HTTPMessage({"content-type": encoded.content_type}, encoded.body))

    assert parsed.get_type() == EVENT_TYPES[name].type
    assert parsed.get_time() == AT
    assert parsed.get_extension("orgid") == "acme"


def test_the_documented_event_has_the_attributes_that_are_sent() -> None:
    example = json.loads((DOCS / "events.md").read_text().split("```json\n")[1].split("```")[0])
    sent = decoded(EventName.COMPLETED)

    assert example.keys() == sent.keys()
    assert (example["type"], example["dataschema"]) == (sent["type"], sent["dataschema"])


def test_a_test_event_has_its_published_schema() -> None:
    event = json.loads(encode_test(sink="app", namespace="team-a", event_id="uid-1/test/1", time=AT).body)
    schema = json.loads((SCHEMAS / TEST_TYPE.schema_file).read_text())
    jsonschema.Draft202012Validator(schema).validate(event["data"])
    assert (event["dataschema"], event["type"]) == (schema["$id"], schema["title"])
    assert event["source"].endswith("/namespaces/team-a/eventsinks/app")


def test_each_schema_belongs_to_an_event() -> None:
    assert {path.name for path in SCHEMAS.glob("*.json")} == {kind.schema_file for kind in ALL_TYPES}


def test_an_attempt_has_the_same_bytes_as_the_one_before() -> None:
    assert encode(an_event(EventName.COMPLETED)) == encode(an_event(EventName.COMPLETED))


def test_nothing_of_the_data_is_printed() -> None:
    event = an_event(EventName.COMPLETED)

    assert "s3://" not in repr(event) + repr(encode(event))
