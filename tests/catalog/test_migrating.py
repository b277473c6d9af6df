"""The history of the tables, on data, in both databases."""

import io
import logging
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from recording_operator.catalog.database import connect, open_database
from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.migrating import MIGRATIONS, downgrade, upgrade
from recording_operator.catalog.migrations import newest_revision
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.tables import METADATA
from recording_operator.catalog.transactions import writing
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.logs import Redactor, configure_logging
from tests.catalog.building import BEGIN, an_entry, pages

_PROCESS = """
import sys
from recording_operator.catalog.database import open_database
sys.stdin.readline()
open_database(sys.argv[1])
"""
_NO_ALEMBIC = """
import sys
from recording_operator.catalog.database import open_database
open_database(sys.argv[1])
sys.exit("alembic" in sys.modules)
"""


def _revisions() -> list[str]:
    """All of them, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]


def test_the_tables_are_those_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_database_in_memory_has_the_tables_of_a_file(tmp_path: Path) -> None:
    """Nothing is migrated there: the tables are created at once."""
    tables = [_schema(open_database(url)) for url in (f"sqlite:///{tmp_path}/catalog.db", "sqlite://")]
    assert tables[0] == tables[1]
    assert len(tables[0]) > 10


def _schema(engine: Engine) -> dict[str, str]:
    """The statements that make its tables and indexes, without the order of what a table has."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    engine.dispose()
    found = {name: " ".join(sorted(re.findall(r"[^\s,()]+", sql))) for name, sql in rows}
    found.pop("alembic_version", None)
    return found


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{}/catalog.db"])
def test_alembic_is_only_imported_to_change_tables(url: str, tmp_path: Path) -> None:
    """It takes a tenth of the memory of a console."""
    if url != "sqlite://":
        open_database(url.format(tmp_path)).dispose()
    subprocess.run([sys.executable, "-c", _NO_ALEMBIC, url.format(tmp_path)], check=True)


def test_the_newest_revision_is_that_of_alembic() -> None:
    assert newest_revision() == _revisions()[0]


def test_there_and_back_with_data(engine: Engine, writer: CatalogWriter, reader: CatalogReader) -> None:
    writer.put([an_entry(1)])
    writer.fed("recordings", complete=BEGIN)
    for revision in _revisions()[1:]:
        downgrade(engine, revision)
    upgrade(engine)
    assert pages(reader) == [an_entry(1)]
    writer.put([an_entry(2)])
    downgrade(engine, "base")
    upgrade(engine)
    assert pages(reader) == []
    writer.put([an_entry(1, created=BEGIN + timedelta(days=1))])
    assert len(pages(reader)) == 1


def test_several_processes_at_once(empty_url: str) -> None:
    command = [sys.executable, "-c", _PROCESS, empty_url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    assert [(one.communicate(timeout=120)[1], one.returncode) for one in started] == [("", 0)] * 4
    assert pages(CatalogReader(open_database(empty_url))) == []


def test_a_newer_version_has_changed_the_tables(database_url: str, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogError, match=r"A newer version of this program has changed the tables \(revision 9999\)"):
        open_database(database_url)


def test_nothing_is_logged(empty_url: str) -> None:
    stream = io.StringIO()
    configure_logging(redactor=Redactor(), log_format="text", level=logging.INFO, stream=stream)
    upgrade(connect(empty_url))
    assert not stream.getvalue()
