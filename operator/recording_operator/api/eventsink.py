"""The EventSink: an application that receives events about Recordings."""

from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.eventsink_rules import (
    API_VERSION_SCHEMA,
    EVENTS_SCHEMA,
    KIND_SCHEMA,
    MAX_URI_CHARS,
    PRESIGN_SCHEMA,
    SINK_ROOT_RULES,
    SINK_SPEC_RULES,
)
from recording_operator.api.meta import ApiModel, ByteCount, Condition, Duration, ObjectMeta, ObjectName, Time
from recording_operator.api.notification import MAX_CLUSTER_NOTIFICATIONS, ClusterNotification, EventName
from recording_operator.api.recording import SecretRef
from recording_operator.api.recordingsource_rules import LABELS_SCHEMA


class SinkRef(ApiModel):
    """An object in the same namespace that has an address, such as a Service or Broker of Knative."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    api_version: Annotated[str, WithJsonSchema(API_VERSION_SCHEMA)] = Field(
        description="apiVersion of the object, such as serving.knative.dev/v1."
    )
    kind: Annotated[str, WithJsonSchema(KIND_SCHEMA)] = Field(description="Kind of the object, such as Service.")
    name: ObjectName = Field(description="Name of the object.")


class RecordingSelector(ApiModel):
    """Selects Recordings by label."""

    match_labels: Annotated[dict[str, str], WithJsonSchema(LABELS_SCHEMA)] = Field(
        default_factory=dict, description="Labels that a Recording must have, at most 16. Empty: all Recordings."
    )


class Presign(ApiModel):
    """URLs in the events with which anyone can download the stored files."""

    expires_after: Annotated[Duration, WithJsonSchema(PRESIGN_SCHEMA)] = Field(
        description="How long the URLs work, 1m to 168h."
    )


class EventSinkSpec(ApiModel):
    """Where events are sent, which ones, and how they are signed."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SINK_SPEC_RULES))

    uri: Annotated[str, WithJsonSchema(cel.string(max_length=MAX_URI_CHARS))] | None = Field(
        default=None,
        repr=False,
        description="URL that events are sent to. The operator's sink policy must allow it. Redirects are not "
        "followed. Set exactly one of uri and ref.",
    )
    ref: SinkRef | None = Field(
        default=None,
        description="Object in the same namespace whose status.address.url events are sent to. Set exactly one of uri "
        "and ref.",
    )
    secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret in the same namespace. Events are signed as Standard Webhooks with the value of each of "
        "its keys, such as whsec_ followed by Base64, so that a secret can be replaced without a gap. Required with "
        "uri.",
    )
    events: Annotated[tuple[EventName, ...], Field(json_schema_extra=EVENTS_SCHEMA)] = Field(
        description="What is sent: Completed, Failed, SourceExpired, Deleted and Moved of the Recordings in the same "
        "namespace. BudgetExceeded, ForecastExceedsBudget and LocationNotReady are sent only to EventSinks in the "
        "operator's namespace."
    )
    selector: RecordingSelector | None = Field(
        default=None, description="Which Recordings events are sent about. Default: all in the namespace."
    )
    presign: Presign | None = Field(
        default=None,
        description="Adds presigned URLs of the stored files to the events. Default: only the addresses, such as "
        "s3://bucket/key.",
    )
    suspend: bool = Field(
        default=False,
        description="If true, nothing is sent. Events about Recordings are kept: set it to false to send them. Events "
        "about budgets and StorageLocations are dropped if their condition is over by then.",
    )


class EventSinkStatus(ApiModel):
    """State of the EventSink. Only the operator writes it."""

    observed_generation: ByteCount | None = Field(default=None, description="The generation most recently reconciled.")
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = Field(default=(), description="Ready: whether events can be sent.")
    last_delivery_time: Time | None = Field(default=None, description="When the last event was delivered.")
    delivered: ByteCount = Field(default=0, description="Number of events that were delivered.")
    failed: ByteCount = Field(default=0, description="Number of events that were given up after the last attempt.")
    pending: ByteCount = Field(default=0, description="Number of events that wait to be delivered.")
    notifications: Annotated[
        tuple[ClusterNotification, ...],
        Field(json_schema_extra={"maxItems": MAX_CLUSTER_NOTIFICATIONS, "x-kubernetes-list-type": "atomic"}),
    ] = Field(
        default=(),
        description="Events about StorageReports and StorageLocations, and the state of their delivery. Only of an "
        "EventSink in the operator's namespace.",
    )


class EventSink(ApiModel):
    """An application that receives signed events about Recordings, such as Completed."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SINK_ROOT_RULES))

    metadata: ObjectMeta
    spec: EventSinkSpec
    status: EventSinkStatus = Field(default_factory=EventSinkStatus)
