"""The page of one Recording: its state, its files and their player, its Events, and what may be done with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from recording_operator.api.recording_status import Phase
from recording_operator.catalog.entries import CatalogEntry
from recording_operator.console.api import controls
from recording_operator.console.api.addresses import Address, ExpectedUid, RecordingAddress
from recording_operator.console.api.recordings import visible_entry
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.callers import Caller
from recording_operator.console.headers import CONTENT_SECURITY_POLICY
from recording_operator.console.pages.origins import store_origins, usable_in
from recording_operator.console.pages.rendering import PageRenderer, Rendered
from recording_operator.console.pages.states import ArtifactRow, RecordingLine, artifact_row, page_url, row_of
from recording_operator.console.parts import ConsoleParts, Parts, SignedIn
from recording_operator.console.problems import Problem
from recording_operator.user_actions.object_events import events_of

_MOST_EVENTS: Final = 50
_ACTIVE_POLL_S: Final = 1
_IDLE_POLL_S: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Something that may be done with the Recording."""

    verb: str
    label: str
    confirm: str = ""
    """What is shown before it is done; empty if it is harmless."""
    danger: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingView:
    """The page."""

    entry: CatalogEntry
    row: RecordingLine
    artifacts: tuple[ArtifactRow, ...]
    controls: tuple[Control, ...]
    may_not: str
    """Why there are no controls."""
    may_change: bool
    may_presign: bool
    poll_s: int

    @property
    def url(self) -> str:
        """Of the page."""
        return self.row.url


_RETRY: Final = Control(verb="retry", label="Retry")
_RESUME: Final = Control(verb="resume", label="Resume")
_SUSPEND: Final = Control(verb="suspend", label="Suspend")
_CANCEL: Final = Control(
    verb="cancel",
    label="Cancel upload",
    confirm="The upload is aborted, and the Recording ends as Failed. Retry starts it again.",
    danger=True,
)
_DELETE: Final = Control(
    verb="delete",
    label="Delete",
    confirm="The Recording is deleted from Kubernetes. Its deletionPolicy decides whether the stored objects are "
    "deleted, too. This cannot be undone.",
    danger=True,
)
_DONE: Final[Mapping[str, str]] = {
    "retry": "The Recording is being retried.",
    "cancel": "The upload is being cancelled.",
    "suspend": "The Recording is suspended.",
    "resume": "The Recording is resumed.",
}
_CHANGES: Final[Mapping[str, Callable[..., object]]] = {
    "retry": controls.retry_recording,
    "cancel": controls.cancel_recording,
    "suspend": controls.suspend_recording,
    "resume": controls.resume_recording,
    "delete": controls.delete_recording,
}

router = APIRouter()


@router.get("/recordings/{namespace}/{name}")
def recording(
    page: Rendered,
    parts: Parts,
    visit: SignedIn,
    address: Address,
    *,
    uid: ExpectedUid = None,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The page."""
    view = _view(parts, visit.caller, address, uid=uid)
    return page.whole(
        "recording.html",
        title=view.entry.title or view.entry.name,
        active="recordings",
        visit=visit,
        view=view,
        done=_DONE.get(done, ""),
        headers=_policy(parts, view.entry),
    )


@router.get("/recordings/{namespace}/{name}/state")
def recording_state(
    page: Rendered, parts: Parts, visit: SignedIn, address: Address, uid: ExpectedUid = None
) -> Response:
    """What changes while it is uploaded."""
    view = _view(parts, visit.caller, address, uid=uid)
    return page.fragment("recording_state.html", view=view, csrf=visit.csrf)


@router.get("/recordings/{namespace}/{name}/events")
def recording_events(
    page: Rendered, parts: Parts, visit: SignedIn, address: Address, uid: ExpectedUid = None
) -> Response:
    """Its Events, read in the name of the caller."""
    entry = visible_entry(parts, visit.caller, address.namespace, address.name, uid=uid)
    if not entry.in_cluster:
        return page.fragment(
            "recording_events.html",
            events=(),
            missing="There are no Events, because the Recording is no longer in Kubernetes.",
        )
    metadata = {"namespace": entry.namespace, "uid": entry.uid}
    try:
        found = events_of(parts.as_caller(visit.caller), metadata, most=_MOST_EVENTS)
    except Problem as problem:
        return page.fragment("recording_events.html", events=(), missing=problem.detail)
    return page.fragment("recording_events.html", events=tuple(reversed(found.found)), missing=found.missing)


@router.post("/recordings/{namespace}/{name}/{verb}")
def change_recording(
    request: Request,
    parts: Parts,
    visit: SignedIn,
    address: Address,
    verb: str,
    uid: Annotated[str, Form(max_length=64)],
) -> Response:
    """Do what a button says, in the name of the caller. It is done to the Recording that the page showed, no other."""
    change = _CHANGES.get(verb)
    if change is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such page.")
    try:
        change(parts, visit.caller, address, uid=uid)
    except Problem as problem:
        return _not_done(request, parts, visit, address, problem, uid=uid)
    url = page_url(address.namespace, address.name)
    return RedirectResponse(
        "/recordings?deleted=true" if verb == "delete" else f"{url}?done={verb}", HTTPStatus.SEE_OTHER
    )


def _not_done(
    request: Request,
    parts: ConsoleParts,
    visit: SignedIn,
    address: RecordingAddress,
    problem: Problem,
    *,
    uid: str,
) -> Response:
    try:
        view = _view(parts, visit.caller, address, uid=uid)
    except Problem as missing:
        raise (problem if missing.status is HTTPStatus.NOT_FOUND else missing) from missing
    return PageRenderer(request).whole(
        "recording.html",
        title=view.entry.title or view.entry.name,
        active="recordings",
        visit=visit,
        view=view,
        done="",
        problem=problem.detail,
        status=problem.status,
        headers=_policy(parts, view.entry),
    )


def _view(parts: ConsoleParts, caller: Caller, address: RecordingAddress, *, uid: str | None = None) -> RecordingView:
    entry = visible_entry(parts, caller, address.namespace, address.name, uid=uid)
    row = row_of(entry)
    found, may_not = _controls(parts, caller, entry)
    return RecordingView(
        entry=entry,
        row=row,
        artifacts=tuple(map(artifact_row, entry.artifacts)),
        controls=found,
        may_not=may_not,
        may_change=entry.in_cluster and caller.token is not None and _may(parts, caller, entry, "patch"),
        may_presign=_may(parts, caller, entry, "presign"),
        poll_s=_ACTIVE_POLL_S if row.is_active else _IDLE_POLL_S,
    )


def _controls(parts: ConsoleParts, caller: Caller, entry: CatalogEntry) -> tuple[tuple[Control, ...], str]:
    if not entry.in_cluster:
        return (), "It is no longer in Kubernetes, so nothing can be changed."
    if caller.token is None:
        return (), "Sign in with your own token to change this Recording."
    possible: list[Control] = []
    if _may(parts, caller, entry, "patch"):
        possible += _changes(entry)
    if _may(parts, caller, entry, "delete"):
        possible.append(_DELETE)
    return tuple(possible), "" if possible else "You may read this Recording, but not change it."


def _changes(entry: CatalogEntry) -> list[Control]:
    if entry.phase == Phase.FAILED:
        return [_RETRY]
    if entry.phase == Phase.COMPLETE:
        return [_RETRY] if any(one.phase == Phase.FAILED for one in entry.artifacts) else []
    return [_RESUME if entry.suspended else _SUSPEND, _CANCEL]


def _may(parts: ConsoleParts, caller: Caller, entry: CatalogEntry, verb: str) -> bool:
    return parts.access.may(caller, Action(verb=verb, namespace=entry.namespace))


def _policy(parts: ConsoleParts, entry: CatalogEntry) -> dict[str, str]:
    """The page may load media from its store. Before the Recording is placed, that is each store it may get."""
    known = parts.locations.all()
    if entry.location:
        locations = [one for one in known if one.metadata.name == entry.location]
    else:
        locations = usable_in([entry.namespace], known)
    origins = " ".join(["'self'", *sorted({origin for one in locations for origin in store_origins(one)})])
    return {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; media-src {origins}; img-src {origins}"}
