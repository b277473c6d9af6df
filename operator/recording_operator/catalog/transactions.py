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


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, or changes one row."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unusable(error, engine.url) from None


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


def is_postgresql(connection: Connection) -> bool:
    """Whether it is PostgreSQL; else it is SQLite."""
    return connection.dialect.name == "postgresql"
