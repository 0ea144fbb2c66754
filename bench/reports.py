"""What reports and their live line cost with millions of calls in the books, and recording beside them.

`make bench-reports` (CALLS=600000 for a short look). Attempts, listens and targets are rows like those of real
calls; the sums are made by the migration's own recount of one campaign, and copied to the others.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from full_books import MESSAGE_MS, SOUND, databases, draft, opened, run, settle

from ivr.adapters.store import Store, counting
from ivr.rules.gate import YES, Verdict
from ivr.rules.records import Dialable, Way
from ivr.rules.segments import EndedBy, Listen, Play, Segment
from ivr.rules.states import CampaignState
from ivr.usecases.recording import end_result, listen_result, record
from ivr.usecases.reports import report_of

CAMPAIGNS, BATCH, BATCHES, PER_S = 20, 300, 20, 300
CONTACTS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people}) "
    "INSERT INTO contacts (id, number, line_type, imported_at_ms, departement, birth_year) "
    "SELECT i, '+33' || CAST(600000000 + i * 331 AS VARCHAR), CASE WHEN i % 3 = 0 THEN 'fixed' ELSE 'mobile' END, 1, "
    "CAST(1 + i % 95 AS VARCHAR), 1935 + i % 70 FROM n"
)
BATCH_ROW = (
    "INSERT INTO source_batches (id, name, file_name, file_sha256, accepted, rejected, imported_at_ms) "
    "VALUES (1, 'bench', 'bench.csv', '0', {people}, 0, 1)"
)
TARGETS = (
    "INSERT INTO targets (campaign_id, contact_id, state, outcome) SELECT {campaign}, id, "
    "CASE WHEN id > {done} THEN 'due' ELSE 'done' END, CASE WHEN id > {done} THEN '' WHEN id % 5 < 2 THEN 'answered' "
    "WHEN id % 5 < 4 THEN 'no_answer' ELSE 'busy' END FROM contacts"
)
ATTEMPTS = (
    "INSERT INTO attempts (id, target_id, campaign_id, pbx, trunk, state, outcome, claimed_at_ms, dialing_at_ms, "
    "ended_at_ms, cause, note) SELECT '0000000000000' || CAST(10000000000000 + id AS VARCHAR), id, campaign_id, "
    "'pbx1', CASE WHEN id % 2 = 0 THEN 'lab' ELSE 'other' END, 'ended', outcome, 1790000000000 + id * 60, "
    "1790000000000 + id * 60, 1790000060000 + id * 60, 16, '' FROM targets "
    "WHERE campaign_id = {campaign} AND state = 'done'"
)
LISTENS = (
    "INSERT INTO listens (attempt_id, campaign_id, preroll_ms, message_ms, notice_ms, confirmation_ms, plays, keys, "
    "ended_by, measured_by, error, at_ms) SELECT id, campaign_id, 8000, target_id * 37 % {length}, 0, 0, "
    "CAST('[[\"message\", \"{sound}\", ' || CAST(target_id * 37 % {length} AS VARCHAR) || ', {length}, 8000]]' "
    "AS {json}), '[]', "
    "CASE WHEN target_id % 30 = 1 THEN 'network' ELSE 'listener' END, 'agi', '', 3 FROM attempts "
    "WHERE campaign_id = {campaign} AND outcome = 'answered'"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=6_000_000)
    parser.add_argument("--on", nargs="+", default=["sqlite", "postgresql"], choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    with databases(tuple(asked.on)) as urls:
        for name in asked.on:
            with opened(urls[name]) as (_, store):
                print(json.dumps({"database": name, "calls": asked.calls, **measure(store, asked.calls)}), flush=True)


def measure(store: Store, calls: int) -> dict[str, Any]:
    began_s = time.monotonic()
    fill(store, calls // CAMPAIGNS)
    filled_s, began_s = time.monotonic() - began_s, time.monotonic()
    tally(store)
    counted_s = time.monotonic() - began_s
    settle(store)
    every = store.campaigns.all()
    reports = [timed_ms(lambda campaign=one: report_of(store, campaign)) for one in every]  # type: ignore[misc]
    live = [timed_ms(lambda campaign=one: refresh(store, campaign.name)) for one in every]  # type: ignore[misc]
    return {
        "filled_s": round(filled_s),
        "recounted_calls_per_s": round(calls / CAMPAIGNS / counted_s),
        "report_ms": {"median": statistics.median(reports), "worst": max(reports)},
        "live_ms": {"median": statistics.median(live), "worst": max(live)},
        **recording(store),
    }


def fill(store: Store, people: int) -> None:

    run(store, BATCH_ROW.format(people=people))
    json_type = "TEXT" if store.database.engine.dialect.name == "sqlite" else "JSON"
    made = [draft(store, f"campaign {number}") for number in range(CAMPAIGNS)]
    run(store, CONTACTS.format(people=people))
    for one in made:
        given = {
            "campaign": one.id,
            "done": people - BATCH * BATCHES,
            "length": MESSAGE_MS,
            "sound": SOUND,
            "json": json_type,
        }
        run(store, *(statement.format(**given) for statement in (TARGETS, ATTEMPTS, LISTENS)))
        store.campaigns.move(one, CampaignState.RUNNING, 2)


def tally(store: Store) -> None:
    """The first campaign's calls are added up one by one; the other campaigns have the same ones."""
    first, *others = store.campaigns.all()
    with store.database.write() as connection:
        counting.write(connection, counting.recounted(connection, first.id))
    for table in counting.TABLES:
        columns = ", ".join(column.name for column in table.columns if column.name != "campaign_id")
        for one in others:
            copied = f"SELECT {one.id}, {columns} FROM {table.name} WHERE campaign_id = {first.id}"  # noqa: S608
            run(store, f"INSERT INTO {table.name} (campaign_id, {columns}) {copied}")


def refresh(store: Store, name: str) -> None:
    """What `ivr campaign status --follow` asks of the books each time."""
    one = store.campaigns.named(name)
    store.campaigns.books(one.id)
    store.tallies.whole(one.id)
    store.halts.in_force()


def recording(store: Store) -> dict[str, Any]:
    """Batches as the job `record` makes them, on the full books: CPU of this process, and of the database's."""
    one = store.campaigns.all()[-1]
    ask: Callable[[Dialable], Verdict] = lambda _dialable: YES  # noqa: E731
    cpu_s, wall_s, servers_s = 0.0, 0.0, 0.0
    for number in range(BATCHES):
        ids = [f"{0x1A000000000 + number:011x}{n:016x}" for n in range(BATCH)]
        taken = store.attempts.claim(one.id, Way("pbx1", "lab"), ids, ask, 1_790_000_000_000)
        store.attempts.begin_dialing_many(taken, ask, 1_790_000_000_000)
        results = [listen_result(_heard(attempt, n)) for n, attempt in enumerate(taken)]
        results += [end_result(attempt, "answered", 1_790_000_060_000, cause=16) for attempt in taken]
        before = time.process_time(), time.monotonic(), server_cpu_s(store)
        record(results, store)
        store.tallies.fold()
        cpu_s, wall_s = cpu_s + time.process_time() - before[0], wall_s + time.monotonic() - before[1]
        servers_s += server_cpu_s(store) - before[2]
    listens = BATCH * BATCHES
    return {
        "recording_share_of_a_core_at_300_per_s": round((cpu_s + servers_s) * PER_S / listens, 3),
        "of_which_database_server": round(servers_s * PER_S / listens, 3),
        "recorded_per_s": round(listens / wall_s),
    }


def _heard(attempt: str, number: int) -> Listen:
    plays = (
        Play(Segment.PREROLL, SOUND, 8_000, 8_000, 0),
        Play(Segment.MESSAGE, SOUND, number * 97 % MESSAGE_MS, MESSAGE_MS, 8_000),
    )
    return Listen(attempt, plays, ended_by=EndedBy.LISTENER, at_ms=1_790_000_000_000)


def server_cpu_s(store: Store) -> float:
    """CPU of the server process behind each of our connections so far, 0 where the database is a file."""
    if store.database.engine.dialect.name != "postgresql":
        return 0.0
    with store.database.read() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        pids = list(connection.exec_driver_sql(query).scalars())
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            ticks += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def timed_ms(work: Callable[[], object]) -> float:
    began_s = time.monotonic()
    work()
    return round(1000 * (time.monotonic() - began_s), 1)


if __name__ == "__main__":
    main()
