"""The parts of paths and the parameters that several routes have."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Depends, Path, Query
from pydantic import AfterValidator

LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
SUBDOMAIN: Final = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
NO_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL has no text with NUL."""

NamespaceName = Annotated[
    str, Path(pattern=LABEL, max_length=63, description="Namespace of the Recording.", examples=["team-a"])
]
RecordingName = Annotated[
    str, Path(pattern=SUBDOMAIN, max_length=253, description="Name of the Recording.", examples=["weekly-sync"])
]
ArtifactName = Annotated[
    str, Path(pattern=LABEL, max_length=63, description="Name of the artifact.", examples=["video"])
]
ObjectName = Annotated[
    str, Path(pattern=SUBDOMAIN, max_length=253, description="Name of the object.", examples=["archive"])
]
Uid = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]+$", max_length=64, examples=["0f0e5a9c-4f0d-4b7e-9a53-3c1c2f1f4f55"])]
ExpectedUid = Annotated[
    str | None,
    Query(
        alias="uid",
        pattern=r"^[A-Za-z0-9-]+$",
        max_length=64,
        description="Only if the Recording has this uid: not a namesake that was created since.",
    ),
]
DryRun = Annotated[bool, Query(alias="dryRun", description="Only let the API server check it. Nothing is changed.")]


@dataclass(frozen=True, slots=True)
class RecordingAddress:
    """Namespace and name, as in the path."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def address_of(namespace: NamespaceName, name: RecordingName) -> RecordingAddress:
    """The address in the path."""
    return RecordingAddress(namespace, name)


Address = Annotated[RecordingAddress, Depends(address_of)]


def _as_utc(time: datetime) -> datetime:
    """A time without an offset is in UTC."""
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


UtcTime = Annotated[datetime, AfterValidator(_as_utc)]
