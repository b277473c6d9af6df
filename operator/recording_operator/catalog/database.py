"""Opens the database of the catalog, SQLite or PostgreSQL."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from recording_operator.catalog.errors import CatalogError, unusable
from recording_operator.catalog.preparing import prepare
from recording_operator.catalog.transactions import WRITES

IN_MEMORY: Final = "sqlite://"
_POSTGRESQL: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_MEMORY_VFS: Final = "memdb"
_BUSY_MS: Final = 10_000
_CONNECT_S: Final = 5
_CONNECTIONS: Final = 10
_MEMORY_CONNECTIONS: Final = 16
_SETTINGS: Final = ("jit=off",)
"""Compiling a plan takes longer than reading a page."""
_PRAGMAS: Final = (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "synchronous=NORMAL", "cache_size=-4096")
_MEMORY_PRAGMAS: Final = (*_PRAGMAS[:-1], "cache_size=-1024")
"""The pages are in memory already; each connection would keep copies of them."""


def open_database(url: str = IN_MEMORY) -> Engine:
    """Connect, and create or update the tables. Raises CatalogError.

    `url` is `sqlite:///path`, `postgresql://…`, or empty memory of this process.
    """
    engine = connect(url)
    try:
        prepare(engine, keeps=engine.url.query.get("vfs") != _MEMORY_VFS)
    except CatalogError:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        raise unusable(error, engine.url) from None
    return engine


def connect(url: str) -> Engine:
    """The database as it is. Raises CatalogError for a URL that is not one."""
    try:
        parsed = make_url(url)
        if parsed.drivername in _POSTGRESQL:
            return _postgresql(parsed.set(drivername="postgresql+psycopg"))
        if parsed.drivername == "sqlite":
            return _sqlite(parsed)
    except (ArgumentError, ImportError, ValueError):
        pass
    raise CatalogError("The URL of the database must begin with sqlite:/// or postgresql://.")


def _postgresql(url: URL) -> Engine:
    # A plan for any value would not fit the value that is searched for.
    options: dict[str, Any] = {"prepare_threshold": None, "options": _with_settings(url.query.get("options"))}
    if "connect_timeout" not in url.query:
        options["connect_timeout"] = _CONNECT_S
    return create_engine(url, pool_pre_ping=True, pool_size=_CONNECTIONS, hide_parameters=True, connect_args=options)


def _with_settings(options: Any) -> str:
    return " ".join([*([str(options)] if options else []), *(f"-c {one}" for one in _SETTINGS)])


def _sqlite(url: URL) -> Engine:
    arguments: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    pragmas = _PRAGMAS
    if url.database in {None, "", ":memory:"}:
        # Several connections to one database in memory, with the locks of a file. It is gone with its last connection.
        url = make_url(f"sqlite:///file:/catalog-{uuid4().hex}?vfs={_MEMORY_VFS}&uri=true")
        arguments |= {"pool_size": _MEMORY_CONNECTIONS, "max_overflow": 0, "pool_recycle": -1}
        pragmas = _MEMORY_PRAGMAS
    engine = create_engine(url, hide_parameters=True, **arguments)
    event.listen(engine, "connect", partial(_prepare, pragmas))
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(pragmas: Sequence[str], connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin with _begin, not where the driver thinks best
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A transaction that writes waits for others at its beginning: later it could not wait, only fail."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
