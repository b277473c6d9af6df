"""CloudEvents 1.0 in structured mode: the signature covers the whole event, its attributes included."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

from recording_operator.api.names import API_VERSION, EVENT_SINK_PLURAL
from recording_operator.api.notification import EventName
from recording_operator.notify.catalogue import EVENT_TYPES, TEST_TYPE, CloudEventType
from recording_operator.notify.payloads import EventData, SinkTestEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkEvent:
    """An event to send. It may contain presigned URLs, so `repr` does not show its data."""

    name: EventName
    id: str
    source: str
    """A URI reference, such as the path of the object at the API server."""
    subject: str
    time: datetime
    """When it happened, not when it is sent."""
    org: str | None = None
    data: EventData = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
    """A request with an event."""

    content_type: str
    body: bytes = field(repr=False)


def encode(event: SinkEvent) -> EncodedEvent:
    """The request for this event, the same in every attempt as long as the data is the same."""
    attributes = {
        "id": event.id,
        "source": event.source,
        "subject": event.subject,
        "time": event.time,
        **({} if event.org is None else {"orgid": event.org}),
    }
    return _encoded(EVENT_TYPES[event.name], attributes, event.data)


def encode_test(*, sink: str, namespace: str, event_id: str, time: datetime) -> EncodedEvent:
    """The request for a test event to an EventSink."""
    attributes = {
        "id": event_id,
        "source": f"/apis/{API_VERSION}/namespaces/{namespace}/{EVENT_SINK_PLURAL}/{sink}",
        "subject": sink,
        "time": time,
    }
    message = "This is a test of the EventSink. There is nothing to do."
    return _encoded(TEST_TYPE, attributes, SinkTestEvent(sink=sink, namespace=namespace, message=message))


def _encoded(kind: CloudEventType, attributes: Mapping[str, object], data: EventData) -> EncodedEvent:
    attributes = {
        **attributes,
        "type": kind.type,
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "dataschema": kind.schema_uri,
    }
    document = data.model_dump(mode="json", by_alias=True, exclude_none=True)
    message = to_structured_event(CloudEvent(attributes=attributes, data=document))
    return EncodedEvent(content_type=message.headers["content-type"], body=message.body)
