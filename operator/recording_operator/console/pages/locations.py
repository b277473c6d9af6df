"""The StorageLocations: whether they are ready, what their stores can do, their quotas and their lifecycle."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from recording_operator.api.endpoints import store_uri
from recording_operator.api.meta import ConditionStatus
from recording_operator.api.names import STORAGE_LOCATION_PLURAL
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.units import format_bytes
from recording_operator.capabilities import capability_lines
from recording_operator.console.auth.access import Action
from recording_operator.console.pages.rendering import Rendered
from recording_operator.console.parts import Parts, SignedIn

_NO_RIGHT: Final = "You may not list StorageLocations. Ask your administrator for the right to see them."
_NEARLY: Final = 80

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaView:
    """A quota and its use."""

    who: str
    kind: str
    limits: str
    used: str
    percent: int
    waiting: int
    exceeded: bool

    @property
    def tone(self) -> str:
        """The colour of its bar."""
        return "bad" if self.exceeded else "warn" if self.percent >= _NEARLY else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationView:
    """A StorageLocation."""

    name: str
    ready: bool | None
    """None before the first check."""
    reason: str
    message: str
    address: str
    endpoint: str
    namespaces: str
    weight: int
    profile: str
    checked: datetime | None
    lifecycle: str
    orphans: str
    quotas: tuple[QuotaView, ...]
    capabilities: tuple[tuple[str, str, str], ...]


@router.get("/locations")
def locations(page: Rendered, parts: Parts, visit: SignedIn) -> Response:
    """The page."""
    may = parts.access.may(visit.caller, Action(verb="list", resource=STORAGE_LOCATION_PLURAL))
    return page.whole(
        "locations.html",
        title="Locations",
        active="locations",
        visit=visit,
        locations=[_view(one) for one in parts.locations.all()] if may else [],
        missing="" if may else _NO_RIGHT,
        known_at=parts.locations.known_at,
    )


def _view(location: StorageLocation) -> LocationView:
    spec, status, ready = location.spec, location.status, location.ready_condition
    store, orphans = spec.store, status.orphans
    return LocationView(
        name=location.metadata.name,
        ready=None if ready is None else ready.status is ConditionStatus.TRUE,
        reason="" if ready is None else ready.reason,
        message="" if ready is None else ready.message,
        address=store_uri(store.bucket, store.prefix),
        endpoint=(spec.s3.endpoint or "AWS") if spec.s3 else "",
        namespaces=_namespaces(location),
        weight=spec.placement.weight,
        profile=location.price_profile,
        checked=status.last_probe_time,
        lifecycle=_lifecycle(location),
        orphans="" if orphans is None else f"{orphans.objects:,} objects, {format_bytes(orphans.bytes)}",
        quotas=tuple(_quotas(location)),
        capabilities=tuple(capability_lines(status.capabilities)),
    )


def _namespaces(location: StorageLocation) -> str:
    allowed = location.spec.allowed_namespaces
    parts = [", ".join(allowed.names)] if allowed.names else []
    if allowed.selector is not None:
        parts.append("those that a selector matches")
    return " and ".join(parts) or "none, so it cannot be used"


def _lifecycle(location: StorageLocation) -> str:
    if location.spec.lifecycle is None:
        return "No rules: objects stay as they are."
    applied = location.status.lifecycle
    if applied is None:
        return "The rules are not carried out yet."
    by = "the bucket" if applied.enforced_by == "Bucket" else "the operator"
    return f"{applied.rules} rules, carried out by {by}."


def _quotas(location: StorageLocation) -> Iterator[QuotaView]:
    states = {(one.org, one.namespace): one for one in location.status.quotas}
    for quota in location.spec.quotas:
        state = states.get((quota.org, quota.namespace))
        limits = [format_bytes(quota.most_bytes)] if quota.most_bytes is not None else []
        limits += [f"{quota.recordings:,} recordings"] if quota.recordings is not None else []
        used = "" if state is None else f"{format_bytes(state.used_bytes)}, {state.recordings:,} recordings"
        yield QuotaView(
            who=quota.org or quota.namespace,
            kind="organisation" if quota.org else "namespace",
            limits=", ".join(limits),
            used=used,
            percent=0 if state is None else state.used_percent,
            waiting=0 if state is None else state.waiting,
            exceeded=state is not None and state.exceeded,
        )
