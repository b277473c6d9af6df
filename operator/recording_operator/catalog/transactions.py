"""Transactions of the catalog. Each raises CatalogUnavailable if the database does not respond."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from recording_operator.catalog.errors import unusable

WRITES: Final = "catalog_writes"
"""The option of a connection whose transactions write."""
_LOCK: Final = 0x7265636F7264  # any number that no other program uses

LONGEST_READ_MS: Final = 20_000
_NOT_BY_INDEX: Final = (
    "enable_seqscan",
    "enable_sort",
    "enable_incremental_sort",
    "enable_bitmapscan",
    "enable_hashjoin",
    "enable_mergejoin",
    "enable_memoize",
)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, or changes one row."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unusable(error, engine.url) from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction of a request that reads. PostgreSQL gives up a statement that takes too long."""
    with transaction(engine) as connection:
        if is_postgresql(connection):
            connection.execute(select(func.set_config("statement_timeout", str(LONGEST_READ_MS), True)))
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes. No other one writes at the same time, in any process: none can wait in a circle."""
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            if is_postgresql(connection):
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield connection
    except SQLAlchemyError as error:
        raise unusable(error, engine.url) from None


def read_by_index(connection: Connection) -> None:
    """Read by indexes and in their order until the end of the transaction, whatever PostgreSQL thinks of it.

    It cannot know how many rows have a word, or a value that is compared without an index.
    """
    if is_postgresql(connection):
        connection.execute(select(*(func.set_config(name, "off", True) for name in _NOT_BY_INDEX)))


def is_postgresql(connection: Connection) -> bool:
    """Whether it is PostgreSQL; else it is SQLite."""
    return connection.dialect.name == "postgresql"
