"""A new database for each test: SQLite, and PostgreSQL as a real server."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.writing import CatalogWriter
from tests.support.postgres import Postgres

_NUMBERS = count(1)


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """A new database of the server."""
    name = f"catalog{next(_NUMBERS)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql:///{name}?host={postgres.folder}&user=postgres"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalog.db"
    url: Any = request.getfixturevalue("postgres_url")
    return str(url)


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
