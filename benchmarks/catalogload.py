"""Fills a database with a million rows in minutes: without indexes first, from one document of rows for both kinds."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, text

from recording_operator.catalog.entries import CatalogEntry, row_of
from recording_operator.catalog.tables import RECORDINGS

_COLUMNS: Final = tuple(column.name for column in RECORDINGS.columns if column.server_default is None)
_AT_ONCE: Final = 5_000


def fill_sqlite(engine: Engine, file: Path, rows: Iterable[CatalogEntry]) -> None:
    """The rows in a database with empty tables."""
    _without_indexes(engine)
    database = sqlite3.connect(file, isolation_level=None)
    database.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; CREATE TABLE loose (word, created, id);")
    places = ",".join("?" * len(_COLUMNS))
    made = enumerate(rows, 1)
    while some := [(number, row_of(one)) for number, one in islice(made, _AT_ONCE)]:
        database.execute("BEGIN")
        values = [_values(number, row) for number, row in some]
        database.executemany(f"INSERT INTO recordings ({_names()}) VALUES ({places})", values)  # noqa: S608 - our names
        database.executemany("INSERT INTO loose VALUES (?, ?, ?)", _words(some))
        database.execute("COMMIT")
    database.executescript(
        "BEGIN; INSERT INTO words SELECT DISTINCT word, created, id FROM loose ORDER BY 1, 2, 3; DROP TABLE loose;"
        "COMMIT;"
    )
    database.close()
    for index in RECORDINGS.indexes:
        index.create(engine)


def copy_to_postgresql(file: Path, engine: Engine, url: str) -> None:
    """The same rows in PostgreSQL, as it has them some time after they were written: with statistics."""
    _without_indexes(engine)
    source = sqlite3.connect(file)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SET maintenance_work_mem = '512MB'")
        database.execute("ALTER TABLE words DROP CONSTRAINT pk_words")
        with database.cursor().copy(f"COPY recordings ({_names()}) FROM STDIN") as copy:
            flags = [_COLUMNS.index(one) for one in ("suspended", "cancelled", "in_cluster")]
            for row in source.execute(f"SELECT {_names()} FROM recordings"):  # noqa: S608 - our names
                copy.write_row([bool(value) if place in flags else value for place, value in enumerate(row)])
        with database.cursor().copy("COPY words (word, created, id) FROM STDIN") as copy:
            for row in source.execute("SELECT word, created, id FROM words"):
                copy.write_row(row)
        database.execute("ALTER TABLE words ADD CONSTRAINT pk_words PRIMARY KEY (word, created, id)")
        database.execute("SELECT setval('recordings_id_seq', (SELECT max(id) FROM recordings))")
    for index in RECORDINGS.indexes:
        index.create(engine)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")


def _without_indexes(engine: Engine) -> None:
    with engine.begin() as connection:
        for index in RECORDINGS.indexes:
            connection.execute(text(f"DROP INDEX {index.name}"))


def _names() -> str:
    return ", ".join(f'"{name}"' for name in _COLUMNS)


def _values(number: int, row: dict[str, Any]) -> list[Any]:
    given = {"id": number} | row
    return [json.dumps(given[name]) if name in {"labels", "artifacts"} else given[name] for name in _COLUMNS]


def _words(rows: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[str, int, int]]:
    for number, row in rows:
        for word in row["search"].split():
            yield word, row["created"], number
