"""What is wrong with the database, as one line for the person who runs the console. No text has a password."""

from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_REFILLED: Final = "It can be deleted: the console fills a new one."
_SQLITE: Final = (
    ("readonly", "cannot be written. Check the permissions of the file and its directory."),
    ("unable to open", "cannot be opened. Check that its directory exists and can be written."),
    ("not a database", f"is not a database of SQLite. {_REFILLED}"),
    ("malformed", f"is damaged. {_REFILLED}"),
    ("full", "cannot grow, because the disk is full."),
    ("disk i/o", "cannot be written because of an error of the disk."),
    ("locked", "is in use by another program."),
)
_POSTGRESQL: Final = (
    ("authentication failed", "does not accept the user name or the password."),
    ("no password supplied", "needs a password."),
    ("no pg_hba.conf entry", "does not allow this user to connect from here."),
    ("permission denied", "does not allow this user to create or use the tables."),
    ("role", "does not know the user."),
    ("database", "does not have the database that the URL names."),
    ("too many", "has no connection left."),
    ("read-only", "accepts no changes: it is a copy of another server."),
)
_WITH: Final = {"role": "does not exist", "database": "does not exist"}
"""What else must be in the text."""


class CatalogError(Exception):
    """The database cannot be used. The text is one line without credentials that says what to do."""


class CatalogUnavailable(CatalogError):  # noqa: N818 - a state that passes, not a mistake
    """The database does not respond, or not as it should. The same call may succeed later."""


def unusable(error: SQLAlchemyError, url: URL) -> CatalogUnavailable:
    """What an error of the database means."""
    text = str(error.orig).lower() if isinstance(error, DBAPIError) else ""
    if url.get_backend_name() == "sqlite":
        return CatalogUnavailable(f"The database {_file(url)} {_meaning(text, _SQLITE, 'cannot be used', error)}")
    return CatalogUnavailable(
        f"PostgreSQL at {_server(url)} {_meaning(text, _POSTGRESQL, 'does not respond as expected', error)}"
    )


def _meaning(text: str, known: tuple[tuple[str, str], ...], otherwise: str, error: SQLAlchemyError) -> str:
    for part, meaning in known:
        if part in text and _WITH.get(part, "") in text:
            return meaning
    return f"{otherwise} ({type(getattr(error, 'orig', None) or error).__name__})."


def _file(url: URL) -> str:
    database = url.database or ""
    return "in memory" if database.startswith("file:/catalog-") else database


def _server(url: URL) -> str:
    """Host and port; the password may be in any other part."""
    host: Any = url.host or url.query.get("host") or "its socket"
    return f"{host}:{url.port}" if url.port else str(host)
