"""The Events of Kubernetes about a Recording, with the caller's own token."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from recording_operator.console.api.addresses import Address
from recording_operator.console.api.caller_rights import in_name_of
from recording_operator.console.api.models import ApiDocument
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, Parts
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions.object_events import events_of

router = APIRouter(prefix="/api/v1/recordings", tags=["recordings"])


class EventDocument(ApiDocument):
    """An Event."""

    time: str = Field(description="When it was seen last, as RFC 3339.", examples=["2026-11-30T12:00:00Z"])
    type: str = Field(description="Normal or Warning.")
    reason: str = Field(description="Machine-readable reason.")
    note: str = Field(description="What has happened, for people.")
    count: int = Field(description="How often it was seen.")


class EventListDocument(ApiDocument):
    """The last Events, the oldest first."""

    items: tuple[EventDocument, ...]
    missing: str = Field(description="Why there are none to show, such as a missing right. Empty if they are shown.")


@router.get("/{namespace}/{name}/events", responses=problems(HTTPStatus.NOT_FOUND))
def list_events(
    parts: Parts, caller: Authenticated, address: Address, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> EventListDocument:
    """The Events about a Recording. Kubernetes keeps them for an hour."""
    with in_name_of(parts, caller, what=f"Recording {address}") as resources:
        metadata = resources.get(RECORDINGS, address.name, namespace=address.namespace)["metadata"]
        found = events_of(resources, metadata, most=limit)
    items = tuple(EventDocument.model_validate(one) for one in found.found)
    return EventListDocument(items=items, missing=found.missing)
