"""The statement of a page: which condition drives it, and how the rows are read in order.

docs/decisions/console.md says why. Every statement reads a number of rows that does not grow with the catalog, except
where a search has few results that lie far apart.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, FromClause, Select, Subquery, select, true, tuple_

from recording_operator.catalog.conditions import NAMESPACE, Condition, Conditions, Equal, Namespaces, Word
from recording_operator.catalog.tables import RECORDINGS, WORDS
from recording_operator.catalog.wanted import Sort

_COLUMNS: Final = {Sort.CREATED: "created", Sort.SIZE: "size_order"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order of a page, and after which row it begins."""

    sort: Sort
    ascending: bool
    after: tuple[int, int] | None

    @property
    def column(self) -> str:
        """The column that comes before `id`."""
        return _COLUMNS[self.sort]

    def by(self, row: FromClause) -> tuple[ColumnElement[Any], ...]:
        """For ORDER BY."""
        columns = (row.c[self.column], row.c.id)
        return columns if self.ascending else tuple(one.desc() for one in columns)

    def sorted(self, row: FromClause) -> tuple[ColumnElement[Any], ...]:
        """The same without an index: the rows are few, and found by another."""
        columns = (row.c[self.column].op("+")(0), row.c.id)
        return columns if self.ascending else tuple(one.desc() for one in columns)

    def rest(self, row: FromClause) -> list[ColumnElement[bool]]:
        """The condition of the rows that come after."""
        if self.after is None:
            return []
        place, last = tuple_(row.c[self.column], row.c.id), tuple_(*self.after)
        return [place > last if self.ascending else place < last]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One page to be read."""

    conditions: Conditions
    order: Order
    rows: int
    postgresql: bool

    def statement(self, driver: Condition | None, *, few: bool) -> Select[Any]:
        """The rows, in order. `few`: the driver has so few that they can be sorted."""
        if isinstance(driver, Namespaces):
            return self._merged(driver)
        if isinstance(driver, Word) and (driver.begins or self.order.sort is not Sort.CREATED):
            return self._collected(driver)
        if isinstance(driver, Word):
            return self._of_word(driver)
        if few and driver is not None and not self._has_index(driver):
            return self._where(RECORDINGS, driver).order_by(*self.order.sorted(RECORDINGS))
        return self._where(RECORDINGS, driver).order_by(*self.order.by(RECORDINGS))

    def can_drive(self, condition: Condition, *, few: bool) -> bool:
        """Whether rows can be read in order by this condition, or are so few that they can be sorted."""
        if few or isinstance(condition, Namespaces):
            return True
        return not getattr(condition, "begins", False) and self._has_index(condition)

    def _has_index(self, condition: Condition) -> bool:
        return self.order.sort is Sort.CREATED or getattr(condition, "column", "") == NAMESPACE

    def _where(self, row: FromClause, driver: Condition | None) -> Select[Any]:
        """The rows of a driver that is a column."""
        found = select(RECORDINGS).where(*self._checks(row, driver), *self.conditions.period(row))
        if isinstance(driver, Equal):
            found = found.where(driver.holds(row))
        return found.where(*self.order.rest(row)).limit(self.rows)

    def _of_word(self, driver: Word) -> Select[Any]:
        joined = RECORDINGS.join(WORDS, RECORDINGS.c.id == WORDS.c.id)
        found = select(RECORDINGS).select_from(joined).where(driver.holds(WORDS), *self._checks(RECORDINGS, driver))
        found = found.where(*self.conditions.period(WORDS), *self.order.rest(WORDS))
        return found.order_by(*self.order.by(WORDS)).limit(self.rows)

    def _collected(self, driver: Word) -> Select[Any]:
        ids = select(WORDS.c.id).where(driver.holds(WORDS), *self.conditions.period(WORDS)).distinct()
        found = select(RECORDINGS).where(RECORDINGS.c.id.in_(ids), *self._checks(RECORDINGS, driver))
        return found.where(*self.order.rest(RECORDINGS)).order_by(*self.order.sorted(RECORDINGS)).limit(self.rows)

    def _merged(self, driver: Namespaces) -> Select[Any]:
        """The first rows of each namespace, merged. Of many namespaces only those whose first rows come first."""
        visible = driver.rows(postgresql=self.postgresql)
        chosen = visible if len(driver.since) <= self.rows else self._first_ones(visible)
        if self.postgresql:
            found: FromClause = self._rows_in(chosen, driver).limit(self.rows).lateral("found")
            joined = chosen.join(found, true())
        else:
            found = RECORDINGS.alias("found")
            ids = self._rows_in(chosen, driver).with_only_columns(_EACH.c.id).limit(self.rows)
            joined = chosen.join(found, found.c.id.in_(ids.correlate(chosen)))
        ids = select(found.c.id).select_from(joined).order_by(*self.order.by(found)).limit(self.rows)
        return select(RECORDINGS).where(RECORDINGS.c.id.in_(ids)).order_by(*self.order.sorted(RECORDINGS))

    def _rows_in(self, namespaces: CTE, driver: Condition) -> Select[Any]:
        """Place and id of the rows of a namespace in order. For a subquery of each namespace."""
        found = select(_EACH.c[self.order.column], _EACH.c.id).correlate(namespaces)
        found = found.where(_EACH.c.namespace == namespaces.c.namespace, _EACH.c.created >= namespaces.c.since)
        found = found.where(*self._checks(_EACH, driver), *self.conditions.period(_EACH), *self.order.rest(_EACH))
        return found.order_by(*self.order.by(_EACH))

    def _first_ones(self, visible: CTE) -> CTE:
        """As many namespaces as there are rows: a namespace whose first row comes later has none on the page."""
        first = self._rows_in(visible, Namespaces(())).limit(1)
        if self.postgresql:
            head: Subquery | Any = first.lateral("first")
            found = select(visible).select_from(visible.join(head, true()))
            return found.order_by(*self.order.by(head)).limit(self.rows).cte("chosen")
        places = [first.with_only_columns(one).scalar_subquery() for one in (_EACH.c[self.order.column], _EACH.c.id)]
        heads = select(visible, places[0].label(self.order.column), places[1].label("id")).cte("heads")
        found = select(heads.c.namespace, heads.c.since).where(heads.c.id.is_not(None))
        return found.order_by(*self.order.by(heads)).limit(self.rows).cte("chosen")

    def _checks(self, row: FromClause, driver: Condition | None) -> list[ColumnElement[bool]]:
        """All other conditions."""
        return [
            one.checked(row, one.rows(postgresql=self.postgresql)) if isinstance(one, Namespaces) else one.checked(row)
            for one in self.conditions.found_by
            if one != driver and not (isinstance(one, Namespaces) and isinstance(driver, Namespaces))
        ]


_EACH: Final = RECORDINGS.alias("each")
