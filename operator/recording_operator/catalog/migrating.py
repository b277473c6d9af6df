"""Creates and changes the tables, by the files in `migrations`."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.transactions import writing

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to `revision`. Several processes may do it at the same time. Raises CatalogError."""
    with writing(engine) as connection:
        config = _config(connection)
        _check(connection, config)
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Bring the tables back to `revision`; `base` removes them. Alembic raises CommandError for an unknown one."""
    with writing(engine) as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _check(connection: Connection, config: Config) -> None:
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    newer = set(MigrationContext.configure(connection).get_current_heads()) - known
    if newer:
        raise CatalogError(
            f"A newer version of this program has changed the tables (revision {', '.join(sorted(newer))}). Update the "
            "console, or give it an empty database: it fills it again."
        )
