"""What the first page needs of many rows: how many are in each phase, and which sources expire soon."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, func, literal_column, or_, select, true

from recording_operator.api.recording_status import Phase
from recording_operator.catalog.conditions import Namespaces
from recording_operator.catalog.entries import milliseconds
from recording_operator.catalog.tables import RECORDINGS
from recording_operator.catalog.transactions import is_postgresql, read_by_index, reading
from recording_operator.catalog.wanted import VisibleNamespaces

_UNFINISHED: Final = (Phase.PENDING.value, Phase.UPLOADING.value)
_FINISHED: Final = tuple(phase.value for phase in Phase if phase.value not in _UNFINISHED)
_NAMESPACES_OF_A_STATEMENT: Final = 100
_REMEMBERED_S: Final = 5.0
_SHARE: Final = 0.01
_MOST_REMEMBERED: Final = 10_000
_Place: TypeAlias = tuple[str, int] | None
"""A namespace and the time of its oldest row that counts, in milliseconds. None: everything."""
_Counts: TypeAlias = Mapping[str, int]


class CountsByPhase:
    """The number of rows of each phase, remembered for some seconds: many people look at the first page. Thread-safe.

    Of those that have not ended, the ones in Kubernetes are counted. Each namespace is counted once for everybody who
    sees it. What takes long to count is remembered for longer: to count takes at most 1 % of the time.
    """

    def __init__(self, engine: Engine, *, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._known: OrderedDict[_Place, tuple[float, _Counts]] = OrderedDict()

    def of(self, visible: VisibleNamespaces) -> _Counts:
        """The numbers. While one caller counts again, others get those of before, and do not read the index too.

        Raises CatalogUnavailable.
        """
        places = [None] if visible.everything else [(name, milliseconds(at) or 0) for name, at in visible.since.items()]
        known, due = self._remembered(places)
        if due:
            began_s = self._steady_s()
            with reading(self._engine) as connection:
                counts = _counts(connection, due)
            ended_s = self._steady_s()
            known.update(counts)
            self._remember(counts, until_s=ended_s + max(_REMEMBERED_S, (ended_s - began_s) / _SHARE))
        total = Counter[str]()
        for each in known.values():
            total.update(each)
        return total

    def _remembered(self, places: Iterable[_Place]) -> tuple[dict[_Place, _Counts], list[_Place]]:
        """What is known, and what this caller has to count (again)."""
        now_s, known, due = self._steady_s(), dict[_Place, _Counts](), list[_Place]()
        with self._lock:
            for place in places:
                until_s, counts = self._known.get(place, (0.0, None))
                if counts is not None:
                    known[place] = counts
                if counts is None or now_s >= until_s:
                    due.append(place)
                    if counts is not None:
                        self._known[place] = (now_s + _REMEMBERED_S, counts)
        return known, due

    def _remember(self, counts: Mapping[_Place, _Counts], *, until_s: float) -> None:
        with self._lock:
            for place, found in counts.items():
                self._known[place] = (until_s, found)
                self._known.move_to_end(place)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)


def _counts(connection: Connection, places: Sequence[_Place]) -> dict[_Place, _Counts]:
    """Each statement reads one index and no row of the table."""
    table, counts = RECORDINGS.c, {place: Counter[str]() for place in places}
    read_by_index(connection)
    phase: ColumnElement[str] = table.phase
    if not is_postgresql(connection):  # else SQLite chooses an index of the phase, and reads rows of the table
        phase = table.phase.op("||")(literal_column("''"))
    namespaces = {place[0]: place for place in places if place is not None}
    of_phases: Any
    if namespaces:
        of_phases = select(table.namespace, phase, func.count()).group_by(table.namespace, phase)
        of_phases = _within(of_phases, connection, tuple(namespaces.values()))
    else:
        of_phases = select(literal_column("''"), phase, func.count()).group_by(phase)
    for query in (
        of_phases.where(phase.in_(_FINISHED)),
        of_phases.where(phase.in_(_UNFINISHED), table.in_cluster),
    ):
        for place, name, number in connection.execute(query):
            counts[namespaces.get(place)][name] += number
    return dict(counts)


def expiring_rows(
    connection: Connection, visible: VisibleNamespaces, *, after: datetime, before: datetime, limit: int
) -> list[RowMapping]:
    """Rows of unfinished Recordings whose sources expire between these times, the earliest first."""
    table = RECORDINGS.c
    query = _visible(select(RECORDINGS), connection, visible).where(
        table.phase.in_(_UNFINISHED),
        table.in_cluster,
        table.expires >= milliseconds(after),
        table.expires < milliseconds(before),
    )
    return list(connection.execute(query.order_by(table.expires, table.uid).limit(limit)).mappings())


def visible_conditions(visible: VisibleNamespaces) -> Iterator[ColumnElement[bool]]:
    """Conditions of which each visible row meets exactly one."""
    if visible.everything:
        yield true()
        return
    table = RECORDINGS.c
    namespaces = iter(visible.since.items())
    while some := list(islice(namespaces, _NAMESPACES_OF_A_STATEMENT)):
        yield or_(*(and_(table.namespace == name, table.created >= milliseconds(since)) for name, since in some))


def _visible(query: Any, connection: Connection, visible: VisibleNamespaces) -> Any:
    if visible.everything:
        return query
    return _within(query, connection, tuple((name, milliseconds(at) or 0) for name, at in visible.since.items()))


def _within(query: Any, connection: Connection, since: tuple[tuple[str, int], ...]) -> Any:
    """Only what is in these namespaces."""
    names, table = Namespaces(tuple(sorted(since))).rows(postgresql=is_postgresql(connection)), RECORDINGS.c
    created = table.created if is_postgresql(connection) else table.created + 0  # else SQLite chooses its index
    is_visible = and_(table.namespace == names.c.namespace, created >= names.c.since)
    return query.select_from(names.join(RECORDINGS, is_visible))
