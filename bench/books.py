"""How fast the books are, and whether that depends on how much is in them: `python bench/books.py [TARGETS…]`.

For each size a database with that many targets, all but a few thousand of them already called, answered and listened
to. Measured with the real use cases on real files and a real Redis: claiming (claim, Gate, orders), the commit before
each Originate, recording listens and ends, and what the controller does every second besides.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from results import Figures, show
from stand import wait_for

from ivr.adapters.pbx import programs
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import NotReady
from ivr.rules.records import Campaign, Message, Way
from ivr.rules.segments import EndedBy, Listen, Play, Segment
from ivr.rules.states import CampaignState
from ivr.settings import Pbx, Settings, Trunk
from ivr.usecases import originating, reconciling, recording
from ivr.usecases.asking import questions
from ivr.usecases.finishing import finish_done

SIZES = (10_000, 100_000, 1_000_000)
CLAIMED = 3_000
BATCH = 50
DIALLED = 400
AT_ONCE = 10
SOUND, MESSAGE_MS = "b" * 8, 30_000

FILL = (
    "INSERT INTO source_batches (id, name, file_name, file_sha256, accepted, rejected, imported_at_ms) "
    "VALUES (1, 'bench', 'bench.csv', '0', {people}, 0, 1)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people}) "
    "INSERT INTO contacts (id, number, line_type, imported_at_ms) "
    "SELECT i, '+336' || printf('%08d', i), 'mobile', 1 FROM n",
    "INSERT INTO batch_contacts (batch_id, contact_id) SELECT 1, id FROM contacts",
)
ATTEMPTED = (
    "INSERT INTO attempts (id, target_id, campaign_id, pbx, state, outcome, claimed_at_ms, dialing_at_ms, ended_at_ms, "
    "note) SELECT '0' || printf('%026d', id), id, campaign_id, 'pbx1', 'ended', 'answered', 1, 2, 3, '' FROM targets "
    "WHERE id <= {done}",
    "INSERT INTO listens (attempt_id, campaign_id, preroll_ms, message_ms, notice_ms, confirmation_ms, plays, keys, "
    "ended_by, measured_by, error, at_ms) SELECT id, campaign_id, 8000, 30000, 15000, 0, "
    "'[]', '[]', 'us', 'agi', '', 3 FROM attempts",
    "UPDATE targets SET state = 'done', outcome = 'answered' WHERE id <= {done}",
)


def measure(sizes: tuple[int, ...] = SIZES) -> Figures:
    figures, claims, keeps = Figures(), {}, {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder, _redis(Path(folder)) as queues:
            found = _measure_one(Path(folder), queues, size)
        for name, (value, unit) in found.items():
            figures.add(f"{name}_{size // 1000}k", value, unit)
        claims[size], keeps[size] = found["claim_per_s"][0], found["housekeeping_ms"][0]
    if len(sizes) > 1:
        first, last = min(sizes), max(sizes)
        figures.ratio("claim_rate_most_over_fewest_targets", claims[last] / claims[first], at_least=0.8)
        figures.ratio("housekeeping_most_over_fewest_targets", keeps[last] / keeps[first], at_most=2.0)
    return figures


def _measure_one(folder: Path, queues: Queues, size: int) -> dict[str, tuple[float, str]]:
    trunk = Trunk(host="127.0.0.1:5999", rate_cps=1000, channels=1000)
    settings = Settings(home=folder, pbx=Pbx(), trunks={"lab": trunk})
    store = Store(settings)
    try:
        campaign = _filled(store, settings, size)
        order = functools.partial(
            originating.originate, store, queues, settings, campaign.id, Way("pbx1", "lab"), BATCH
        )
        claim_s = _timed(lambda: [order() for _ in range(CLAIMED // BATCH)])
        attempts = [text.split(" ")[2] for text in queues.take_orders("pbx1", CLAIMED)]
        assert len(attempts) == CLAIMED
        dial_s = _timed(lambda: _dial(store, settings, attempts[:DIALLED], 1))
        many_s = _timed(lambda: _dial(store, settings, attempts[DIALLED : 2 * DIALLED], AT_ONCE))
        keep_s = min(_timed(lambda: _keep(store, settings)) for _ in range(3))
        results = [result for attempt in attempts[:DIALLED] for result in _results(attempt)]
        record_s = _timed(lambda: _record(store, results))
    finally:
        store.close()
    return {
        "claim_per_s": (CLAIMED / claim_s, "targets/s, in batches of 50"),
        "begin_dialing_per_s": (DIALLED / dial_s, "commits/s, one by one"),
        "begin_dialing_many_per_s": (DIALLED / many_s, f"calls/s, {AT_ONCE} to a commit"),
        "record_per_s": (DIALLED / record_s, "listens and ends/s"),
        "housekeeping_ms": (keep_s * 1000, "ms each second, in the controller"),
    }


def _dial(store: Store, settings: Settings, attempts: list[str], at_once: int) -> None:
    for first in range(0, len(attempts), at_once):
        now, some = datetime.now(UTC), attempts[first : first + at_once]
        begun = store.attempts.begin_dialing_many(some, questions(settings, now), int(now.timestamp() * 1000))
        assert len(begun) == len(some)


def _results(attempt: str) -> list[dict[str, Any]]:
    play = Play(Segment.MESSAGE, SOUND, MESSAGE_MS, MESSAGE_MS, 0)
    listen = Listen(attempt, (play,), ended_by=EndedBy.US, measured_by="agi", at_ms=4)
    return [recording.listen_result(listen), recording.end_result(attempt, "answered", 5, cause=16)]


def _record(store: Store, results: list[dict[str, Any]]) -> None:
    for first in range(0, len(results), recording.BATCH):
        recording.record(results[first : first + recording.BATCH], store)


def _keep(store: Store, settings: Settings) -> None:
    """What the controller asks of the books each second."""
    now_ms = int(time.time() * 1000)
    store.attempts.release_claimed(None, now_ms - 30_000)
    reconciling.missing_listens(store, {settings.pbx.name}, settings.var_dir / "outbox", now_ms)
    finish_done(store, now_ms)


def _filled(store: Store, settings: Settings, size: int) -> Campaign:
    store.migrate()
    settings.sounds_dir.mkdir(parents=True)
    (settings.sounds_dir / f"{SOUND}.alaw").write_bytes(b"\xd5" * 8 * MESSAGE_MS)
    with store.database.write() as connection:
        for statement in FILL:
            connection.exec_driver_sql(statement.format(people=size))
    message = store.messages.add(Message(0, "bench", SOUND, MESSAGE_MS, "bench", "0" * 64), 1)
    values: dict[str, Any] = {
        "name": "bench",
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
    campaign = store.campaigns.create(values, "bench")
    with store.database.write() as connection:
        for statement in ATTEMPTED:
            connection.exec_driver_sql(statement.format(done=size - CLAIMED - 1_000))
    # Filling is not what is measured: nothing of it is still to be copied or written to the disk when the clock starts.
    with contextlib.closing(store.database.engine.raw_connection()) as raw:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.sync()
    store.campaigns.move(campaign, CampaignState.RUNNING, 2)
    return store.campaigns.named("bench")


def _timed(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[Queues]:
    program = programs.find("redis-server", Settings().cache_dir)
    options = ["--port", "0", "--unixsocket", str(folder / "r.sock"), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(
        program.argv(*options, "--dir", str(folder)), env=os.environ | program.env(), stdout=subprocess.DEVNULL
    )
    queues = Queues(f"unix://{folder / 'r.sock'}")
    try:
        wait_for(lambda: _answers(queues), "Redis", 10)
        yield queues
    finally:
        queues.close()
        server.terminate()
        server.wait(10)


def _answers(queues: Queues) -> bool:
    try:
        queues.ping()
    except NotReady:
        return False
    return True


if __name__ == "__main__":
    show(measure(tuple(int(given) for given in sys.argv[1:]) or SIZES))
