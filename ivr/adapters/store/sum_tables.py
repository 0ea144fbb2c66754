"""The tables of sums: what reports and books are read from, whatever becomes of the calls that were added up."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, SmallInteger, String, Table, Text

from ivr.adapters.store.schema import metadata
from ivr.rules.tally import LATER, LONGEST_VALUE, SUMS

# What reports are made of: the calls of a campaign added up (rules/tally.py), in the transaction that changes an
# attempt or a listen. value: of that dimension, such as a trunk's name.
tally_cells = Table(
    "tally_cells",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("version", SmallInteger, primary_key=True, autoincrement=False),  # as in `targets`
    Column("dimension", String(16), primary_key=True),
    Column("value", String(LONGEST_VALUE), primary_key=True),
    *(Column(name, BigInteger, nullable=False, server_default=LATER.get(name)) for name in SUMS),
    sqlite_with_rowid=False,
)

tally_instants = Table(
    "tally_instants",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("version", SmallInteger, primary_key=True, autoincrement=False),  # as in `targets`
    Column("fate", String(8), primary_key=True),  # rules/measures.py
    Column("at_ms", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

tally_stops = Table(
    "tally_stops",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("version", SmallInteger, primary_key=True, autoincrement=False),  # as in `targets`
    Column("segment", String(16), primary_key=True),
    Column("second", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# How many targets are where. Kept by triggers of `targets` (migration 0010), so that whoever moves a target cannot
# forget it; whoever makes `targets` anew makes them anew. origin: on PostgreSQL the transaction that added the row, 0
# once it was brought together with others.
target_counts = Table(
    "target_counts",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("version", SmallInteger, primary_key=True, autoincrement=False),  # as in `targets`
    Column("state", String(16), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("origin", BigInteger, primary_key=True, autoincrement=False),
    Column("targets", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
