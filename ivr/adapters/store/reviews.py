"""Campaigns that somebody submitted, and what a second person said of them; a campaign nobody submitted has no row."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    RowMapping,
    String,
    Table,
    Text,
    insert,
    select,
)

from ivr.adapters.store import locks
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.adapters.store.schema import metadata
from ivr.errors import Refused
from ivr.rules.records import Campaign, Review

TABLE = Table(
    "campaign_reviews",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("submitted_by", String(64), nullable=False),
    Column("submitted_at_ms", BigInteger, nullable=False),
    Column("judged_by", String(64), nullable=False, server_default=""),  # "": nobody yet
    Column("judged_at_ms", BigInteger),
    Column("approved", Boolean),
    Column("reason", Text, nullable=False, server_default=""),  # of a refusal
)


@dataclass(frozen=True, slots=True)
class Submission:
    """A campaign that was submitted. verdict: what the second person said; None: nothing yet."""

    submitted: Review
    verdict: Review | None = None
    approved: bool = False

    @property
    def refused(self) -> bool:
        """Whether the second person said no."""
        return self.verdict is not None and not self.approved


class Reviews:
    """What was submitted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[int, Submission]:
        """Each submission by the id of its campaign."""
        with self._database.read() as connection:
            return {row["campaign_id"]: _read(row) for row in connection.execute(select(TABLE)).mappings()}

    def of(self, campaign_id: int) -> Submission | None:
        """How that campaign was submitted; None: it was not."""
        with self._database.read() as connection:
            return _of(connection, campaign_id)

    def submit(self, campaign: Campaign, asked: Review) -> None:
        """The campaign waits for a second person; Refused when it was submitted before."""
        with self._database.write() as connection:
            locks.naming(connection)
            if _of(connection, campaign.id):
                raise Refused(f"campaign {campaign.name!r} was submitted already: a change is a new campaign")
            values = {"campaign_id": campaign.id, "submitted_by": asked.by, "submitted_at_ms": asked.at_ms}
            connection.execute(insert(TABLE).values(values))
            note(connection, "campaign-submitted", f"campaign:{campaign.name}", asked.by, asked.at_ms)

    def judge(self, campaign: Campaign, verdict: Review, approved: bool) -> None:
        """The first verdict stands, and is not the submitter's; Refused when there is one, or nothing to judge."""
        with self._database.write() as connection:
            locks.naming(connection)
            where = (
                TABLE.c.campaign_id == campaign.id,
                TABLE.c.judged_at_ms.is_(None),
                TABLE.c.submitted_by != verdict.by,
            )
            told = {"judged_by": verdict.by, "judged_at_ms": verdict.at_ms, "reason": verdict.reason}
            if not connection.execute(TABLE.update().where(*where).values(**told, approved=approved)).rowcount:
                raise Refused(
                    f"campaign {campaign.name!r} does not wait for your verdict: it was not submitted, was submitted "
                    "by you, or somebody was quicker"
                )
            kind = "campaign-approved" if approved else "campaign-refused"
            note(connection, kind, f"campaign:{campaign.name}", verdict.by, verdict.at_ms, reason=verdict.reason)


def _of(connection: Connection, campaign_id: int) -> Submission | None:
    row = connection.execute(select(TABLE).where(TABLE.c.campaign_id == campaign_id)).mappings().first()
    return _read(row) if row else None


def _read(row: RowMapping) -> Submission:
    submitted = Review(row["submitted_by"], row["submitted_at_ms"])
    if row["judged_at_ms"] is None:
        return Submission(submitted)
    return Submission(submitted, Review(row["judged_by"], row["judged_at_ms"], row["reason"]), bool(row["approved"]))
