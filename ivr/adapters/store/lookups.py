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
    for some in pieces(keys):
        yield from connection.execute(query.where(column.in_(some)))


def pieces(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """The keys, each once, in lists that one statement can hold.

    In ascending order, so that two who lock the same rows never wait for one another.
    """
    wanted = sorted(set(keys))
    for first in range(0, len(wanted), MOST_KEYS):
        yield wanted[first : first + MOST_KEYS]
