"""Looking up many rows by key at once: one query for a batch, whatever its size.

Building a statement costs several times what SQLite needs to answer it: those that are asked all the time are built
once, and what changes from one time to the next is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam

MOST_KEYS = 500
"""In one query: more would meet the databases' limits on parameters, and win nothing."""


def rows_among(
    connection: Connection, query: Select[Any], column: ColumnElement[Any], keys: Iterable[Any], **more: Any
) -> Iterator[Row[Any]]:
    """The rows of `query`, best a constant, whose `column` is one of `keys`. more: its own parameters."""
    statement = _among(query, column)
    for some in pieces(keys):
        yield from connection.execute(statement, {"the_keys": some, **more})


@lru_cache(maxsize=64)
def _among(query: Select[Any], column: ColumnElement[Any]) -> Select[Any]:
    return query.where(column.in_(bindparam("the_keys", expanding=True)))


def pieces(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """The keys, each once, in lists that one statement can hold.

    In ascending order, so that two who lock the same rows never wait for one another.
    """
    wanted = sorted(set(keys))
    for first in range(0, len(wanted), MOST_KEYS):
        yield wanted[first : first + MOST_KEYS]
