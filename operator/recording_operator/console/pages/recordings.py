"""The list of Recordings: search, filters, pages, and a table that keeps itself up to date."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from recording_operator.api.names import STORAGE_LOCATION_PLURAL
from recording_operator.api.recording_status import Phase
from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.reading import CursorError
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.authentication import Visit
from recording_operator.console.auth.callers import Caller
from recording_operator.console.feeding import RECORDINGS_FEED
from recording_operator.console.pages.days import IgnoredDays, day_of
from recording_operator.console.pages.rendering import Rendered, is_fragment
from recording_operator.console.pages.states import RecordingLine, row_of
from recording_operator.console.parts import ConsoleParts, Parts, SignedIn, visible_in
from recording_operator.console.problems import Problem

ROWS: Final = 50
_ACTIVE_POLL_S: Final = 2
_IDLE_POLL_S: Final = 10

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchForm:
    """The form above the table, as it was sent. An empty field filters nothing."""

    q: str = ""
    phase: str = ""
    org: str = ""
    user: str = ""
    project: str = ""
    namespace: str = ""
    location: str = ""
    created_from: date | None = None
    created_to: date | None = None
    sort: Sort = Sort.CREATED

    def query(self, **more: str | None) -> str:
        """The query of a URL with the fields that are set."""
        names = {"created_from": "from", "created_to": "to"}
        sort = "" if self.sort is Sort.CREATED else self.sort.value
        fields = {names.get(name, name): value for name, value in asdict(self).items()} | {"sort": sort} | more
        return urlencode({name: value for name, value in fields.items() if value})

    @property
    def is_narrow(self) -> bool:
        """Whether a filter other than the phase and the words is set."""
        return any(value for name, value in asdict(self).items() if name not in {"q", "phase", "sort"})

    @property
    def csv_url(self) -> str:
        """All that is found as CSV, from the API, where `to` is the first moment that is not included."""
        end = self.created_to and self.created_to + timedelta(days=1)
        return f"/api/v1/recordings.csv?{replace(self, created_to=end, sort=Sort.CREATED).query()}"

    def wanted(self) -> EntryFilter:
        """The filter of the catalog."""
        return EntryFilter(
            namespace=self.namespace or None,
            org=self.org or None,
            user=self.user or None,
            project=self.project or None,
            phase=self.phase or None,
            location=self.location or None,
            text=self.q or None,
            created_from=_begin(self.created_from),
            created_before=_begin(self.created_to and self.created_to + timedelta(days=1)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The table."""

    rows: tuple[RecordingLine, ...]
    url: str
    """Of this page of the table: it is loaded again from there."""
    older_url: str | None
    newer_url: str | None
    csv_url: str
    poll_s: int
    known_at: datetime | None
    no_rights: bool
    counts_downloads: bool
    """Whether downloads are counted at some location."""
    exact_downloads: bool
    """Whether they are at all of these."""
    by_time: bool
    """Whether the newest come first."""


Text = Annotated[str, Query(max_length=200)]
Cursor = Annotated[str, Query(max_length=400)]


def search_of(
    *,
    q: Text = "",
    phase: Text = "",
    org: Text = "",
    user: Text = "",
    project: Text = "",
    namespace: Text = "",
    location: Text = "",
    created_from: Annotated[str, Query(alias="from", max_length=10)] = "",
    created_to: Annotated[str, Query(alias="to", max_length=10)] = "",
    sort: Annotated[str, Query(max_length=20)] = "",
) -> SearchForm:
    """The form of the request. An empty or impossible field is left out, as a browser sends it while one types."""
    known = {one.value for one in Phase}
    texts = {"q": q, "org": org, "user": user, "project": project, "namespace": namespace, "location": location}
    return SearchForm(
        **{name: value.replace("\x00", "").strip() for name, value in texts.items()},
        phase=phase if phase in known else "",
        created_from=day_of(created_from),
        created_to=day_of(created_to),
        sort=Sort(sort) if sort in set(Sort) else Sort.CREATED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the list the table begins: after one cursor, or before another."""

    cursor: str | None
    newer: str | None


def place_of(*, cursor: Cursor = "", newer: Cursor = "") -> Place:
    """The place in the request."""
    return Place(cursor=cursor or None, newer=newer or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Neighbours:
    """Entries, the newest first, and the cursors of the pages beside it."""

    entries: tuple[CatalogEntry, ...]
    older: str | None
    newer: str | None


Searched = Annotated[SearchForm, Depends(search_of)]
Placed = Annotated[Place, Depends(place_of)]


@router.get("/recordings")
def recordings(
    request: Request,
    page: Rendered,
    parts: Parts,
    visit: SignedIn,
    search: Searched,
    place: Placed,
    ignored: IgnoredDays,
    *,
    deleted: bool = False,
) -> Response:
    """The page, or only its table."""
    listing = _listing(parts, visit.caller, search, place)
    if is_fragment(request):
        # The address bar shows the search, without the fields that are empty.
        headers = {"HX-Replace-Url": listing.url.rstrip("?")}
        return page.fragment("recordings_table.html", listing=listing, search=search, headers=headers)
    return page.whole(
        "recordings.html",
        title="Recordings",
        active="recordings",
        visit=visit,
        listing=listing,
        search=search,
        deleted=deleted,
        ignored=ignored,
        phases=[one.value for one in Phase],
        sorts=_sorts(counts_downloads=listing.counts_downloads),
        locations=[one.metadata.name for one in parts.locations.all()] if _may_list_locations(parts, visit) else [],
    )


def _sorts(*, counts_downloads: bool) -> list[tuple[str, str]]:
    """The orders to choose from, as value and words."""
    found = [("", "Newest first"), (Sort.SIZE.value, "Largest first")]
    return [*found, (Sort.DOWNLOADS.value, "Most downloaded")] if counts_downloads else found


def _may_list_locations(parts: ConsoleParts, visit: Visit) -> bool:
    return parts.access.may(visit.caller, Action(verb="list", resource=STORAGE_LOCATION_PLURAL))


def _listing(parts: ConsoleParts, caller: Caller, search: SearchForm, place: Place) -> Listing:
    visible = visible_in(parts, caller, search.namespace)
    try:
        found = _page(parts, search, visible, place)
    except CursorError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
    counted = parts.downloads.locations()
    rows = tuple(row_of(entry, counted=counted) for entry in found.entries)
    return Listing(
        rows=rows,
        # The first page has no place: what arrives later is on it, too.
        url=f"/recordings?{search.query(cursor=place.cursor, newer=found.newer and place.newer)}",
        older_url=found.older and f"/recordings?{search.query(cursor=found.older)}",
        newer_url=found.newer and f"/recordings?{search.query(newer=found.newer)}",
        csv_url=search.csv_url,
        poll_s=_ACTIVE_POLL_S if any(row.is_active for row in rows) else _IDLE_POLL_S,
        known_at=parts.reader.complete_at(RECORDINGS_FEED),
        no_rights=not visible.everything and not visible.since,
        counts_downloads=bool(counted),
        exact_downloads=all(counted.values()),
        by_time=search.sort is Sort.CREATED,
    )


def _page(parts: ConsoleParts, search: SearchForm, visible: VisibleNamespaces, place: Place) -> _Neighbours:
    wanted, reader, sort = search.wanted(), parts.reader, search.sort
    if place.newer:
        found = reader.page(wanted, visible=visible, limit=ROWS, cursor=place.newer, sort=sort, ascending=True)
        if found.cursor is not None:
            return _Neighbours(entries=tuple(reversed(found.entries)), older=found.back, newer=found.cursor)
    # Also if nothing newer is left: the first page is full again.
    found = reader.page(wanted, visible=visible, limit=ROWS, cursor=place.cursor, sort=sort)
    return _Neighbours(entries=found.entries, older=found.cursor, newer=found.back)


def _begin(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
