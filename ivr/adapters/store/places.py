"""A contact's place among a campaign's audience, worked out by the database: what rules/versions.py says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from ivr.rules.versions import borders

NAME = "ivr_place"
"""SQLite's: each connection has it from `sqlite.open_engine`."""


class Place(GenericFunction[int]):
    """place(campaign id, contact id)."""

    type = BigInteger()
    name = NAME
    inherit_cache = True


@compiles(Place, "postgresql")
def _on_postgres(element: Place, compiler: Any, **more: Any) -> str:
    campaign, contact = (compiler.process(clause, **more) for clause in element.clauses)
    hashed = f"sha256(convert_to(CAST({campaign} AS text) || ':' || CAST({contact} AS text), 'UTF8'))"
    return f"CAST(CAST('x' || left(encode({hashed}, 'hex'), 8) AS bit(32)) AS bigint)"


def version_of(campaign_id: int, contact_id: ColumnElement[int], shares: Sequence[float]) -> ColumnElement[int]:
    """The version that a contact hears; 0 where there is but one."""
    ends = borders(shares)
    if not ends:
        return literal(0)
    where = Place(literal(campaign_id, BigInteger()), contact_id)
    return case(*((where < end, number) for number, end in enumerate(ends)), else_=len(ends))
