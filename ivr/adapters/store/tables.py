"""The tables' version: migrations by Alembic. Imported when a version is asked for: no process needs it to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ivr.errors import Permanent

if TYPE_CHECKING:
    from ivr.adapters.store.engine import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """The tables are those of this version; what was in them is kept. Permanent if a later version made them."""
    try:
        command.upgrade(config(database), "head")
    except CommandError as error:
        raise Permanent(f"the database was made by another version of Portevoix: {error}") from None


def are_current(database: Database) -> bool:
    """True when no migration is missing."""
    return revision(database) == head(database)


def revision(database: Database) -> str | None:
    """The revision of the tables; None when there are none."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head(database: Database) -> str:
    """The revision of this version's tables."""
    return str(ScriptDirectory.from_config(config(database)).get_current_head())


def config(database: Database) -> Config:
    """Alembic's configuration for this database: migrations/env.py takes the connection from it."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["database"] = database
    return made
