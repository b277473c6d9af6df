"""The RecordingSource: a provider whose webhooks become Recordings, and whose API returns fresh URLs."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import (
    ApiModel,
    ByteCount,
    Clipped,
    Condition,
    DeletionPolicy,
    Duration,
    ObjectMeta,
    ObjectName,
    Time,
)
from recording_operator.api.recording import ArtifactKind, ArtifactName, OwnerId, Priority, SecretRef
from recording_operator.api.recording_rules import CONTENT_TYPE_SCHEMA
from recording_operator.api.recordingsource_rules import (
    API_RULES,
    EVENT_NAME_SCHEMA,
    EVENT_NAMES_SCHEMA,
    EXPRESSION_SCHEMA,
    HEADER_SCHEMA,
    KINDS_SCHEMA,
    LABELS_SCHEMA,
    MAPPED_ARTIFACT_RULES,
    MAPPED_ARTIFACTS_SCHEMA,
    MAPPING_RULES,
    MAX_ENDPOINT_CHARS,
    OWNER_VALUE_RULES,
    PREFIX_SCHEMA,
    SOURCE_ROOT_RULES,
    SOURCE_SPEC_RULES,
    TEMPLATE_RULES,
    WEBHOOK_RULES,
)

Expression = Annotated[str, WithJsonSchema(EXPRESSION_SCHEMA)]
"""A JMESPath expression over the payload of an event."""
EventText = Annotated[str, WithJsonSchema(EVENT_NAME_SCHEMA)]


class ProviderName(StrEnum):
    """The providers of recordings."""

    MEETING_BAAS = "MeetingBaaS"
    RECALL = "Recall"
    ZOOM = "Zoom"
    LIVEKIT = "LiveKit"
    GLADIA = "Gladia"
    FIREFLIES = "Fireflies"
    GENERIC = "Generic"


class SignatureMethod(StrEnum):
    """How a Generic provider signs its deliveries."""

    STANDARD_WEBHOOKS = "StandardWebhooks"
    HMAC = "HMAC"
    NONE = "None"


class SignatureEncoding(StrEnum):
    """How the bytes of an HMAC are written in its header."""

    HEX = "Hex"
    BASE64 = "Base64"


class HmacSignature(ApiModel):
    """Where an HMAC-SHA256 of the body is, and how it is written."""

    header: Annotated[str, WithJsonSchema(HEADER_SCHEMA)] = Field(
        description="Name of the header with the signature, such as X-Hub-Signature-256."
    )
    prefix: Annotated[str, WithJsonSchema(PREFIX_SCHEMA)] = Field(
        default="", description="Text before the signature in the header, such as sha256=."
    )
    encoding: SignatureEncoding = Field(
        default=SignatureEncoding.HEX, description="How the signature is written: Hex or Base64."
    )


class Webhook(ApiModel):
    """How deliveries are verified."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*WEBHOOK_RULES))

    secret_ref: SecretRef = Field(
        description="Secret in the same namespace. The value of each of its keys is a valid verification secret, so "
        "that a secret can be replaced without a gap. If the provider signs nothing, each value is a token of at least "
        "16 characters that must follow status.path in the URL of the webhook."
    )
    signature: SignatureMethod | None = Field(
        default=None,
        description="How deliveries are signed: StandardWebhooks, HMAC, or None, where only the token in the URL "
        "protects the source. Set it if provider is Generic, and only then.",
    )
    hmac: HmacSignature | None = Field(
        default=None, description="Where the HMAC is. Set it if signature is HMAC, and only then."
    )


class ProviderApi(ApiModel):
    """The provider's API."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*API_RULES))

    secret_ref: SecretRef = Field(
        description="Secret in the same namespace with the credentials of the API. docs/providers has its keys for "
        "each provider."
    )
    endpoint: Annotated[str, WithJsonSchema(cel.string(max_length=MAX_ENDPOINT_CHARS))] | None = Field(
        default=None,
        description="Base URL of the API. The operator's source policy must allow it, unless it is the provider's "
        "usual one. Default: the provider's usual one; Recall has one for each region, and no default.",
    )


class OwnerValue(ApiModel):
    """One id of the owner: a text, or an expression over the payload."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*OWNER_VALUE_RULES))

    value: OwnerId | None = Field(default=None, description="The id itself. Set exactly one of value and from.")
    from_: Expression | None = Field(
        default=None,
        alias="from",
        description="JMESPath expression over the payload of the event, such as extra.org_id. It must yield a text or "
        "a number. Set exactly one of value and from.",
    )
    default: OwnerId | None = Field(
        default=None,
        description="The id if the expression yields nothing. Without a default, the delivery is rejected then.",
    )


class OwnerTemplate(ApiModel):
    """Who the recordings belong to."""

    org: OwnerValue = Field(description="Organisation that owns the recording.")
    user: OwnerValue | None = Field(default=None, description="User that the recording belongs to.")
    project: OwnerValue | None = Field(default=None, description="Project that the recording belongs to.")


class ImportLocation(ApiModel):
    """The StorageLocation that holds the files already."""

    storage_location: ObjectName = Field(
        description="Name of the StorageLocation. It must admit the namespace, and its spec.imports must open the keys."
    )


class RecordingTemplate(ApiModel):
    """What the Recordings look like that are created."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*TEMPLATE_RULES))

    storage_location: ObjectName | None = Field(
        default=None, description="spec.storageLocation of the Recordings. Default: the operator chooses one."
    )
    deletion_policy: DeletionPolicy = Field(
        default=DeletionPolicy.RETAIN, description="spec.deletionPolicy of the Recordings: Retain or Delete."
    )
    ttl_after_finished: Duration | None = Field(
        default=None, description="spec.ttlAfterFinished of the Recordings. Default: the operator's setting."
    )
    priority: Priority = Field(default=0, description="spec.priority of the Recordings, -1000 to 1000.")
    labels: Annotated[dict[str, str], WithJsonSchema(LABELS_SCHEMA)] = Field(
        default_factory=dict, description="Labels of the Recordings, at most 16."
    )
    owner: OwnerTemplate = Field(description="Who the recordings belong to.")
    artifacts: Annotated[tuple[ArtifactKind, ...], Field(json_schema_extra=KINDS_SCHEMA)] = Field(
        default=(ArtifactKind.VIDEO, ArtifactKind.AUDIO, ArtifactKind.TRANSCRIPT),
        description="Which of the files that the provider offers are stored, by kind.",
    )
    import_from: ImportLocation | None = Field(
        default=None,
        description="The StorageLocation in which LiveKit's egress stores its files. Set it if provider is LiveKit, "
        "and only then.",
    )


class MappedArtifact(ApiModel):
    """One file that the events of a Generic provider name."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*MAPPED_ARTIFACT_RULES))

    name: ArtifactName = Field(description="Name of the artifact.")
    kind: ArtifactKind = Field(description="Kind of the artifact.")
    optional: bool = Field(
        default=False, description="If true, the Recording can become Complete even if this artifact fails."
    )
    content_type: Annotated[str, WithJsonSchema(CONTENT_TYPE_SCHEMA)] = Field(
        default="", description="Expected media type, such as video/mp4. Default: the type that the source states."
    )
    url: Expression | None = Field(
        default=None,
        description="Expression that yields the URL. If it yields nothing, the event does not have this file.",
    )
    content: Expression | None = Field(
        default=None,
        description="Expression that yields the content itself: a text, or a value that is stored as JSON. If it "
        "yields nothing, the event does not have this file.",
    )
    size: Expression | None = Field(default=None, description="Expression that yields the size in bytes.")
    checksum: Expression | None = Field(
        default=None,
        description="Expression that yields the checksum as algorithm:hex, as in source.checksum of a Recording.",
    )
    expires_at: Expression | None = Field(
        default=None,
        description="Expression that yields when the URL expires: a time such as 2026-11-21T12:00:00Z, or seconds "
        "since 1970.",
    )


class EventMapping(ApiModel):
    """How the events of a Generic provider are read."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*MAPPING_RULES))

    id: Expression = Field(
        description="Expression that yields the provider's id of the recording. All events of one recording must have "
        "the same."
    )
    event: Expression | None = Field(default=None, description="Expression that yields the name of the event.")
    media_events: Annotated[tuple[EventText, ...], Field(json_schema_extra=EVENT_NAMES_SCHEMA)] = Field(
        default=(), description="Names of the events that bring files. Default: all that are not in failedEvents."
    )
    failed_events: Annotated[tuple[EventText, ...], Field(json_schema_extra=EVENT_NAMES_SCHEMA)] = Field(
        default=(), description="Names of the events that report that there will be no recording."
    )
    failure: Expression | None = Field(
        default=None, description="Expression that yields the provider's message in a failed event."
    )
    title: Expression | None = Field(default=None, description="Expression that yields the title of the recording.")
    artifacts: Annotated[tuple[MappedArtifact, ...], Field(json_schema_extra=MAPPED_ARTIFACTS_SCHEMA)] = Field(
        description="Files that the events name, at most 16."
    )


class FailurePolicy(StrEnum):
    """What happens with an event that reports that there will be no recording."""

    IGNORE = "Ignore"
    RECORD = "Record"


class RecordingSourceSpec(ApiModel):
    """The provider, how its webhooks are verified, and the Recordings that are created."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SOURCE_SPEC_RULES))

    provider: ProviderName = Field(
        description="The provider: MeetingBaaS, Recall, Zoom, LiveKit, Gladia, Fireflies or Generic. Cannot be changed."
    )
    webhook: Webhook = Field(description="How deliveries are verified.")
    api: ProviderApi | None = Field(
        default=None,
        description="The provider's API. It is called for URLs that an event does not contain, and for fresh ones. "
        "Recall and Fireflies need it. Generic and LiveKit have none.",
    )
    recording: RecordingTemplate = Field(description="What the Recordings look like that are created.")
    failures: FailurePolicy = Field(
        default=FailurePolicy.IGNORE,
        description="What happens with an event that reports that there will be no recording. Ignore: it is counted. "
        "Record: it becomes a Failed Recording.",
    )
    mapping: EventMapping | None = Field(
        default=None,
        description="How events are read. Set it if provider is Generic, and only then. Try it with "
        "recording-operator source test.",
    )
    suspend: bool = Field(
        default=False, description="If true, deliveries are rejected with 404, as if the source did not exist."
    )


class RecordingSourceStatus(ApiModel):
    """State of the RecordingSource. Only the receiver writes it, at most every 10 seconds."""

    observed_generation: ByteCount | None = Field(default=None, description="The generation most recently reconciled.")
    path: Annotated[str, Clipped(256)] | None = Field(
        default=None,
        description="Path of the webhook at the address of the receiver, such as /v1/sources/team-a/calls.",
    )
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = Field(default=(), description="Ready: whether deliveries can be verified, and are accepted.")
    last_delivery_time: Time | None = Field(default=None, description="When the last genuine delivery arrived.")
    last_event_time: Time | None = Field(
        default=None, description="When the last event of a recording happened, as the provider says."
    )
    accepted: ByteCount = Field(default=0, description="Number of deliveries that created or changed a Recording.")
    duplicates: ByteCount = Field(default=0, description="Number of deliveries that had arrived before.")
    rejected: ByteCount = Field(
        default=0, description="Number of deliveries that were not genuine, or could not be read."
    )
    failed: ByteCount = Field(
        default=0, description="Number of genuine deliveries that could not be processed; the provider repeats them."
    )


class RecordingSource(ApiModel):
    """A provider of recordings, whose webhooks become Recordings in the same namespace."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SOURCE_ROOT_RULES))

    metadata: ObjectMeta
    spec: RecordingSourceSpec
    status: RecordingSourceStatus = Field(default_factory=RecordingSourceStatus)
