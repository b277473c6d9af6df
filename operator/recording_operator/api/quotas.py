"""Quotas of a StorageLocation: how much an organisation or a namespace may store there, and how much it has stored."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import ApiModel, ByteCount, Bytes, Clipped, Count
from recording_operator.api.quota_rules import (
    NAMESPACE_SCHEMA,
    ORG_SCHEMA,
    QUOTA_LIST_SCHEMA,
    QUOTA_RULES,
    RECORDINGS_SCHEMA,
)


class QuotaAction(StrEnum):
    """What happens to an artifact for which a quota leaves no room."""

    HOLD = "Hold"
    FAIL = "Fail"


class Quota(ApiModel):
    """How much one organisation or one namespace may store in the location."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*QUOTA_RULES))

    org: Annotated[str, WithJsonSchema(ORG_SCHEMA)] = Field(
        default="", description="The organisation, as in spec.owner.org of its Recordings."
    )
    namespace: Annotated[str, WithJsonSchema(NAMESPACE_SCHEMA)] = Field(
        default="", description="The namespace of the Recordings, instead of org."
    )
    most_bytes: Bytes | None = Field(
        default=None,
        alias="bytes",
        description="Maximum size of all its objects together, such as 500Gi. Default: no limit.",
    )
    recordings: Annotated[int, WithJsonSchema(RECORDINGS_SCHEMA)] | None = Field(
        default=None, description="Maximum number of recordings with stored objects. Default: no limit."
    )
    action: QuotaAction = Field(
        default=QuotaAction.HOLD,
        description="What happens to an artifact that does not fit. Hold: it waits until there is room, and spends no "
        "attempt. Fail: it fails.",
    )


class QuotaStatus(ApiModel):
    """How much of a quota is used: what was counted last, and what was stored or is under way since."""

    org: Annotated[str, Clipped(128)] = Field(default="", description="The organisation, as in spec.quotas.")
    namespace: Annotated[str, Clipped(63)] = Field(default="", description="The namespace, as in spec.quotas.")
    used_bytes: ByteCount = Field(default=0, alias="bytes", description="Bytes stored or under way.")
    recordings: ByteCount = Field(default=0, description="Recordings with objects that are stored or under way.")
    used_percent: Count = Field(
        default=0, description="Used share of bytes or recordings in percent, whichever is larger."
    )
    waiting: Count = Field(default=0, description="Recordings that wait because of the quota.")
    exceeded: bool = Field(
        default=False, description="Whether the quota is used up, or has left no room for an artifact."
    )


QuotaList = Annotated[tuple[Quota, ...], Field(json_schema_extra=QUOTA_LIST_SCHEMA)]
QuotaStatusList = Annotated[tuple[QuotaStatus, ...], Field(json_schema_extra=QUOTA_LIST_SCHEMA)]
