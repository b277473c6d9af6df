"""Databases of the catalog: empty, or with the tables of this version.

Migrating takes longer than most tests of the catalog, so it is done once in a process, and copied.
"""

import shutil
from pathlib import Path

import pytest

from recording_operator.catalog.database import open_database
from tests.support.postgres import Postgres

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def sqlite_tables(scratch: Path) -> Path:
    """A file with empty tables. Copy it."""
    file = scratch / "tables.db"
    open_database(sqlite_url(file)).dispose()
    return file


@pytest.fixture(scope="session")
def postgres_tables(postgres: Postgres) -> str:
    """The name of a database with empty tables. Copy it."""
    name = postgres.new_database()
    open_database(postgres.url_of(name)).dispose()
    return name


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_tables: str) -> str:
    """A database of PostgreSQL with empty tables."""
    return postgres.url_of(postgres.new_database(template=postgres_tables))


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind with empty tables."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    file = tmp_path / "catalog.db"
    shutil.copy(request.getfixturevalue("sqlite_tables"), file)
    return sqlite_url(file)


def sqlite_url(file: Path) -> str:
    """Its URL."""
    return f"sqlite:///{file}"
