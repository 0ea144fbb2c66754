"""Opening the database: SQLite or PostgreSQL; what either cannot do is said in our own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ivr.adapters.store import locks, sqlite
from ivr.errors import BadSetting, StoreBusy


class Database:
    """An engine whose `read()` never blocks a writer.

    `write()` has SQLite's write lock from its first word; on PostgreSQL writers work side by side (READ COMMITTED), and
    what may not change between a question and its answer is locked by name (`locks`) or by row.
    """

    def __init__(self, url: str, busy_timeout_s: float = 10.0) -> None:
        try:
            self._open(make_url(url), busy_timeout_s)
        except ArgumentError as error:
            why = "an example is sqlite:////srv/ivr.db" if "parse" in str(error) else str(error)
            raise BadSetting(f"setting database.url is not a database URL; {why}") from None

    def _open(self, url: URL, busy_timeout_s: float) -> None:
        if url.drivername.startswith("sqlite"):
            self.engine = self._reader = sqlite.open_engine(url, busy_timeout_s)
            self._explain, self._begin_read = sqlite.explain, sqlite.begin_read
        elif url.drivername.startswith("postgres"):
            from ivr.adapters.store import postgres  # its driver takes a tenth of a second to import

            self.engine = postgres.open_engine(url, busy_timeout_s)
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._explain, self._begin_read = postgres.explain, postgres.begin_read
        else:
            known = "use sqlite:///… or postgresql://…"
            raise BadSetting(f"setting database.url: {url.drivername} is not supported; {known}")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block; StoreBusy when a lock cannot be had in time.

        StoreBusy may also come of the commit itself, when the server is lost in that moment: then it may have been
        written all the same, which is why every write of ours may be repeated.
        """
        with (
            self._explained(),
            self.engine.connect() as connection,
            connection.execution_options(ivr_write=True).begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the database and changes nothing."""
        with self._explained(), self._reader.connect() as connection:
            self._begin_read(connection)
            yield connection

    def check_writable(self) -> None:
        """Something can be written now, also what changes the Gate's answers; nothing is."""
        with self.write() as connection:
            locks.changing_answers(connection)
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")

    def migrate(self) -> None:
        """The tables are those of this version; what was in them is kept. Permanent if a later version made them."""
        from ivr.adapters.store import tables

        tables.migrate(self)

    def is_current(self) -> bool:
        """True when no migration is missing."""
        from ivr.adapters.store import tables

        return tables.are_current(self)

    def close(self) -> None:
        """No connection is left open."""
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise StoreBusy("the database has no free connection") from error
        except DBAPIError as error:
            raise self._explain(error) from error


def is_there(url: str) -> bool:
    """Whether there is a database to open: False only for an SQLite file that nobody has made yet."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return True  # opening it says what is wrong
    return parsed.get_backend_name() != "sqlite" or not parsed.database or Path(parsed.database).is_file()
