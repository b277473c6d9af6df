"""Reads entries: one, or a page of those that the caller may see, the newest first."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, func, select

from recording_operator.catalog.conditions import conditions_of
from recording_operator.catalog.entries import CatalogEntry, as_time, entry_of_row
from recording_operator.catalog.searching import Order, Search
from recording_operator.catalog.sizes import MANY, Sizes
from recording_operator.catalog.summaries import CountsByPhase, expiring_rows
from recording_operator.catalog.tables import FEEDS, RECORDINGS
from recording_operator.catalog.text import clean
from recording_operator.catalog.transactions import is_postgresql, read_by_index, reading
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces

MOST_ROWS: Final = 500
_MOST: Final = 2**63
_SHORT_COLUMNS: Final = [one for one in RECORDINGS.columns if one.name not in {"labels", "artifacts"}]


class CursorError(ValueError):
    """The cursor is not one that this catalog has given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPage:
    """Entries in order. `cursor` leads to the next page; None at the end.

    `back` leads in the opposite order to what comes before; None at the beginning.
    """

    entries: tuple[CatalogEntry, ...]
    cursor: str | None
    back: str | None = None


class CatalogReader:
    """Reads from the catalog. Thread-safe. Every call raises CatalogUnavailable if the database does not respond."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sizes = Sizes()
        self._counts = CountsByPhase(engine)

    def page(
        self,
        wanted: EntryFilter,
        *,
        visible: VisibleNamespaces,
        limit: int,
        cursor: str | None = None,
        sort: Sort = Sort.CREATED,
        ascending: bool = False,
        brief: bool = False,
    ) -> CatalogPage:
        """The next `limit` entries. Entries written meanwhile are neither repeated nor do others get lost.

        In another order than that of time, one whose place changes meanwhile may be repeated or missing.

        `brief`: without labels and artifacts, which can be long. Raises CursorError.
        """
        after = None if cursor is None else _position(cursor, sort=sort, ascending=ascending)
        conditions, limit = conditions_of(wanted, visible), max(1, min(limit, MOST_ROWS))
        if conditions is None:
            return CatalogPage(entries=(), cursor=None)
        order = Order(sort=sort, ascending=ascending, after=after)
        with reading(self._engine) as connection:
            search = Search(conditions=conditions, order=order, rows=limit + 1, postgresql=is_postgresql(connection))
            read_by_index(connection)
            statement = self._statement(search, connection)
            if brief:
                statement = statement.with_only_columns(*_SHORT_COLUMNS)
            rows = connection.execute(statement).mappings().all()
        shown = rows[:limit]
        more = len(rows) > len(shown)
        opposite = Order(sort=sort, ascending=not ascending, after=None)
        return CatalogPage(
            entries=tuple(entry_of_row(row) for row in shown),
            cursor=_cursor(order, (shown[-1][order.column], shown[-1]["id"])) if more else None,
            back=_cursor(opposite, (shown[0][order.column], shown[0]["id"])) if shown and after is not None else None,
        )

    def _statement(self, search: Search, connection: Connection) -> Select[Any]:
        alone = search.drives_alone()
        if alone is not None:
            return search.statement(alone, size=MANY)
        for condition, size in self._sizes.smallest_first(search.conditions.found_by, connection):
            if search.can_drive(condition, size=size):
                return search.statement(condition, size=size)
        return search.statement(None, size=MANY)

    def entry(self, namespace: str, name: str) -> CatalogEntry | None:
        """The Recording with this name; if several had it, the one in Kubernetes, else the newest."""
        table = RECORDINGS.c
        query = select(RECORDINGS).where(table.namespace == clean(namespace), table.name == clean(name))
        return self._first(query.order_by(table.in_cluster.desc(), table.created.desc(), table.id.desc()))

    def by_uid(self, uid: str) -> CatalogEntry | None:
        """The Recording with this uid."""
        return self._first(select(RECORDINGS).where(RECORDINGS.c.uid == clean(uid)))

    def namespaces(self) -> tuple[str, ...]:
        """All namespaces that have entries."""
        first = select(func.min(RECORDINGS.c.namespace).label("namespace")).cte("names", recursive=True)
        following = select(func.min(RECORDINGS.c.namespace)).where(RECORDINGS.c.namespace > first.c.namespace)
        found = first.union_all(
            select(following.correlate(first).scalar_subquery()).where(first.c.namespace.is_not(None))
        )
        with reading(self._engine) as connection:
            names = connection.scalars(select(found.c.namespace).where(found.c.namespace.is_not(None)))
            return tuple(sorted(names))

    def counts(self, visible: VisibleNamespaces) -> Mapping[str, int]:
        """How many Recordings are in each phase. Of those that have not ended, the ones in Kubernetes."""
        return self._counts.of(visible)

    def expiring(
        self, visible: VisibleNamespaces, *, after: datetime, before: datetime, limit: int
    ) -> tuple[CatalogEntry, ...]:
        """Recordings in Kubernetes that have not ended and whose sources expire between these times, in this order."""
        with reading(self._engine) as connection:
            rows = expiring_rows(connection, visible, after=after, before=before, limit=limit)
        return tuple(map(entry_of_row, rows))

    def complete_at(self, feed: str) -> datetime | None:
        """When the feed last knew everything."""
        with reading(self._engine) as connection:
            return as_time(connection.scalar(select(FEEDS.c.complete).where(FEEDS.c.name == feed)))

    def _first(self, query: Select[Any]) -> CatalogEntry | None:
        with reading(self._engine) as connection:
            row = connection.execute(query.limit(1)).mappings().first()
        return None if row is None else entry_of_row(row)


def _cursor(order: Order, place: tuple[int, int]) -> str:
    text = json.dumps([order.sort.value, order.ascending, *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str, *, sort: Sort, ascending: bool) -> tuple[int, int]:
    try:
        sorted_by, is_ascending, place, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise CursorError("The cursor is not one that was given.") from None
    if [sorted_by, is_ascending] != [sort.value, ascending]:
        raise CursorError("The cursor is of a list with another order.")
    if not all(type(one) is int and -_MOST <= one < _MOST for one in (place, number)):
        raise CursorError("The cursor is not one that was given.")
    return place, number
