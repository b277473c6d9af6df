"""Opens the database of the catalog, SQLite or PostgreSQL, and brings its tables up to date."""

from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

MIGRATIONS: Final = Path(__file__).parent / "migrations"
IN_MEMORY: Final = "sqlite://"
_POSTGRESQL: Final = frozenset({"postgres", "postgresql"})
_BUSY_MS: Final = 10_000


class CatalogError(Exception):
    """The database cannot be used. The text is one line without credentials that says what to do."""


def open_database(url: str = IN_MEMORY) -> Engine:
    """Connect, and create or update the tables. Raises CatalogError.

    `url` is `sqlite:///path`, `postgresql://…`, or empty memory of this process.
    """
    engine = _engine(url)
    try:
        upgrade(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        raise CatalogError(f"The database of the catalog cannot be used ({type(error).__name__}).") from None
    return engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to `revision`. Several processes may do it at the same time."""
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in _POSTGRESQL:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(str(parsed), in_memory=parsed.database in {None, "", ":memory:"})
        return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, ImportError):
        raise CatalogError("The URL of the database must begin with sqlite:/// or postgresql://.") from None


def _sqlite(url: str, *, in_memory: bool) -> Engine:
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
