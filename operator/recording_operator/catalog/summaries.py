"""What the first page needs of many rows: how many are in each phase, and which sources expire soon."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, literal_column, or_, select, true

from recording_operator.api.recording_status import Phase
from recording_operator.catalog.conditions import Namespaces
from recording_operator.catalog.entries import milliseconds
from recording_operator.catalog.tables import RECORDINGS
from recording_operator.catalog.transactions import is_postgresql, read_by_index
from recording_operator.catalog.wanted import VisibleNamespaces

_UNFINISHED: Final = (Phase.PENDING.value, Phase.UPLOADING.value)
_FINISHED: Final = tuple(phase.value for phase in Phase if phase.value not in _UNFINISHED)
_NAMESPACES_OF_A_STATEMENT: Final = 100
_REMEMBERED_S: Final = 5.0
_MOST_REMEMBERED: Final = 1_000
_Key: TypeAlias = tuple[tuple[str, datetime], ...] | None


class CountsByPhase:
    """The number of rows of each phase, remembered for some seconds: many people look at the first page. Thread-safe.

    Of those that have not ended, the ones in Kubernetes are counted.
    """

    def __init__(self, *, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, tuple[float, Mapping[str, int]]] = OrderedDict()

    def of(self, visible: VisibleNamespaces, connection: Connection) -> Mapping[str, int]:
        """The numbers. While one caller counts again, others get those of before, and do not read the index too."""
        key = None if visible.everything else tuple(sorted(visible.since.items()))
        now_s = self._steady_s()
        with self._lock:
            until_s, known = self._known.get(key, (0.0, None))
            if known is not None:
                if now_s < until_s:
                    return known
                self._known[key] = (now_s + _REMEMBERED_S, known)
        counts = _counts(connection, visible)
        with self._lock:
            self._known[key] = (now_s + _REMEMBERED_S, counts)
            self._known.move_to_end(key)
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return counts


def _counts(connection: Connection, visible: VisibleNamespaces) -> Mapping[str, int]:
    """Each statement reads one index and no row of the table."""
    table, counts = RECORDINGS.c, Counter[str]()
    read_by_index(connection)
    phase: ColumnElement[str] = table.phase
    if not is_postgresql(connection):  # else SQLite chooses an index of the phase, and reads rows of the table
        phase = table.phase.op("||")(literal_column("''"))
    of_phases = _visible(select(phase, func.count()), connection, visible).group_by(phase)
    for query in (
        of_phases.where(phase.in_(_FINISHED)),
        of_phases.where(phase.in_(_UNFINISHED), table.in_cluster),
    ):
        for name, number in connection.execute(query):
            counts[name] += number
    return counts


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
    since = tuple(sorted((name, milliseconds(at) or 0) for name, at in visible.since.items()))
    names, table = Namespaces(since).rows(postgresql=is_postgresql(connection)), RECORDINGS.c
    created = table.created if is_postgresql(connection) else table.created + 0  # else SQLite chooses its index
    is_visible = and_(table.namespace == names.c.namespace, created >= names.c.since)
    return query.select_from(names.join(RECORDINGS, is_visible))
