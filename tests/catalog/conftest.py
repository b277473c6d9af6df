"""A new database for each test: SQLite, and PostgreSQL as a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.writing import CatalogWriter
from tests.support.databases import KINDS, database_url, postgres_tables, postgres_url, sqlite_tables, sqlite_url
from tests.support.postgres import Postgres

__all__ = ["database_url", "postgres_tables", "postgres_url", "sqlite_tables"]


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind without tables."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "catalog.db")
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.url_of(postgres.new_database())


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with empty tables."""
    opened = open_database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def writer(engine: Engine) -> CatalogWriter:
    """Writes to the database."""
    return CatalogWriter(engine)


@pytest.fixture
def reader(engine: Engine) -> CatalogReader:
    """Reads from the database."""
    return CatalogReader(engine)
