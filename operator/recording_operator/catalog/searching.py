"""The statement of a page: which condition drives it, and how the rows are read in order.

docs/decisions/console.md says why. Every statement reads a number of rows that does not grow with the catalog, except
where a search has few results that lie far apart.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, FromClause, Select, Subquery, or_, select, true, tuple_

from recording_operator.catalog.conditions import NAMESPACE, Condition, Conditions, Equal, Namespaces, Word
from recording_operator.catalog.sizes import FEW, MANY
from recording_operator.catalog.tables import RECORDINGS, WORDS
from recording_operator.catalog.wanted import Sort

_COLUMNS: Final = {Sort.CREATED: "created", Sort.SIZE: "size_order", Sort.DOWNLOADS: "downloads"}


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

    def rest_of_ties(self, row: FromClause) -> list[ColumnElement[bool]]:
        """The same for a column in which most rows may have one value: of pairs, PostgreSQL takes few to be left."""
        if self.after is None:
            return []
        column, number, (place, last) = row.c[self.column], row.c.id, self.after
        if self.ascending:
            return [column >= place, or_(column > place, number > last)]
        return [column <= place, or_(column < place, number < last)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One page to be read."""

    conditions: Conditions
    order: Order
    rows: int
    postgresql: bool

    def statement(self, driver: Condition | None, *, size: int) -> Select[Any]:
        """The rows, in order. `size`: how many the driver has."""
        found = select(RECORDINGS).where(RECORDINGS.c.id.in_(self._ids(driver, size=size)))
        return found.order_by(*self.order.sorted(RECORDINGS))

    def _ids(self, driver: Condition | None, *, size: int) -> Select[Any]:
        if isinstance(driver, Namespaces):
            return self._merged(driver)
        if isinstance(driver, Word):
            if driver.begins or self.order.sort is not Sort.CREATED:
                return self._collected(driver)
            return self._of_word(driver)
        found = select(_EACH.c.id).where(*self._checks(_EACH, driver), *self.conditions.period(_EACH))
        found = found.where(*(self.order.rest(_EACH) if driver is None else self._rest())).limit(self.rows)
        if driver is None:
            return found.order_by(*self.order.by(_EACH))
        is_few = size <= FEW and not self._has_index(driver)
        return found.where(driver.holds(_EACH)).order_by(*(self.order.sorted if is_few else self.order.by)(_EACH))

    def drives_alone(self) -> Condition | None:
        """The condition that is the best whatever the others have."""
        found_by = self.conditions.found_by
        several = [one for one in found_by if isinstance(one, Namespaces)]
        if several and all(one.is_of("phase") for one in found_by if one not in several):
            return several[0]
        return found_by[0] if len(found_by) == 1 and self.can_drive(found_by[0], size=MANY) else None

    def can_drive(self, condition: Condition, *, size: int) -> bool:
        """Whether rows can be read in order by this condition, or are so few that they can be sorted."""
        if isinstance(condition, Namespaces) or size <= FEW:
            return True
        if isinstance(condition, Word) and condition.begins:
            return size < MANY and self._is_enough(condition)
        return self._has_index(condition)

    def _is_enough(self, condition: Word) -> bool:
        """Whether the table of words alone decides."""
        return self.order.sort is Sort.CREATED and self.conditions.found_by == (condition,)

    def _has_index(self, condition: Condition) -> bool:
        if self.order.sort is Sort.CREATED:
            return True
        return condition.is_of(NAMESPACE)

    def _of_word(self, driver: Word) -> Select[Any]:
        found = select(_PLACE.c.id).where(driver.holds(_PLACE), *self._checks(_PLACE, driver))
        if any(not isinstance(one, Word) or one.begins for one in self.conditions.found_by):
            found = found.select_from(_PLACE.join(_EACH, _EACH.c.id == _PLACE.c.id))
        found = found.where(*self.conditions.period(_PLACE), *self.order.rest(_PLACE))
        return found.order_by(*self.order.by(_PLACE)).limit(self.rows)

    def _collected(self, driver: Word) -> Select[Any]:
        """The rows of a driver that has them in another order."""
        places = select(_PLACE.c.created, _PLACE.c.id).where(driver.holds(_PLACE), *self.conditions.period(_PLACE))
        if self._is_enough(driver):
            each: FromClause = places.where(*self.order.rest(_PLACE)).distinct().subquery("places")
            return select(each.c.id).order_by(*self.order.sorted(each)).limit(self.rows)
        ids = places.with_only_columns(_PLACE.c.id).distinct()
        found = select(_EACH.c.id).where(_EACH.c.id.in_(ids), *self._checks(_EACH, driver), *self._rest())
        return found.order_by(*self.order.sorted(_EACH)).limit(self.rows)

    def _merged(self, driver: Namespaces) -> Select[Any]:
        """The first rows of each namespace, merged. Of many namespaces only those whose first rows come first."""
        visible = driver.rows(postgresql=self.postgresql)
        chosen = visible if len(driver.since) <= self.rows else self._first_ones(visible)
        if self.postgresql:
            found: FromClause = self._rows_in(chosen).limit(self.rows).lateral("found")
            joined = chosen.join(found, true())
        else:
            found = RECORDINGS.alias("found")
            ids = self._rows_in(chosen).with_only_columns(_EACH.c.id).limit(self.rows)
            joined = chosen.join(found, found.c.id.in_(ids))
        return select(found.c.id).select_from(joined).order_by(*self.order.by(found)).limit(self.rows)

    def _rows_in(self, namespaces: CTE) -> Select[Any]:
        """Place and id of the rows of a namespace in order, for a subquery of each namespace."""
        found = select(_EACH.c[self.order.column], _EACH.c.id).correlate(namespaces)
        found = found.where(_EACH.c.namespace == namespaces.c.namespace, _EACH.c.created >= namespaces.c.since)
        phases = [one for one in self.conditions.found_by if one.is_of("phase")]
        found = found.where(*(one.holds(_EACH) for one in phases if isinstance(one, Equal)))
        others = [one for one in self.conditions.found_by if one not in phases and not isinstance(one, Namespaces)]
        found = found.where(*(self._check(one, _EACH) for one in others), *self.conditions.period(_EACH))
        return found.where(*self._rest()).order_by(*self.order.by(_EACH))

    def _rest(self) -> list[ColumnElement[bool]]:
        """The rows of a driver that come after: its index is to be used, not one of the order alone."""
        has_ties = self.postgresql and self.order.sort is not Sort.CREATED
        return self.order.rest_of_ties(_EACH) if has_ties else self.order.rest(_EACH)

    def _first_ones(self, visible: CTE) -> CTE:
        """As many namespaces as there are rows: a namespace whose first row comes later has none on the page."""
        first = self._rows_in(visible).limit(1)
        if self.postgresql:
            head: Subquery | Any = first.lateral("first")
            found = select(visible).select_from(visible.join(head, true()))
            return found.order_by(*self.order.by(head)).limit(self.rows).cte("chosen")
        places = [first.with_only_columns(one).scalar_subquery() for one in (_EACH.c[self.order.column], _EACH.c.id)]
        heads = select(visible, places[0].label(self.order.column), places[1].label("id")).cte("heads")
        found = select(heads.c.namespace, heads.c.since).where(heads.c.id.is_not(None))
        return found.order_by(*self.order.by(heads)).limit(self.rows).cte("chosen")

    def _checks(self, place: FromClause, driver: Condition | None) -> list[ColumnElement[bool]]:
        """All other conditions. `place` has time and id."""
        return [self._check(one, place) for one in self.conditions.found_by if one != driver]

    def _check(self, condition: Condition, place: FromClause) -> ColumnElement[bool]:
        if isinstance(condition, Namespaces):
            return condition.checked(_EACH, condition.rows(postgresql=self.postgresql))
        return condition.checked(_EACH, place) if isinstance(condition, Word) else condition.checked(_EACH)


_EACH: Final = RECORDINGS.alias("each")
_PLACE: Final = WORDS.alias("place")
