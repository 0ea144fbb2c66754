"""The tables. Instants are Unix milliseconds UTC (`…_at_ms`), durations milliseconds (`…_ms`).

A change here needs a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only for INTEGER."""

source_batches = Table(
    "source_batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("file_name", Text, nullable=False),
    Column("file_sha256", String(64), nullable=False, unique=True),
    Column("accepted", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("imported_at_ms", BigInteger, nullable=False, index=True),
    # Where it comes from, as whoever handed it in declared (rules/provenance.py); "" and null: not said.
    Column("source_type", String(32), nullable=False, server_default="undeclared"),
    Column("source_label_fr", Text, nullable=False, server_default=""),  # the words of the notice
    Column("source_label_en", Text, nullable=False, server_default=""),
    Column("original_controller", Text, nullable=False, server_default=""),
    Column("original_purpose", Text, nullable=False, server_default=""),
    Column("original_notice_sha256", String(64), nullable=False, server_default=""),
    Column("consent_text_sha256", String(64), nullable=False, server_default=""),
    Column("political_reuse_disclosed", Boolean),
    Column("objection_channel", Text, nullable=False, server_default=""),
    Column("collected_from", Date),
    Column("collected_to", Date),
    Column("obtained_at", Date),
    Column("vendor", Text, nullable=False, server_default=""),
    Column("vendor_country", String(2), nullable=False, server_default=""),
    Column("transfer_mechanism", Text, nullable=False, server_default=""),
    Column("contract_ref", Text, nullable=False, server_default=""),
    Column("uploader", String(64), nullable=False, server_default=""),  # login name
    Column("attestation", Text, nullable=False, server_default=""),
    Column("delete_at", Date),
    Column("state", String(16), nullable=False, server_default="complete"),  # or "loading": then in no audience
    Column("loaded_to", String(16), nullable=False, server_default=""),  # while loading: the last number committed
    Column("rows_by_reason", JSON, nullable=False, server_default="{}"),  # of the rejected
    Column("counted_at_ms", BigInteger),  # null: batch_cells are not true, contacts are asked themselves
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", String(16), nullable=False, unique=True),  # E.164
    Column("line_type", String(16), nullable=False),
    Column("imported_at_ms", BigInteger, nullable=False),
    # Null: not known. What one delivery told is never overwritten by another.
    Column("departement", String(3)),
    Column("commune", String(5)),  # INSEE code
    Column("postcode", String(10)),
    Column("birth_year", Integer),
    Column("language", String(8)),
    Column("zone", String(64)),  # IANA, of the territory; null: what the number's plan tells
)

batch_contacts = Table(
    "batch_contacts",
    metadata,
    Column("batch_id", ForeignKey("source_batches.id"), primary_key=True),
    Column("contact_id", ForeignKey("contacts.id"), primary_key=True),
    Column("row_hash", BigInteger),  # first 8 bytes of the row's BLAKE2b: which row of the file it was
    Column("first_seen_at_ms", BigInteger),
)

# How many contacts of a batch have the same facts: what an audience is counted from. "" and 0: not known.
batch_cells = Table(
    "batch_cells",
    metadata,
    Column("batch_id", ForeignKey("source_batches.id"), primary_key=True),
    Column("departement", String(3), primary_key=True),
    Column("commune", String(5), primary_key=True),
    Column("postcode", String(10), primary_key=True),
    Column("line_type", String(16), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("birth_year", Integer, primary_key=True, autoincrement=False),
    Column("contacts", Integer, nullable=False),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("original_name", Text, nullable=False),
    Column("original_sha256", String(64), nullable=False),
    Column("sound", String(64), nullable=False),
    Column("length_ms", Integer, nullable=False),
    Column("added_at_ms", BigInteger, nullable=False),
    Column("renderings", JSON, nullable=False, server_default="{}"),  # SHA-256 by extension
    Column("uploaded_by", String(64), nullable=False, server_default=""),  # login name
    Column("origin", String(16), nullable=False, server_default="human"),  # rules/records.py
    Column("sponsor", String(200), nullable=False, server_default=""),  # as the uploader said; "": nobody's yet
    Column("voice_consent", Text, nullable=False, server_default=""),
    Column("findings", JSON, nullable=False, server_default="[]"),  # rules/recording_checks.py
    Column("measures", JSON, nullable=False, server_default="{}"),  # rules/recording_facts.py
    Column("refused_by", String(64)),  # null: nobody refused it
    Column("refused_at_ms", BigInteger),
    Column("refused_reason", Text),
)

approvals = Table(
    "approvals",
    metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("approved_by", String(64), primary_key=True),  # login name: nobody approves twice
    Column("at_ms", BigInteger, nullable=False),
)

sponsors = Table(
    "sponsors",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("dossier", JSON, nullable=False, server_default="{}"),  # rules/dossier.py
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("sponsor_id", ForeignKey("sponsors.id"), nullable=False),
    Column("message_id", ForeignKey("messages.id"), nullable=False),
    Column("batch_id", ForeignKey("source_batches.id"), nullable=False),
    Column("language", String(8), nullable=False),
    Column("trunks", JSON, nullable=False, server_default="[]"),  # names, the preferred one first
    Column("rate_cps", Float, nullable=False),
    Column("weight", Float, nullable=False, server_default="1"),  # rules/sharing.py
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("retry", Text, nullable=False, server_default=""),  # rules/retry_policy.py, on one line
    Column("hours", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("preroll", String(64), nullable=False),
    Column("preroll_ms", Integer, nullable=False),
    Column("notice", String(64), nullable=False),
    Column("notice_ms", Integer, nullable=False),
    Column("confirmation", String(64), nullable=False),
    Column("confirmation_ms", Integer, nullable=False),
    Column("texts", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("started_at_ms", BigInteger),
    Column("finished_at_ms", BigInteger),
    Column("expires_at_ms", BigInteger),  # no call leaves from then on; null: never
    Column("release_at_ms", BigInteger),  # calls sent before then are ended at once, with the notice; null: none
    Column("audience", Text, nullable=False, server_default=""),  # rules/audience.py, on one line; "": the whole batch
    Column("pack", String(8), nullable=False, server_default="base"),  # rules/packs
    Column("message_class", String(32), nullable=False, server_default=""),  # rules/pack.py
    Column("election", String(64), nullable=False, server_default=""),  # of the pack's calendar; "": about none
    Column("territory", String(64), nullable=False, server_default=""),  # of the election; "": the whole of it
    Column("terms", JSON, nullable=False, server_default="{}"),  # rules/billing.py; {}: made before there were prices
    Column("budget_cents", BigInteger),  # with VAT; null: as much as is needed
)

# Of a campaign whose message has several; one that has none here plays its message to everybody.
versions = Table(
    "versions",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),  # from 0
    Column("message_id", ForeignKey("messages.id"), nullable=False),
    Column("share", Float, nullable=False),
)

targets = Table(
    "targets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("outcome", String(16), nullable=False, server_default=""),
    Column("rule", Text, nullable=False, server_default=""),
    Column("due_at_ms", BigInteger, nullable=False, server_default="0"),  # 0: at once; else when a retry is due
    Column("version", SmallInteger, nullable=False, server_default="0"),  # of the message: rules/versions.py
    UniqueConstraint("campaign_id", "contact_id"),
    Index("ix_targets_campaign_id_state_due_at_ms", "campaign_id", "state", "due_at_ms"),
)

FUTURE_MS = 90_000
"""What is later than that was written before a clock was stepped back: machines differ by seconds at most."""
OPEN = "state IN ('claimed', 'dialing', 'answered')"

attempts = Table(
    "attempts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("target_id", ForeignKey("targets.id"), nullable=False, index=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("pbx", String(32), nullable=False),
    Column("trunk", String(64), nullable=False, server_default=""),
    Column("caller_id", String(16)),  # shown to the person, E.164; null: not sent yet, or before it was kept
    Column("state", String(16), nullable=False),
    Column("outcome", String(16), nullable=False, server_default=""),
    Column("blame", String(8), nullable=False, server_default=""),  # rules/breaker.py: whom the end speaks of
    Column("claimed_at_ms", BigInteger, nullable=False),
    Column("dialing_at_ms", BigInteger),
    Column("answered_at_ms", BigInteger),
    Column("ended_at_ms", BigInteger),
    Column("cause", Integer),
    Column("tech_cause", Integer),
    Column("billed_s", Integer),  # set once, with the end; null: before
    Column("forgotten_at_ms", BigInteger),  # its listen and how long it lasted were deleted then; null: they were not
    Column("note", Text, nullable=False, server_default=""),
    Index("ix_attempts_campaign_id_state", "campaign_id", "state"),
    Index("ix_attempts_pbx_state", "pbx", "state"),
    # Two open attempts for one target cannot exist, whatever the code above does.
    Index("uq_attempts_open_target", "target_id", unique=True, sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
)

listens = Table(
    "listens",
    metadata,
    Column("attempt_id", ForeignKey("attempts.id"), primary_key=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("preroll_ms", Integer, nullable=False),
    Column("message_ms", Integer, nullable=False),
    Column("notice_ms", Integer, nullable=False),
    Column("confirmation_ms", Integer, nullable=False),
    Column("plays", JSON, nullable=False),
    Column("keys", JSON, nullable=False),
    Column("stop_at_ms", Integer),
    Column("ended_by", String(16), nullable=False),
    Column("measured_by", String(16), nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("at_ms", BigInteger, nullable=False),
)

# Where to look for a lost listen: kept small, so that looking does not cost more with every call made. A row comes when
# an answered attempt ends before its listen is recorded, and goes with the listen.
unheard = Table(
    "unheard",
    metadata,
    Column("attempt_id", ForeignKey("attempts.id"), primary_key=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("ended_at_ms", BigInteger, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number_hmac", String(64), nullable=False),
    Column("scope", String(64), nullable=False),  # "platform" or "sponsor:<id>"
    Column("reason", String(64), nullable=False),
    Column("attempt_id", String(40)),
    Column("at_ms", BigInteger, nullable=False),
    Column("channels", String(64), nullable=False, server_default=""),  # between blanks; "": all
    Column("evidence", Text, nullable=False, server_default=""),  # where the request can be read
    Column("expires_at_ms", BigInteger),  # null: never
    UniqueConstraint("number_hmac", "scope"),
)

halts = Table(
    "halts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("halted_by", String(64), nullable=False),  # login name
    Column("reason", Text, nullable=False),
    Column("ended_at_ms", BigInteger),  # null: in force
    Column("ended_by", String(64)),
    Column("release_at_ms", BigInteger),  # calls sent before then are ended at once, with the notice; null: none
)

# What an engineer changed while everything runs, in place of the settings. scope: "trunk:NAME" or "pbx:NAME".
limits = Table(
    "limits",
    metadata,
    Column("scope", String(80), primary_key=True),
    Column("rate_cps", Float),  # null: as in the settings
    Column("channels", Integer),
    Column("changed_at_ms", BigInteger, nullable=False),
    Column("changed_by", String(64), nullable=False),  # login name
)

# Every Asterisk whose controller has ever run. It lives while `beat` grows: no clock is compared with another's.
pbxs = Table(
    "pbxs",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("beat", BigInteger, nullable=False),
    Column("beat_at_ms", BigInteger, nullable=False),  # for people to read
    Column("ready", Boolean, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("live", Integer, nullable=False),
)

# Each PBX's part of a limit that several share; the parts never add up to more than the limit.
allotments = Table(
    "allotments",
    metadata,
    Column("scope", String(80), primary_key=True),  # "trunk:NAME" or "campaign:ID"
    Column("pbx", String(32), primary_key=True),
    Column("wants", Boolean, nullable=False),
    Column("rate_cps", Float, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("live", Integer, nullable=False),
    Column("worst_second", Integer, nullable=False),  # most Originates in any rolling second of this PBX so far
    Column("worst_at_ms", BigInteger, nullable=False),
    Column("breaker", String(16), nullable=False, server_default=""),  # rules/breaker.py, of a trunk
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("target_id", ForeignKey("targets.id"), nullable=False, index=True),
    Column("rule", String(64), nullable=False),
    Column("rule_pack", String(64), nullable=False),
    Column("asked_when", String(16), nullable=False),  # "claiming" or "dialing"
    Column("at_ms", BigInteger, nullable=False),
)
