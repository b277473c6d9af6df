"""Pages are read by indexes in both databases: no statement of a page reads a whole table, or sorts one."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from benchmarks.catalogdata import NEWEST, entries
from recording_operator.catalog import searching, sizes
from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.transactions import is_postgresql, read_by_index, transaction
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces
from recording_operator.catalog.writing import CatalogWriter
from tests.catalog.building import EVERYTHING

pytestmark = pytest.mark.xdist_group("plans")  # the rows are made once

_ROWS = 6_000
_SINCE = NEWEST - timedelta(days=400)
_ONE = VisibleNamespaces(since={"team-0000": _SINCE})
_SOME = VisibleNamespaces(since={f"team-{number:04}": _SINCE for number in range(20)})
_MANY = VisibleNamespaces(since={f"team-{number:04}": _SINCE for number in range(500)})
_FILTERS = {
    "all": EntryFilter(),
    "namespace": EntryFilter(namespace="team-0000"),
    "org": EntryFilter(org="org-01"),
    "phase": EntryFilter(phase="Failed"),
    "location": EntryFilter(location="hot"),
    "org, phase, location": EntryFilter(org="org-01", phase="Failed", location="hot"),
    "namespace, phase": EntryFilter(namespace="team-0000", phase="Failed"),
    "dates": EntryFilter(created_from=NEWEST - timedelta(days=30), created_before=NEWEST),
    "word": EntryFilter(text="meeting "),
    "words": EntryFilter(text="meeting example mp"),
    "beginning": EntryFilter(text="meet"),
    "rare beginning": EntryFilter(text="00010"),
    "word and org": EntryFilter(text="meeting ", org="org-01"),
}

_CASES = [
    (name, sort)
    for name in _FILTERS
    for sort in Sort
    if sort is not Sort.DOWNLOADS or name in {"all", "namespace"}  # it has the statements of the size
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with rows and statistics."""
    file: Path = tmp_path_factory.mktemp("catalog") / "catalog.db"
    server: Any = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    engine = open_database(f"sqlite:///{file}" if server is None else server.url)
    CatalogWriter(engine).put(entries(_ROWS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if server is None else "VACUUM ANALYZE"))
    yield engine
    engine.dispose()


@pytest.mark.parametrize("few", [0, sizes.FEW])
@pytest.mark.parametrize("visible", [EVERYTHING, _ONE, _SOME, _MANY], ids=["everything", "1", "20", "500"])
@pytest.mark.parametrize(("name", "sort"), _CASES)
def test_no_page_reads_a_whole_table(
    filled: Engine, monkeypatch: pytest.MonkeyPatch, name: str, visible: VisibleNamespaces, sort: Sort, few: int
) -> None:
    monkeypatch.setattr(searching, "FEW", few)
    with _Statements(filled) as said:
        reader = CatalogReader(filled)
        page = reader.page(_FILTERS[name], visible=visible, limit=10, sort=sort)
        reader.page(_FILTERS[name], visible=visible, limit=10, sort=sort, cursor=page.cursor)
    assert said
    for statement, values in said:
        assert [line for line in _plan(filled, statement, values) if _reads_all(line)] == []


def test_a_page_within_namespaces_does_not_read_the_rows_of_others(filled: Engine) -> None:
    """Most Recordings have no downloads: for PostgreSQL, hardly any row comes after a place among them."""
    reader = CatalogReader(filled)
    page = reader.page(EntryFilter(), visible=_MANY, limit=10, sort=Sort.DOWNLOADS)
    with _Statements(filled) as said:
        reader.page(EntryFilter(), visible=_MANY, limit=10, sort=Sort.DOWNLOADS, cursor=page.cursor)
    for statement, values in said:
        assert [line for line in _plan(filled, statement, values) if "ix_recordings_downloads_id" in line] == []


def test_the_namespaces_are_found_by_their_index(filled: Engine) -> None:
    with _Statements(filled) as said:
        assert len(CatalogReader(filled).namespaces()) > 100
    ((statement, values),) = said
    assert [line for line in _plan(filled, statement, values) if _reads_all(line)] == []


@pytest.mark.parametrize("visible", [EVERYTHING, _ONE, _SOME, _MANY], ids=["everything", "1", "20", "500"])
def test_counts_by_phase_read_indexes_only(filled: Engine, visible: VisibleNamespaces) -> None:
    """A row may have a hundred times the size of its place in an index."""
    with _Statements(filled) as said:
        assert CatalogReader(filled).counts(visible)["Complete"] > 0
    assert len(said) == 2
    for statement, values in said:
        plan = [line for line in _plan(filled, statement, values) if "recordings " in line]
        assert all("Index Only Scan" in line or "USING COVERING INDEX" in line for line in plan), plan


@pytest.mark.parametrize("visible", [EVERYTHING, _ONE, _SOME, _MANY], ids=["everything", "1", "20", "500"])
def test_sources_that_expire_soon_are_read_in_their_order(filled: Engine, visible: VisibleNamespaces) -> None:
    with _Statements(filled) as said:
        CatalogReader(filled).expiring(visible, after=NEWEST, before=NEWEST + timedelta(hours=24), limit=10)
    ((statement, values),) = said
    assert any("ix_recordings_expiring" in line for line in _plan(filled, statement, values))


def _reads_all(line: str) -> bool:
    """A scan of a table; of an index too, but for those that are in the order of pages."""
    if "Seq Scan" in line or re.search(r"SCAN (recordings|each|place|words|found|older)\b(?!.*USING)", line):
        return True
    of_pages = r"ix_recordings_(created|size_order|downloads)_id"
    return bool(re.search(rf"SCAN \w+ USING (COVERING )?INDEX (?!{of_pages})", line))


class _Statements:
    """Collects the SELECTs on the tables of the catalog."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: list[tuple[str, Any]] = []

    def __enter__(self) -> list[tuple[str, Any]]:
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self._found

    def __exit__(self, *_error: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if "recordings" in statement or "words" in statement:
            self._found.append((statement, values))


def _plan(engine: Engine, statement: str, values: Any) -> list[str]:
    with transaction(engine) as connection:
        read_by_index(connection)
        explain = "EXPLAIN" if is_postgresql(connection) else "EXPLAIN QUERY PLAN"
        return [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", values)]
