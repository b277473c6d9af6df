"""The part of a StorageLocation about the age of objects: when they move to another storage class, and when they go."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import ApiModel, Count, Time
from recording_operator.api.storagelocation_lifecycle_rules import (
    DAYS_SCHEMA,
    LIFECYCLE_RULE_RULES,
    RULE_PREFIX_SCHEMA,
    RULES_LIST,
    TRANSITION_CLASS_SCHEMA,
    TRANSITIONS_LIST,
)

Days = Annotated[int, WithJsonSchema(DAYS_SCHEMA)]


class EnforcedBy(StrEnum):
    """Who carries lifecycle rules out."""

    AUTO = "Auto"
    BUCKET = "Bucket"
    OPERATOR = "Operator"


class LifecycleTransition(ApiModel):
    """A move of objects to another storage class."""

    after_days: Days = Field(description="Age of an object, in days, at which it moves.")
    storage_class: Annotated[str, WithJsonSchema(TRANSITION_CLASS_SCHEMA)] = Field(
        description="Storage class that it moves to. Objects in GLACIER and DEEP_ARCHIVE must be restored before they "
        "can be played; GLACIER_IR can be played at once."
    )


class LifecycleRule(ApiModel):
    """What happens to the objects below a prefix as they grow older."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*LIFECYCLE_RULE_RULES))

    prefix: Annotated[str, WithJsonSchema(RULE_PREFIX_SCHEMA)] = Field(
        default="",
        description="Only keys that begin with this, after s3.prefix. It is empty or ends with '/'. If several rules "
        "apply to an object, the earliest expiry counts.",
    )
    transitions: Annotated[tuple[LifecycleTransition, ...], Field(json_schema_extra=TRANSITIONS_LIST)] = Field(
        default=(), description="Moves to other storage classes, the earliest first."
    )
    expire_after_days: Days | None = Field(
        default=None,
        description="Age at which an object is deleted. In a bucket that keeps versions, it becomes a noncurrent "
        "version. Default: never.",
    )
    abort_incomplete_after_days: Days | None = Field(
        default=None,
        description="Days after which an upload that is not complete is aborted. It must be longer than the longest "
        "upload takes, with its retries, and than expiresAfter of uploads by clients. Default: never.",
    )
    noncurrent_expire_after_days: Days | None = Field(
        default=None,
        description="Days after which a noncurrent version is deleted, in a bucket that keeps versions. Default: "
        "never.",
    )


class Lifecycle(ApiModel):
    """Rules by age: written into the bucket's own lifecycle configuration, or carried out by the operator."""

    rules: Annotated[tuple[LifecycleRule, ...], Field(json_schema_extra=RULES_LIST)] = Field(
        description="Rules, each for another prefix."
    )
    enforced_by: EnforcedBy = Field(
        default=EnforcedBy.AUTO,
        description="Who carries the rules out. Bucket: the rules are written into the bucket's lifecycle "
        "configuration. Operator: the operator deletes expired objects and aborts old uploads itself; it cannot carry "
        "out transitions and noncurrentExpireAfterDays. Auto: the bucket if the store has such a configuration, "
        "otherwise the operator.",
    )


class LifecycleStatus(ApiModel):
    """Who carries the rules out, and since when."""

    enforced_by: EnforcedBy = Field(default=EnforcedBy.BUCKET, description="Bucket or Operator.")
    applied_time: Time = Field(
        description="When the rules of the location were last written into the bucket's lifecycle configuration, or "
        "since when the operator carries them out."
    )
    rules: Count = Field(
        description="Number of rules of the location in the bucket's lifecycle configuration, or of those that the "
        "operator carries out."
    )
