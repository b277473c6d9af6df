"""What the first page needs of many rows: how many are in each phase, and which sources expire soon."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select, true

from recording_operator.api.recording_status import Phase
from recording_operator.catalog.entries import milliseconds
from recording_operator.catalog.tables import RECORDINGS
from recording_operator.catalog.wanted import VisibleNamespaces

_UNFINISHED: Final = (Phase.PENDING.value, Phase.UPLOADING.value)
_NAMESPACES_OF_A_STATEMENT: Final = 100


def phase_counts(connection: Connection, visible: VisibleNamespaces) -> Mapping[str, int]:
    """The number of rows of each phase. Of those that have not ended, the ones in Kubernetes."""
    table, counts = RECORDINGS.c, Counter[str]()
    counted = or_(table.phase.not_in(_UNFINISHED), table.in_cluster)
    for condition in visible_conditions(visible):
        query = select(table.phase, func.count()).where(condition, counted).group_by(table.phase)
        for phase, number in connection.execute(query):
            counts[phase] += number
    return counts


def expiring_rows(
    connection: Connection, visible: VisibleNamespaces, *, after: datetime, before: datetime, limit: int
) -> list[RowMapping]:
    """Rows of unfinished Recordings whose sources expire between these times, the earliest first."""
    table, found = RECORDINGS.c, list[RowMapping]()
    for condition in visible_conditions(visible):
        query = select(RECORDINGS).where(
            condition,
            table.phase.in_(_UNFINISHED),
            table.in_cluster,
            table.expires >= milliseconds(after),
            table.expires < milliseconds(before),
        )
        found += connection.execute(query.order_by(table.expires, table.uid).limit(limit)).mappings()
    return sorted(found, key=lambda row: (row["expires"], row["uid"]))[:limit]


def visible_conditions(visible: VisibleNamespaces) -> Iterator[ColumnElement[bool]]:
    """Conditions of which each visible row meets exactly one."""
    if visible.everything:
        yield true()
        return
    table = RECORDINGS.c
    namespaces = iter(visible.since.items())
    while some := list(islice(namespaces, _NAMESPACES_OF_A_STATEMENT)):
        yield or_(*(and_(table.namespace == name, table.created >= milliseconds(since)) for name, since in some))
