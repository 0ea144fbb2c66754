"""Tables as Parquet files (duckdb)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

KINDS = {str: "VARCHAR", float: "DOUBLE", int: "BIGINT"}


def parquet(columns: Mapping[str, type], rows: Iterable[Sequence[str | float | None]]) -> bytes:
    """The rows as one Parquet file, compressed with zstd. columns: name and kind (str, float, int) of each."""
    told = ", ".join(f'"{name}" {KINDS[kind]}' for name, kind in columns.items())
    places = ", ".join("?" * len(columns))
    with tempfile.TemporaryDirectory(prefix="portevoix-") as folder, duckdb.connect(":memory:") as engine:
        file = Path(folder) / "table.parquet"
        engine.execute(f"CREATE TABLE made ({told})")
        if found := [list(row) for row in rows]:
            engine.executemany(f"INSERT INTO made VALUES ({places})", found)  # noqa: S608 - question marks only
        engine.table("made").write_parquet(str(file), compression="zstd")
        return file.read_bytes()
