"""Orphans of a StorageLocation: objects that neither a Recording nor a manifest knows."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.meta import ApiModel, ByteCount, Duration, Time

_OLDER_THAN_SCHEMA: Final = cel.duration_schema(
    Rule(rule="duration(self) >= duration('24h')", message="must be at least 24h")
)
ORPHAN_RULES: Final = (
    Rule(
        rule="!has(self.orphans) || self.orphans.action != 'Delete' || !has(self.manifest) || self.manifest.enabled",
        message="Delete needs manifest.enabled: without manifests, the objects of every Recording that was removed "
        "from Kubernetes would be orphans",
        field_path=".orphans",
    ),
)


class OrphanAction(StrEnum):
    """What happens to orphans."""

    REPORT = "Report"
    DELETE = "Delete"


class OrphansSpec(ApiModel):
    """What happens to objects that neither a Recording nor a manifest knows."""

    action: OrphanAction = Field(
        default=OrphanAction.REPORT,
        description="Report: count them. Delete: delete them too, once a day. docs/orphans.md explains what is never "
        "deleted.",
    )
    older_than: Annotated[Duration, WithJsonSchema(_OLDER_THAN_SCHEMA)] = Field(
        default=timedelta(hours=168), description="Age from which they are deleted, at least 24h."
    )


class OrphansStatus(ApiModel):
    """Objects that neither a Recording nor a manifest knows, as of the last count of the location."""

    objects: ByteCount = Field(default=0, description="Number of these objects.")
    bytes: ByteCount = Field(default=0, description="Bytes of these objects.")
    counted_time: Time = Field(description="When they were counted.")
