"""Calls to the call-back line, counted: what was asked for, never by whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, func, insert, select

from ivr.adapters.store.engine import Database
from ivr.adapters.store.schema import Id, campaigns, metadata

TABLE = Table(
    "callbacks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("line", String(16), nullable=False),  # the number that was called, E.164
    Column("campaign_id", ForeignKey("campaigns.id"), index=True),  # the last one spoken of; null: none calls from it
    Column("length_ms", Integer, nullable=False),
    Column("message", Integer, nullable=False),  # times it was asked for
    Column("source", Integer, nullable=False),
    Column("request", Integer, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),  # the caller's number
)


@dataclass(frozen=True, slots=True)
class CallBackRow:
    """One call that came in. line: E.164. campaign_id: None if nobody calls from that number."""

    at_ms: int
    line: str
    campaign_id: int | None
    length_ms: int
    message: int
    source: int
    request: int
    stopped: bool
    hidden: bool


@dataclass(frozen=True, slots=True)
class CallBackSums:
    """The calls of one campaign, or of none, added up. campaign: its name, "" for none."""

    campaign: str
    calls: int
    message: int
    source: int
    request: int
    stopped: int
    hidden: int


class Callbacks:
    """Every call to the line."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: CallBackRow) -> None:
        """The call is counted, committed."""
        with self._database.write() as connection:
            connection.execute(insert(TABLE).values(**asdict(row)))

    def sums(self) -> list[CallBackSums]:
        """The calls by campaign, the newest campaign first; those that belong to none come last."""
        flags = (func.count().filter(TABLE.c[name]) for name in ("stopped", "hidden"))
        added = (func.sum(TABLE.c[name]) for name in ("message", "source", "request"))
        query = (
            select(func.coalesce(campaigns.c.name, ""), func.count(), *added, *flags)
            .select_from(TABLE.outerjoin(campaigns))
            .group_by(campaigns.c.id, campaigns.c.name)
            .order_by(campaigns.c.id.is_(None), campaigns.c.id.desc())
        )
        with self._database.read() as connection:
            return [CallBackSums(name, *map(int, counts)) for name, *counts in connection.execute(query)]
