"""What the routes of the console use, and how they get it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from recording_operator.catalog.downloads import DownloadTable
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.wanted import VisibleNamespaces
from recording_operator.console.auth.access import AccessReviewer, Action
from recording_operator.console.auth.authentication import Authenticator, Visit
from recording_operator.console.auth.callers import Caller
from recording_operator.console.books import ObjectBook
from recording_operator.console.files.directories import LinkedDirectories
from recording_operator.console.files.links import FileLink, LinkSigner, PartLink
from recording_operator.console.files.stores import ConsoleStores
from recording_operator.console.problems import Problem
from recording_operator.console.uploads.places import PartPlaces
from recording_operator.kube.client import KubeApi
from recording_operator.kube.resources import Resources

CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
T = TypeVar("T", bound=BaseModel)
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleParts:
    """What the routes use. All of it may be used by several threads."""

    reader: CatalogReader
    downloads: DownloadTable
    authenticator: Authenticator
    access: AccessReviewer
    as_caller: Callable[[Caller], Resources]
    """Requests to the API server with the caller's own token. Raises Problem for a caller without one."""
    kube: KubeApi
    """The API server with the console's own rights."""
    stores: ConsoleStores
    links: LinkSigner[FileLink]
    part_links: LinkSigner[PartLink]
    part_places: PartPlaces
    directories: LinkedDirectories
    now: Callable[[], datetime]
    locations: ObjectBook[StorageLocation]
    reports: ObjectBook[StorageReport]
    known_at: Callable[[], datetime | None]
    """When the catalog last knew everything. It is known while the database does not respond, too."""
    notice: Callable[[], str | None]
    """Why what is shown may be old, or what it may lack, as a sentence for people; None if there is nothing to say."""


def parts_of(request: Request) -> ConsoleParts:
    """The parts of the application that serves the request."""
    parts: ConsoleParts = request.app.state.parts
    return parts


Parts = Annotated[ConsoleParts, Depends(parts_of)]


async def sent_csrf(request: Request) -> str:
    """The CSRF token in the request: a header, or a field of a form."""
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _FORMS:
        return ""
    field = (await request.form()).get(CSRF_FIELD)
    return field if isinstance(field, str) else ""


SentCsrf = Annotated[str, Depends(sent_csrf)]


def visit_of(request: Request, parts: Parts, csrf: SentCsrf) -> Iterator[Visit]:
    """Who has sent the request, and the CSRF token for forms. Raises Problem 401, 403 or 429.

    The request runs until its response is sent.
    """
    with parts.authenticator.visit(request, csrf=csrf) as visit:
        request.state.visit = visit
        yield visit


SignedIn = Annotated[Visit, Depends(visit_of)]


def caller_of(visit: SignedIn) -> Caller:
    """Who has sent the request. Raises Problem 401, 403 or 429."""
    return visit.caller


Authenticated = Annotated[Caller, Depends(caller_of)]


def visible_in(parts: ConsoleParts, caller: Caller, namespace: str | None = None) -> VisibleNamespaces:
    """Of which namespaces the caller may see the Recordings; with `namespace`, only of this one. Raises KubeError."""
    return parts.access.visible(caller, [namespace] if namespace else parts.reader.namespaces())


def not_found(namespace: str, name: str) -> Problem:
    """A Recording that is not there."""
    return Problem(HTTPStatus.NOT_FOUND, f"Recording {namespace}/{name} does not exist.")


def check_uid(found: str, expected: str | None, *, recording: str) -> None:
    """Raise Problem if the Recording, "namespace/name", is a namesake of the one that the caller means."""
    if expected is not None and found != expected:
        raise Problem(HTTPStatus.CONFLICT, f"Recording {recording} has another uid: it was created again.")


def existing(book: ObjectBook[T], kind: str, name: str) -> T:
    """An object of a kind that has no namespaces. Raises Problem 404."""
    found = book.get(name)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"{kind} {name} does not exist.")
    return found


def require(parts: ConsoleParts, caller: Caller, action: Action) -> None:
    """Raise Problem 403 if the caller may not do it. Raises KubeError."""
    if not parts.access.may(caller, action):
        where = f"in namespace {action.namespace}" if action.namespace else "in all namespaces"
        raise Problem(HTTPStatus.FORBIDDEN, f"You may not {action.verb} {action.resource} {where}.")
