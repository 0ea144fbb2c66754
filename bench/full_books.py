"""Books with as many targets as wanted: one campaign nearly over, one that nobody was called of yet."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ivr.adapters.store import Store
from ivr.rules.records import Campaign, Message
from ivr.rules.states import CampaignState
from ivr.settings import HOME, Pbx, Settings, Trunk

SOUND, MESSAGE_MS = "b" * 8, 30_000

FILL = (
    "INSERT INTO source_batches (id, name, file_name, file_sha256, accepted, rejected, imported_at_ms) "
    "VALUES (1, 'bench', 'bench.csv', '0', {people}, 0, 1)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people}) "
    "INSERT INTO contacts (id, number, line_type, imported_at_ms) "
    "SELECT i, '+336' || CAST(10000000 + i AS VARCHAR), 'mobile', 1 FROM n",
    "INSERT INTO batch_contacts (batch_id, contact_id) SELECT 1, id FROM contacts",
)
TARGETS = "INSERT INTO targets (campaign_id, contact_id, state) SELECT {campaign}, id, 'due' FROM contacts ORDER BY id"
ATTEMPTED = (
    "INSERT INTO attempts (id, target_id, campaign_id, pbx, trunk, state, outcome, claimed_at_ms, dialing_at_ms, "
    "ended_at_ms, note) SELECT '0000000000000' || CAST(10000000000000 + id AS VARCHAR), id, campaign_id, 'pbx1', "
    "'lab', 'ended', 'answered', 1, 2, 3, '' FROM targets WHERE id <= {done}",
    "INSERT INTO listens (attempt_id, campaign_id, preroll_ms, message_ms, notice_ms, confirmation_ms, plays, keys, "
    "ended_by, measured_by, error, at_ms) SELECT id, campaign_id, 8000, 30000, 15000, 0, "
    "'[]', '[]', 'us', 'agi', '', 3 FROM attempts",
    "UPDATE targets SET state = 'done', outcome = 'answered' WHERE id <= {done}",
)
UNCHECKED = "SET LOCAL session_replication_role = replica"
"""PostgreSQL looks up no foreign keys while filling: eight of them for each target would take most of the time."""
COUNTED = (
    "DELETE FROM target_counts",
    "INSERT INTO target_counts (campaign_id, version, state, outcome, rule, origin, targets) "
    "SELECT campaign_id, version, state, outcome, rule, 0, count(*) FROM targets "
    "GROUP BY campaign_id, version, state, outcome, rule",
)
"""Nor does it count targets then."""


@contextlib.contextmanager
def databases(names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The setting database.url of each by name, on a server of our own that is as durable as an installation's."""
    if "postgresql" not in names:
        yield dict.fromkeys(names, "")
        return
    import sys

    sys.path.append(str(HOME))
    from tests.postgres import PostgresServer

    server = PostgresServer(durable=True)
    try:
        server.start()
        server.run("CREATE DATABASE bench")
        yield {name: server.url("bench") if name == "postgresql" else "" for name in names}
    finally:
        server.remove()


@contextlib.contextmanager
def opened(url: str) -> Iterator[tuple[Settings, Store]]:
    """Empty books of an installation of its own; afterwards nothing of them is left."""
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder:
        trunk = Trunk(host="127.0.0.1:5999", rate_cps=1000, channels=1000)
        database: dict[str, Any] = {"url": url, "busy_timeout_s": 60}
        settings = Settings(home=Path(folder), pbx=Pbx(), trunks={"lab": trunk}, database=database)
        store = Store(settings)
        try:
            if url:
                run(store, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
            store.migrate()
            settings.sounds_dir.mkdir(parents=True)
            (settings.sounds_dir / f"{SOUND}.alaw").write_bytes(b"\xd5" * 8 * MESSAGE_MS)
            yield settings, store
        finally:
            store.close()


def fill(store: Store, size: int, due: int) -> tuple[Campaign, Campaign]:
    """Two running campaigns of `size` targets: of the first all but `due` were called, answered and heard."""
    run(store, *(statement.format(people=size) for statement in FILL[:1]))
    nearly_over, fresh = (draft(store, name) for name in ("nearly over", "fresh"))
    run(store, *(statement.format(people=size) for statement in FILL[1:]))
    run(store, TARGETS.format(campaign=nearly_over.id))
    run(store, *(statement.format(done=size - due) for statement in ATTEMPTED))
    run(store, TARGETS.format(campaign=fresh.id))
    settle(store)
    for campaign in (nearly_over, fresh):
        store.campaigns.move(campaign, CampaignState.RUNNING, 2)
    return store.campaigns.named("nearly over"), store.campaigns.named("fresh")


def draft(store: Store, name: str) -> Campaign:
    message = store.messages.add(Message(0, "bench", SOUND, MESSAGE_MS, "bench", "0" * 64), 1)
    values: dict[str, Any] = {
        "name": name,
        "message_id": message.id,
        "batch_id": 1,
        "language": "fr",
        "trunks": ["lab"],
        "rate_cps": 1000.0,
        "hours": "00:00-24:00",
        "timezone": "Europe/Paris",
        "texts": {},
        "created_at_ms": 1,
    }
    for part in ("preroll", "notice", "confirmation"):
        values |= {part: SOUND, f"{part}_ms": MESSAGE_MS}
    return store.campaigns.create(values, "bench")


def run(store: Store, *statements: str) -> None:
    with store.database.write() as connection:
        if _on_postgres(store):
            connection.exec_driver_sql(UNCHECKED)
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        for statement in statements:
            connection.execute(text(statement))


def settle(store: Store) -> None:
    """Filling is not what is measured: nothing of it is still to be swept, copied or written when the clock starts."""
    if _on_postgres(store):
        run(store, *COUNTED)
        with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in ("SET statement_timeout = 0", "VACUUM ANALYZE", "CHECKPOINT"):
                connection.exec_driver_sql(statement)
    else:
        with contextlib.closing(store.database.engine.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.sync()


def _on_postgres(store: Store) -> bool:
    return store.database.engine.dialect.name == "postgresql"
