"""Many rows in one statement."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Table,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from recording_operator.catalog.transactions import is_postgresql


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    growing: Collection[str] = (),
) -> None:
    """Insert rows, or replace what they have of those with the same key. All have the same columns.

    In `growing` columns, the greater value stays.
    """
    if not rows:
        return
    insert = _insert_of(connection, table)
    columns = [one for one in rows[0] if one not in key]
    if is_postgresql(connection):
        insert = insert.from_select(list(rows[0]), select(_as_table(table, rows)))
    if columns:
        newest = {name: insert.excluded[name] for name in columns}
        for name in growing:
            newest[name] = case((newest[name] > table.c[name], newest[name]), else_=table.c[name])
        insert = insert.on_conflict_do_update(index_elements=list(key), set_=newest)
    else:
        insert = insert.on_conflict_do_nothing()
    if is_postgresql(connection):
        connection.execute(insert)
    else:
        connection.execute(insert, list(rows))


def delete_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete the rows that have these values. All name the same columns."""
    if not rows:
        return
    if is_postgresql(connection):
        given = _as_table(table, rows)
        connection.execute(delete(table).where(*(table.c[name] == given.c[name] for name in rows[0])))
        return
    same = and_(*(table.c[name] == bindparam(f"given_{name}") for name in rows[0]))
    connection.execute(
        delete(table).where(same), [{f"given_{name}": value for name, value in row.items()} for row in rows]
    )


def _insert_of(connection: Connection, table: Table) -> Any:
    """INSERT, with what the database has for rows that exist already."""
    return postgresql.insert(table) if is_postgresql(connection) else sqlite.insert(table)


def _as_table(table: Table, rows: Sequence[Mapping[str, Any]]) -> TableValuedAlias:
    """Rows that are sent as one document: a statement for each row would take ten times as long."""
    document = cast(literal(json.dumps(rows, separators=(",", ":")), Text), JSON)
    typed = [column(name, table.c[name].type) for name in rows[0]]
    return func.json_to_recordset(document).table_valued(*typed).render_derived(name="given", with_types=True)
