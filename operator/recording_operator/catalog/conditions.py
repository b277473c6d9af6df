"""Conditions of a search. One of them drives it: its rows are read in order, and the others are checked in each."""

import json
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy import (
    CTE,
    JSON,
    BigInteger,
    ColumnElement,
    FromClause,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)

from recording_operator.catalog.entries import milliseconds
from recording_operator.catalog.tables import RECORDINGS, WORDS
from recording_operator.catalog.text import clean, words_of
from recording_operator.catalog.wanted import EntryFilter, VisibleNamespaces

NAMESPACE: Final = "namespace"
_COLUMNS: Final = ("user", "project", NAMESPACE, "org", "location", "phase")
"""Columns with an index in order of time, those first that usually leave the fewest rows."""
_PAIRS: Final = ((NAMESPACE, "phase"), ("org", "phase"))
"""Pairs that have one too: the few that failed of the many of a tenant."""
_LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Equal:
    """Columns that have one index in order of time have these values."""

    values: tuple[tuple[str, str], ...]

    def holds(self, row: FromClause) -> ColumnElement[bool]:
        """The condition, by which rows are found."""
        return and_(*(row.c[column] == value for column, value in self.values))

    def checked(self, row: FromClause) -> ColumnElement[bool]:
        """The same without an index: that of the driving condition is to be used."""
        return and_(*(row.c[column].op("||")("") == value for column, value in self.values))

    def is_of(self, column: str) -> bool:
        """Whether it is of this column and no other."""
        return [name for name, _ in self.values] == [column]


@dataclass(frozen=True, slots=True)
class Word:
    """A word is in the texts; or, if it is only the beginning of one, any word that begins so."""

    word: str
    begins: bool = False

    def holds(self, row: FromClause) -> ColumnElement[bool]:
        """The condition for a row of `words`."""
        if not self.begins:
            return row.c.word == self.word
        return and_(row.c.word >= self.word, row.c.word < self.word + _LAST)

    def checked(self, row: FromClause, place: FromClause) -> ColumnElement[bool]:
        """The condition for a row of `recordings`, or only for its time and id, the `place`."""
        if self.begins:
            return row.c.search.like(f"% {self.word}%")  # a word has none of the characters that LIKE knows
        has = WORDS.alias()
        return exists().where(has.c.word == self.word, has.c.created == place.c.created, has.c.id == place.c.id)

    def is_of(self, _column: str) -> bool:
        """It is not of a column."""
        return False


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The namespace is one of several, and the row is not older than that."""

    since: tuple[tuple[str, int], ...]

    def is_of(self, _column: str) -> bool:
        """It is of several values."""
        return False

    def rows(self, *, postgresql: bool) -> CTE:
        """The namespaces as a table."""
        names = literal(json.dumps(dict(self.since)), Text)
        found = func.json_each_text(cast(names, JSON)) if postgresql else func.json_each(names)
        each = found.table_valued("key", "value")
        return select(each.c.key.label("namespace"), cast(each.c.value, BigInteger).label("since")).cte("visible")

    @staticmethod
    def checked(row: FromClause, visible: CTE) -> ColumnElement[bool]:
        """The condition. The time of a row is compared only if its namespace has rows that are too old."""
        older, same = RECORDINGS.alias("older"), visible.alias("same")
        has_older = exists().where(older.c.namespace == visible.c.namespace, older.c.created < visible.c.since)
        return and_(
            row.c.namespace.op("||")("").in_(select(visible.c.namespace)),
            or_(
                row.c.namespace.not_in(select(visible.c.namespace).where(has_older)),
                exists().where(same.c.namespace == row.c.namespace, same.c.since <= row.c.created),
            ),
        )


Condition: TypeAlias = Equal | Word | Namespaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """All conditions of a search."""

    found_by: tuple[Condition, ...]
    """Those that can drive it."""
    created_from: int | None
    created_before: int | None

    def period(self, row: FromClause) -> list[ColumnElement[bool]]:
        """The conditions on the time; each table in order of time has it."""
        bounds = []
        if self.created_from is not None:
            bounds.append(row.c.created >= self.created_from)
        if self.created_before is not None:
            bounds.append(row.c.created < self.created_before)
        return bounds


def conditions_of(wanted: EntryFilter, visible: VisibleNamespaces) -> Conditions | None:
    """The conditions; None if nothing can be found."""
    texts = {column: getattr(wanted, column) for column in _COLUMNS}
    equal = {column: clean(value) for column, value in texts.items() if value is not None}
    since = {name: milliseconds(at) or 0 for name, at in visible.since.items()}
    created_from = milliseconds(wanted.created_from)
    several: list[Condition] = []
    if not visible.everything:
        if NAMESPACE in equal:
            since = {name: at for name, at in since.items() if name == equal[NAMESPACE]}
        if not since:
            return None
        if len(since) == 1:
            ((equal[NAMESPACE], oldest),) = since.items()
            created_from = oldest if created_from is None else max(oldest, created_from)
        else:
            several = [Namespaces(tuple(sorted(since.items())))]
    words = _words(wanted.text or "")
    if words is None:
        return None
    return Conditions(
        found_by=(*_equal(equal), *words, *several),
        created_from=created_from,
        created_before=milliseconds(wanted.created_before),
    )


def _equal(values: dict[str, str]) -> list[Equal]:
    pair = next((pair for pair in _PAIRS if all(one in values for one in pair)), ())
    alone = [Equal(((name, values[name]),)) for name in _COLUMNS if name in values and name not in pair]
    return [Equal(tuple((name, values[name]) for name in pair)), *alone] if pair else alone


def _words(text: str) -> list[Word] | None:
    """The words; None for a text without any, which nothing has."""
    words = words_of(text)
    if not words:
        return [] if not text.strip() else None
    return [*(Word(one) for one in words[:-1]), Word(words[-1], begins=not text[-1].isspace())]
