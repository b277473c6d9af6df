"""How many rows a condition has, up to a limit: enough to choose the one that drives a search."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnClause, Connection, Select, func, literal_column, select, true

from recording_operator.catalog.conditions import Condition, Equal, Namespaces
from recording_operator.catalog.tables import RECORDINGS, WORDS
from recording_operator.catalog.transactions import is_postgresql

MANY: Final = 20_000
"""Nothing is counted beyond it."""
FEW: Final = 5_000
"""So many rows can be read and sorted for a page."""
_ENOUGH: Final = 1_000
_REMEMBERED_S: Final = 60.0
_MOST_REMEMBERED: Final = 10_000
_ONE: Final[ColumnClause[int]] = literal_column("1")


class Sizes:
    """Counts rows, and remembers the numbers for a minute. They choose how a search is done, not what it finds."""

    def __init__(self, *, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._known: OrderedDict[Condition, tuple[float, int]] = OrderedDict()

    def smallest_first(self, conditions: tuple[Condition, ...], connection: Connection) -> list[tuple[Condition, int]]:
        """The conditions and their sizes. Once one is small enough, those after it are taken to have many rows."""
        found: list[tuple[Condition, int]] = []
        for one in conditions:
            is_found = any(size <= _ENOUGH for _, size in found)
            found.append((one, MANY if is_found else self._size(one, connection)))
        return sorted(found, key=lambda pair: (pair[1], isinstance(pair[0], Namespaces)))

    def _size(self, condition: Condition, connection: Connection) -> int:
        now_s = self._steady_s()
        with self._lock:
            until_s, size = self._known.get(condition, (0.0, 0))
        if now_s < until_s:
            return size
        size = connection.scalar(_counting(condition, postgresql=is_postgresql(connection))) or 0
        with self._lock:
            self._known[condition] = (now_s + _REMEMBERED_S, size)
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return size


def _counting(condition: Condition, *, postgresql: bool) -> Select[Any]:
    if isinstance(condition, Namespaces):
        rows = _in_namespaces(condition, postgresql=postgresql)
    else:
        table = RECORDINGS if isinstance(condition, Equal) else WORDS
        rows = select(_ONE).select_from(table).where(condition.holds(table))
    return select(func.count()).select_from(rows.limit(MANY).subquery())


def _in_namespaces(condition: Namespaces, *, postgresql: bool) -> Select[Any]:
    visible = condition.rows(postgresql=postgresql)
    if not postgresql:
        return select(_ONE).select_from(visible.join(RECORDINGS, RECORDINGS.c.namespace == visible.c.namespace))
    rows = select(RECORDINGS.c.id).where(RECORDINGS.c.namespace == visible.c.namespace).correlate(visible).limit(MANY)
    return select(_ONE).select_from(visible.join(rows.lateral("rows_of"), true()))
