"""Moves of Recordings from a StorageLocation to another one."""

from enum import StrEnum

from pydantic import Field

from recording_operator.api.meta import ApiModel


class MovedFrom(StrEnum):
    """What happens to the objects of a Recording that was moved to another location."""

    KEEP = "Keep"
    DELETE = "Delete"


class MovesSpec(ApiModel):
    """What happens when Recordings move away."""

    from_: MovedFrom = Field(
        default=MovedFrom.KEEP,
        alias="from",
        description="What happens to the objects here after a Recording was moved to another location: Keep or Delete. "
        "Objects under retention are kept.",
    )
