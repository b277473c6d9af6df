"""StorageLocations: where Recordings are stored."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from recording_operator.api.endpoints import store_uri
from recording_operator.api.names import STORAGE_LOCATION_PLURAL
from recording_operator.api.quotas import QuotaStatus
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_lifecycle import LifecycleStatus
from recording_operator.console.api.addresses import ObjectName
from recording_operator.console.api.models import ApiDocument
from recording_operator.console.auth.access import Action
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, Parts, existing, require

router = APIRouter(prefix="/api/v1/locations", tags=["locations"])


class LocationDocument(ApiDocument):
    """A StorageLocation."""

    name: str
    uri: str = Field(description="Where it is.", examples=["s3://recordings/prod/"])
    ready: bool = Field(description="Whether the last check succeeded.")
    reason: str = Field(description="Result of the last check; empty before the first.")
    message: str = Field(description="The same for people.")
    checked: datetime | None = Field(description="When it was last checked.")
    weight: int = Field(description="Share of the Recordings that name no location; 0: none.")
    capabilities: dict[str, bool] = Field(description="What the store supports. docs/stores.md explains each one.")
    quotas: tuple[QuotaStatus, ...] = Field(description="How much of each quota is used.")
    lifecycle: LifecycleStatus | None = Field(description="Who carries the lifecycle rules out; null without rules.")


class LocationListDocument(ApiDocument):
    """All StorageLocations, by name."""

    items: tuple[LocationDocument, ...]
    known_at: datetime | None = Field(description="When the console last knew all of them.")


@router.get("")
def list_locations(parts: Parts, caller: Authenticated) -> LocationListDocument:
    """All StorageLocations. Needs the right to list storagelocations."""
    require(parts, caller, Action(verb="list", resource=STORAGE_LOCATION_PLURAL))
    items = tuple(map(location_document, parts.locations.all()))
    return LocationListDocument(items=items, known_at=parts.locations.known_at)


@router.get("/{name}", responses=problems(HTTPStatus.NOT_FOUND))
def get_location(parts: Parts, caller: Authenticated, name: ObjectName) -> LocationDocument:
    """One StorageLocation."""
    require(parts, caller, Action(verb="get", resource=STORAGE_LOCATION_PLURAL, name=name))
    return location_document(existing(parts.locations, "StorageLocation", name))


def location_document(location: StorageLocation) -> LocationDocument:
    """The document of a location."""
    ready, status = location.ready_condition, location.status
    return LocationDocument(
        name=location.metadata.name,
        uri=store_uri(location.store.bucket, location.store.prefix),
        ready=ready is not None and ready.status == "True",
        reason="" if ready is None else ready.reason,
        message="" if ready is None else ready.message,
        checked=status.last_probe_time,
        weight=location.spec.placement.weight,
        capabilities=status.capabilities,
        quotas=status.quotas,
        lifecycle=status.lifecycle,
    )
