"""Types that every resource shares: object metadata, conditions, amounts of bytes, durations and times.

Reading is tolerant (a CRD of a newer version may know more fields), writing is exact: what a model dumps, the schema
accepts. Bounds are written in the schema only, so that an object stored under older bounds can still be read.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from recording_operator.api import cel
from recording_operator.api.masking import mask_urls
from recording_operator.api.names import PROVIDER_ID_ANNOTATION
from recording_operator.api.units import format_duration, parse_duration, parse_quantity

_STORED_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}:[0-9]{2})(?:.[0-9]+)?(?:z|([+-])([0-9]{2}):([0-9]{2}))(?:t.*)?",
    re.IGNORECASE | re.DOTALL,
)
MOST_LABELS: Final = 64
"""The most labels of an object that are read: the first by name."""
_MOST_ID_CHARS: Final = 512
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(3001, 1, 1, tzinfo=UTC)


class ApiModel(BaseModel):
    """Base of every model of the API: camelCase outside, snake_case inside, frozen, tolerant of unknown fields.

    Errors never show the input: it may hold a signed URL.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )


def format_time(value: datetime) -> str:
    """Write a time as Kubernetes does: RFC 3339, whole seconds, UTC. Raises ValueError for a time without a zone."""
    if value.tzinfo is None:
        raise ValueError("a time needs a zone")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _instant(value: Any, parsed: ValidatorFunctionWrapHandler) -> datetime:
    """The time in UTC, moved away from the ends of the calendar so that a duration can be added."""
    try:
        instant: datetime = parsed(value).astimezone(UTC)
    except (ValidationError, OverflowError):
        instant = _odd_instant(value)
    return min(max(instant, _EARLIEST), _LATEST)


def _odd_instant(value: Any) -> datetime:
    """A time that only the API server's format `date-time` accepts.

    If no rule restricts the field, it accepts the year 0, offsets of any size, any character before the fraction, text
    after a second T, and an empty list.

    Raises ValueError for anything else.
    Source: IsDateTime in k8s.io/kube-openapi/pkg/validation/strfmt, and its responses.
    """
    if value == []:
        return _EARLIEST
    match = _STORED_TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a time such as 2026-11-21T12:00:00Z")
    local, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = datetime.fromisoformat(local.upper()).replace(tzinfo=UTC)
        return moment + offset if sign == "-" else moment - offset
    except (ValueError, OverflowError):
        if local.startswith("9999"):
            return _LATEST
        return _EARLIEST


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Clipped:
    """Marks a string of a status that is truncated to `limit` characters, so that a write cannot fail because of it."""

    limit: int

    def clip(self, text: str) -> str:
        """The text, cut visibly if it is too long."""
        return text if len(text) <= self.limit else text[: self.limit - 1] + "…"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # At writing too: model_copy(update=…) does not validate.
        return core_schema.no_info_after_validator_function(
            self.clip, handler(source), serialization=core_schema.plain_serializer_function_ser_schema(self.clip)
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.limit}


@dataclass(frozen=True, slots=True)
class Message(Clipped):
    """Marks a message for people: URLs in it are shown without query and user name, whatever their origin."""

    def clip(self, text: str) -> str:
        """The text without secrets, cut visibly if it is too long."""
        return Clipped.clip(self, mask_urls(text))


Bytes = Annotated[
    int,
    BeforeValidator(parse_quantity),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema(cel.quantity_schema()),
]
"""An amount of bytes: a Kubernetes quantity outside, an int inside."""

Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema(cel.duration_schema()),
]
"""A duration: `1h30m` outside, a timedelta inside."""

Time = Annotated[
    AwareDatetime,
    WrapValidator(_instant),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant: RFC 3339 in UTC and whole seconds outside, an aware datetime inside."""

Count = Annotated[int, WithJsonSchema({"type": "integer", "format": "int32", "minimum": 0})]
ByteCount = Annotated[int, WithJsonSchema({"type": "integer", "format": "int64", "minimum": 0})]
"""A number of bytes as a plain number."""

ObjectName = Annotated[str, WithJsonSchema(cel.object_name_schema())]
"""Name of another Kubernetes object."""


class DeletionPolicy(StrEnum):
    """What happens to the stored objects when a Recording is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


def _first_labels(value: Any) -> Any:
    """The labels that are kept: the API server limits only their total size, together with the rest of the object."""
    if not isinstance(value, dict) or len(value) <= MOST_LABELS:
        return value or {}
    return dict(sorted(value.items())[:MOST_LABELS])


def _known_annotations(value: Any) -> Any:
    """Only the provider's id: in others, client-side apply stores the whole manifest, including signed URLs."""
    found = value.get(PROVIDER_ID_ANNOTATION) if isinstance(value, dict) else None
    return {PROVIDER_ID_ANNOTATION: found} if isinstance(found, str) and len(found) <= _MOST_ID_CHARS else {}


class ObjectMeta(ApiModel):
    """The part of Kubernetes' object metadata that the operator reads."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    finalizers: tuple[str, ...] = ()
    labels: Annotated[dict[str, str], BeforeValidator(_first_labels)] = Field(default_factory=dict)
    annotations: Annotated[dict[str, str], BeforeValidator(_known_annotations)] = Field(default_factory=dict)

    @property
    def version(self) -> int:
        """The resourceVersion as a number; 0 where it is not a number.

        Versions of one resource type may be compared as numbers since Kubernetes 1.35; older servers use numbers too.
        Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
        """
        return int(self.resource_version) if self.resource_version.isdigit() else 0


class ConditionStatus(StrEnum):
    """Status of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One aspect of the state of the object, as in the Kubernetes API conventions."""

    type: Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 316})] = Field(
        description="Name of the condition, such as Ready, Reconciling or Stalled."
    )
    status: ConditionStatus = Field(description="True, False or Unknown.")
    observed_generation: ByteCount | None = Field(
        default=None, description="metadata.generation that the condition refers to."
    )
    last_transition_time: Time = Field(description="When the status of the condition last changed.")
    reason: Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64})] = Field(
        description="Machine-readable reason for the status of the condition. docs/troubleshooting.md explains each "
        "one."
    )
    message: Annotated[str, Message(1024)] = Field(default="", description="Human-readable details about the reason.")
