"""Looking up many rows by key at once: one query for a batch, whatever its size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select

MOST_KEYS = 500
"""In one query: more would meet the databases' limits on parameters, and win nothing."""


def rows_among(
    connection: Connection, query: Select[Any], column: ColumnElement[Any], keys: Iterable[Any]
) -> Iterator[Row[Any]]:
    """The rows of `query` whose `column` is one of `keys`."""
    wanted = sorted(set(keys))  # in one order, so that two who lock the same rows never wait for one another
    for first in range(0, len(wanted), MOST_KEYS):
        yield from connection.execute(query.where(column.in_(wanted[first : first + MOST_KEYS])))
