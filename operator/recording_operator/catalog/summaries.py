"""What the first page needs of many rows: how many are in each phase, and which sources expire soon."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
)

from recording_operator.api.recording_status import Phase
from recording_operator.catalog.conditions import Namespaces
from recording_operator.catalog.entries import milliseconds
from recording_operator.catalog.tables import RECORDINGS
from recording_operator.catalog.transactions import is_postgresql, read_by_index, reading
from recording_operator.catalog.wanted import VisibleNamespaces

_UNFINISHED: Final = (Phase.PENDING.value, Phase.UPLOADING.value)
_FINISHED: Final = tuple(phase.value for phase in Phase if phase.value not in _UNFINISHED)
_NAMESPACES_OF_A_STATEMENT: Final = 100
_FRESH_S: Final = 5.0
_SHARE: Final = 0.01
_OLDEST_S: Final = 60.0
_LONGEST_S: Final = 0.05
_MOST_REMEMBERED: Final = 10_000
_Place: TypeAlias = tuple[str, int] | None
"""A namespace and the time of its oldest row that counts, in milliseconds. None: everything."""
_Counts: TypeAlias = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RememberedCounts:
    """What was counted, and from when on it should be counted again."""

    counts: _Counts
    fresh_until_s: float


class CountsByPhase:
    """The number of rows of each phase, remembered for some seconds: many people look at the first page. Thread-safe.

    Of those that have not ended, the ones in Kubernetes are counted. Each namespace is counted once for everybody who
    sees it. What takes long to count is remembered for longer: to count takes at most 1 % of the time. One caller does
    not count longer than a moment, as long as nothing has been due for a minute.
    """

    def __init__(self, engine: Engine, *, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._steady_s = steady_s
        self._lock, self._first = threading.Lock(), threading.Lock()
        self._known: OrderedDict[_Place, _RememberedCounts] = OrderedDict()

    def of(self, visible: VisibleNamespaces) -> _Counts:
        """The numbers. While one caller counts again, others get those of before, and do not read the index too.

        Raises CatalogUnavailable.
        """
        everything: list[_Place] = [None]
        namespaces: list[_Place] = [(name, milliseconds(at) or 0) for name, at in visible.since.items()]
        places = everything if visible.everything else namespaces
        began_s = self._steady_s()
        known = self._remembered(places)
        if len(known) < len(places):
            with self._first:
                known = self._remembered(places)
                known.update(self._counted([place for place in places if place not in known]))
        known.update(self._counted([*self._reserved(known, began_s, before_s=began_s - _OLDEST_S)]))
        for place in self._reserved(known, began_s, before_s=began_s):
            known.update(self._counted([place]))
            if self._steady_s() - began_s > _LONGEST_S:
                break
        total = Counter[str]()
        for each in known.values():
            total.update(each.counts)
        return total

    def _remembered(self, places: Sequence[_Place]) -> dict[_Place, _RememberedCounts]:
        with self._lock:
            return {place: found for place in places if (found := self._known.get(place)) is not None}

    def _reserved(
        self, known: Mapping[_Place, _RememberedCounts], now_s: float, *, before_s: float
    ) -> Iterator[_Place]:
        """Those that have been due since `before_s`, the oldest first. Meanwhile, others take what is known."""
        for place in sorted(known, key=lambda one: known[one].fresh_until_s):
            with self._lock:
                before = self._known.get(place)
                if before is None or before_s < before.fresh_until_s:
                    continue
                self._known[place] = replace(before, fresh_until_s=now_s + _FRESH_S)
            yield place

    def _counted(self, places: Sequence[_Place]) -> dict[_Place, _RememberedCounts]:
        if not places:
            return {}
        began_s = self._steady_s()
        with reading(self._engine) as connection:
            counts = _counts(connection, places)
        ended_s = self._steady_s()
        until_s = ended_s + max(_FRESH_S, (ended_s - began_s) / len(places) / _SHARE)
        found = {place: _RememberedCounts(counts=counts[place], fresh_until_s=until_s) for place in places}
        with self._lock:
            for place, one in found.items():
                self._known[place] = one
                self._known.move_to_end(place)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found


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
        names = Namespaces(tuple(sorted(namespaces.values()))).rows(postgresql=is_postgresql(connection))
        created = table.created if is_postgresql(connection) else table.created + 0  # else SQLite chooses its index
        is_visible = and_(table.namespace == names.c.namespace, created >= names.c.since)
        of_phases = of_phases.select_from(names.join(RECORDINGS, is_visible))
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
    query = select(RECORDINGS).where(
        table.phase.op("||")("").in_(_UNFINISHED),  # else SQLite chooses the index of the phase
        table.in_cluster,
        table.expires >= milliseconds(after),
        table.expires < milliseconds(before),
    )
    if not visible.everything:
        names = Namespaces(tuple(sorted((name, milliseconds(at) or 0) for name, at in visible.since.items())))
        query = query.where(names.checked(RECORDINGS, names.rows(postgresql=is_postgresql(connection))))
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
