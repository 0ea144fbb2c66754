"""The tables of what must be shown later: consents and what they permit, sponsors' caller IDs, the journal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text, false
from sqlalchemy.schema import SchemaItem

from ivr.adapters.store.schema import Id, metadata


def _chain(name: str, *copied: SchemaItem) -> Table:
    """A table that is only added to. body holds all that is said; what is copied from it is there to be looked up."""
    links: tuple[Column[Any], ...] = (
        Column("seq", Id, primary_key=True, autoincrement=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        Column("prev_hash", String(64), nullable=False),
        Column("hash", String(64), nullable=False),
    )
    return Table(name, metadata, *links, *copied)


consent_events = _chain(
    "consent_events",
    Column("kind", String(16), nullable=False),  # "given" or "withdrawn"
    Column("number_hmac", String(64), nullable=False),
    Column("sponsor_id", ForeignKey("sponsors.id"), nullable=False),
    Column("proof", String(64), nullable=False, unique=True),  # the same consent recorded again is the same proof
    Index("ix_consent_events_number_hmac", "number_hmac"),
)

purpose_grants = Table(
    "purpose_grants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("sponsor_id", ForeignKey("sponsors.id"), nullable=False),  # the controller
    Column("purpose", String(32), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("scope", String(64), nullable=False, server_default=""),  # the election it is for; "": any
    Column("hours", Text, nullable=False, server_default=""),
    Column("timezone", String(64), nullable=False, server_default=""),
    Column("basis", String(32), nullable=False),
    Column("basis_ref", String(128), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger),  # null: no end of its own
    Column("revoked_at_ms", BigInteger),  # null: in force
    Column("age_attested", Boolean, nullable=False, server_default=false()),  # by the person
    Index("ix_purpose_grants_contact_id_sponsor_id", "contact_id", "sponsor_id"),
)

journal = _chain(
    "journal",
    Column("kind", String(32), nullable=False),
    Column("subject", String(260), nullable=False),
    Index("ix_journal_subject", "subject"),
    Index("ix_journal_kind", "kind"),
)

caller_id_grants = Table(
    "caller_id_grants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sponsor_id", ForeignKey("sponsors.id"), nullable=False, index=True),
    Column("number", String(16), nullable=False),  # E.164
    Column("evidence", Text, nullable=False),  # where the operator's grant can be read
    Column("evidence_sha256", String(64), nullable=False, server_default=""),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger),  # null: no end of its own
    Column("granted_by", String(64), nullable=False),  # login name
    Column("revoked_at_ms", BigInteger),  # null: in force
)
