"""Reads entries: one, or a page of those that the caller may see, the newest first."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Engine, and_, false, or_, select, true, tuple_

from recording_operator.catalog.entries import CatalogEntry, as_time, entry_of_row, milliseconds
from recording_operator.catalog.tables import FEEDS, RECORDINGS

MOST_ROWS: Final = 500


class CursorError(ValueError):
    """The cursor is not one that this catalog has given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleNamespaces:
    """Which rows a caller may see.

    A namespace may have been deleted and created again by others, so of each one only what is not older than itself.
    """

    everything: bool = False
    since: Mapping[str, datetime]
    """By namespace: when it was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """What is searched for. `text` is a word, or the beginning of one, of title, name, organisation or user."""

    namespace: str | None = None
    org: str | None = None
    user: str | None = None
    project: str | None = None
    phase: str | None = None
    location: str | None = None
    text: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPage:
    """Entries, the newest first. `cursor` leads to the next page; None at the end."""

    entries: tuple[CatalogEntry, ...]
    cursor: str | None


class CatalogReader:
    """Reads from the catalog."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, wanted: RecordingFilter, *, visible: VisibleNamespaces, limit: int, cursor: str | None = None
    ) -> CatalogPage:
        """The next `limit` entries. Entries written meanwhile are neither repeated nor do others get lost.

        Raises CursorError.
        """
        table = RECORDINGS.c
        query = select(RECORDINGS).where(_matches(wanted), _is_visible(visible))
        if cursor is not None:
            query = query.where(tuple_(table.created, table.uid) < tuple_(*_position(cursor)))
        query = query.order_by(table.created.desc(), table.uid.desc()).limit(min(limit, MOST_ROWS) + 1)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        shown = rows[: min(limit, MOST_ROWS)]
        last = shown[-1] if len(rows) > len(shown) else None
        return CatalogPage(
            entries=tuple(entry_of_row(row) for row in shown),
            cursor=None if last is None else _cursor(last["created"], last["uid"]),
        )

    def entry(self, namespace: str, name: str) -> CatalogEntry | None:
        """The Recording with this name; if several had it, the one in Kubernetes, else the newest."""
        table = RECORDINGS.c
        query = select(RECORDINGS).where(table.namespace == namespace, table.name == name)
        query = query.order_by(table.in_cluster.desc(), table.created.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else entry_of_row(row)

    def by_uid(self, uid: str) -> CatalogEntry | None:
        """The Recording with this uid."""
        with self._engine.connect() as connection:
            row = connection.execute(select(RECORDINGS).where(RECORDINGS.c.uid == uid)).mappings().first()
        return None if row is None else entry_of_row(row)

    def namespaces(self) -> tuple[str, ...]:
        """All namespaces that have entries."""
        query = select(RECORDINGS.c.namespace).distinct().order_by(RECORDINGS.c.namespace)
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query))

    def complete_at(self, feed: str) -> datetime | None:
        """When the feed last knew everything."""
        with self._engine.connect() as connection:
            return as_time(connection.scalar(select(FEEDS.c.complete).where(FEEDS.c.name == feed)))


def _matches(wanted: RecordingFilter) -> ColumnElement[bool]:
    table = RECORDINGS.c
    conditions = [
        column == value
        for column, value in (
            (table.namespace, wanted.namespace),
            (table.org, wanted.org),
            (table.user, wanted.user),
            (table.project, wanted.project),
            (table.phase, wanted.phase),
            (table.location, wanted.location),
        )
        if value is not None
    ]
    if wanted.created_from is not None:
        conditions.append(table.created >= milliseconds(wanted.created_from))
    if wanted.created_before is not None:
        conditions.append(table.created < milliseconds(wanted.created_before))
    if wanted.text:
        conditions.append(or_(table.title.icontains(wanted.text, autoescape=True), table.name == wanted.text))
    return and_(true(), *conditions)


def _is_visible(visible: VisibleNamespaces) -> ColumnElement[bool]:
    if visible.everything:
        return true()
    table = RECORDINGS.c
    each = [
        and_(table.namespace == name, table.created >= milliseconds(since)) for name, since in visible.since.items()
    ]
    return or_(false(), *each)


def _cursor(created: int, uid: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([created, uid]).encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[int, str]:
    try:
        created, uid = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise CursorError("The cursor is not one that was given.") from None
    if not isinstance(created, int) or not isinstance(uid, str) or not -(2**62) < created < 2**62:
        raise CursorError("The cursor is not one that was given.")
    return created, uid
