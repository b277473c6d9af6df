"""A database that cannot be used: one clear line, without its password; and one whose writer was killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from recording_operator.catalog.database import open_database
from recording_operator.catalog.errors import CatalogError, CatalogUnavailable
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.tables import WORDS
from recording_operator.catalog.transactions import transaction
from recording_operator.catalog.wanted import EntryFilter
from recording_operator.catalog.writing import CatalogWriter
from tests.catalog.building import EVERYTHING, an_entry, pages
from tests.support.postgres import Postgres, a_postgres

_SECRET = "pa55word"
_WRITER = """
import sys
from recording_operator.catalog.database import open_database
from recording_operator.catalog.writing import CatalogWriter
from tests.catalog.building import an_entry
writer = CatalogWriter(open_database(sys.argv[1]))
number = 0
while True:
    writer.put(an_entry(number % 900 + one, version=number) for one in range(300))
    number += 300
    print(number, flush=True)
"""


def _problem(url: str) -> str:
    with pytest.raises(CatalogError) as caught:
        open_database(url)
    message = str(caught.value)
    assert "\n" not in message
    assert _SECRET not in message
    return message


@pytest.mark.parametrize(
    "url",
    ["", "catalog.db", "mysql://root@localhost/x", f"sqlite+x:///{_SECRET}", "postgresql+asyncpg://x", "http://x"],
)
def test_not_a_database_url(url: str) -> None:
    assert _problem(url) == "The URL of the database must begin with sqlite:/// or postgresql://."


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    assert "Check that its directory exists" in _problem(f"sqlite:///{tmp_path}/missing/catalog.db")
    (tmp_path / "text").write_text("not a database of SQLite at all" * 100)
    assert "is not a database of SQLite. It can be deleted" in _problem(f"sqlite:///{tmp_path}/text")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every file")
def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "catalog.db"
    open_database(f"sqlite:///{file}").dispose()
    file.chmod(0o400)
    assert "cannot be written. Check the permissions" in _problem(f"sqlite:///{file}")


def test_a_server_that_does_not_let_us_in(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE walled LOGIN PASSWORD 'other'")
        connection.execute("CREATE ROLE poor LOGIN")
        rules = postgres.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all walled scram-sha-256\n{rules.read_text()}")
        connection.execute("SELECT pg_reload_conf()")
    host = f"host={postgres.folder}"
    assert _problem(f"postgresql://walled:{_SECRET}@/postgres?{host}") == (
        f"PostgreSQL at {postgres.folder} does not accept the user name or the password."
    )
    assert "needs a password" in _problem(f"postgresql://walled@/postgres?{host}")
    assert "does not have the database" in _problem(f"postgresql://postgres:{_SECRET}@/missing?{host}")
    assert "does not know the user" in _problem(f"postgresql://stranger:{_SECRET}@/postgres?{host}")
    assert "does not allow this user to create" in _problem(f"postgresql://poor:{_SECRET}@/postgres?{host}")
    assert "PostgreSQL at 127.0.0.1:1 does not respond" in _problem(f"postgresql://x:{_SECRET}@127.0.0.1:1/postgres")


def test_a_server_that_is_away_for_a_while() -> None:
    with a_postgres() as server:
        engine = open_database(server.url.replace("&connect_timeout=5", f"&password={_SECRET}"))
        writer, reader = CatalogWriter(engine), CatalogReader(engine)
        writer.put([an_entry(1)])
        server.stop()
        for call in (lambda: writer.put([an_entry(2)]), lambda: pages(reader), reader.namespaces):
            with pytest.raises(CatalogUnavailable, match="does not respond as expected") as caught:
                call()
            assert _SECRET not in str(caught.value)
        server.start()
        writer.put([an_entry(2)])
        assert len(pages(reader)) == 2
        engine.dispose()


def test_in_memory_for_several_threads() -> None:
    engine, other = open_database(), open_database()
    writer, reader = CatalogWriter(engine), CatalogReader(engine)
    writer.put([an_entry(1)])
    with transaction(engine) as first, transaction(engine) as second:
        assert first.connection is not second.connection
        assert first.scalar(text("SELECT count(*) FROM recordings")) == 1
        assert second.scalar(text("SELECT count(*) FROM recordings")) == 1
    assert pages(reader) == [an_entry(1)]
    assert pages(CatalogReader(other)) == []


def test_a_writer_is_killed(database_url: str) -> None:
    for numbers in (2, 3):
        command = [sys.executable, "-c", _WRITER, database_url]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(numbers):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        engine = open_database(database_url)
        found = pages(CatalogReader(engine), limit=500)
        assert len(found) % 300 == 0  # whole batches
        with transaction(engine) as connection:
            said = connection.scalars(WORDS.select().with_only_columns(WORDS.c.id).where(WORDS.c.word == "meeting"))
            assert len(set(said)) == len(found)
        CatalogWriter(engine).put([an_entry(5, version=10**9, title="after the crash")])
        page = CatalogReader(engine).page(EntryFilter(text="crash"), visible=EVERYTHING, limit=5)
        assert [one.uid for one in page.entries] == ["uid-5"]
        engine.dispose()
    if database_url.startswith("sqlite"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_readers_of_the_database_in_memory_do_not_wait_for_a_connection() -> None:
    engine = open_database()
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(engine.connect()).execute(text("SELECT 1"))
    engine.dispose()
