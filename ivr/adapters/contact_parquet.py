"""The table in a Parquet file. Hides DuckDB, which sees that file and nothing else, and keeps within its memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.adapters.contact_cells import text
from ivr.adapters.contact_table import Progress, Record, Table
from ivr.errors import ContactsRefused

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAGIC = b"PAR1"
MEMORY = "256MB"
ROWS_AT_ONCE = 10_000


def is_one(path: Path) -> bool:
    """True if the file begins as Parquet does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def table(path: Path, progress: Progress | None = None) -> Table:
    """The table in the file; its first row is line 1."""
    asked = _ask(path, "SELECT * FROM read_parquet($path) LIMIT 0")
    return Table(path, [column[0] for column in asked.description or ()], lambda: _rows(path, progress))


def _rows(path: Path, progress: Progress | None) -> Iterator[Record]:
    [(total,)] = _ask(path, "SELECT count(*) FROM read_parquet($path)").fetchall()
    asked, line = _ask(path, "SELECT * FROM read_parquet($path)"), 0
    while rows := _fetch(path, asked):
        for row in rows:
            line += 1
            cells = [text(value) for value in row]
            if any(cell.strip() for cell in cells):
                yield Record(line, cells, ";".join(cells))
        if progress:
            progress(line, total)


def _ask(path: Path, question: str) -> DuckDBPyConnection:
    import duckdb  # 60 MB: only who reads Parquet needs it

    whole = str(path.resolve())
    if set(whole) & set("*?[]"):
        raise ContactsRefused(f"{path}: rename the file without * ? [ ]")
    try:
        connection = duckdb.connect()
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute("SET threads = 1")  # rows in the file's order, in little memory
        connection.execute("SET allowed_paths = ?", [[whole]])
        connection.execute("SET enable_external_access = false")
        return connection.execute(question, {"path": whole})
    except duckdb.Error as error:
        raise _refused(path, error) from None


def _fetch(path: Path, asked: DuckDBPyConnection) -> list[tuple[object, ...]]:
    import duckdb

    try:
        return asked.fetchmany(ROWS_AT_ONCE)
    except duckdb.Error as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: Exception) -> ContactsRefused:
    return ContactsRefused(f"Parquet file {path} cannot be read: {str(error).splitlines()[0]}")
