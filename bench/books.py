"""How fast the books are, and whether that depends on how much is in them.

    python bench/books.py [--only sqlite|postgresql] [TARGETS…]

For each database and size, books with a campaign of that many targets, all but a few thousand of them called, answered
and listened to, and another of as many of whom nobody was called. Measured with the real use cases on a real database
and a real Redis: claiming (claim, Gate, orders), the commit before each Originate, recording listens and ends, and what
the controller does every second besides.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from full_books import MESSAGE_MS, SOUND, databases, fill, opened
from results import Figures, show
from stand import wait_for

from ivr.adapters.pbx import programs
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import NotReady
from ivr.rules.records import Campaign, Way
from ivr.rules.segments import EndedBy, Listen, Play, Segment
from ivr.settings import Settings
from ivr.usecases import originating, reconciling, recording
from ivr.usecases.asking import questions
from ivr.usecases.finishing import finish_done

SIZES = (10_000, 100_000, 1_000_000)
DATABASES = {"sqlite": "", "postgresql": "_pg"}
"""By name what stands in the names of its figures."""
CLAIMED = 3_000
BATCH = 50
DIALLED = 400
AT_ONCE = 10

Found = dict[str, tuple[float, str]]


def measure(sizes: tuple[int, ...] = SIZES, names: tuple[str, ...] = tuple(DATABASES)) -> Figures:
    figures = Figures()
    with databases(names) as urls, _redis() as queues:
        for name, url in urls.items():
            found = {size: _measure_one(url, queues, size) for size in sorted(sizes)}
            for size, one in found.items():
                for what, (value, unit) in one.items():
                    figures.add(f"{what}{DATABASES[name]}_{size // 1000}k", value, unit)
            _compare(figures, DATABASES[name], found)
    return figures


def _compare(figures: Figures, mark: str, found: dict[int, Found]) -> None:
    few, many = found[min(found)], found[max(found)]
    if few is many:
        return
    for what in ("claim", "claim_first"):
        ratio = many[f"{what}_per_s"][0] / few[f"{what}_per_s"][0]
        figures.ratio(f"{what}_rate{mark}_most_over_fewest_targets", ratio, at_least=0.8)
    ratio = many["housekeeping_ms"][0] / few["housekeeping_ms"][0]
    figures.ratio(f"housekeeping{mark}_most_over_fewest_targets", ratio, at_most=2.0)


def _measure_one(url: str, queues: Queues, size: int) -> Found:
    with opened(url) as (settings, store):
        nearly_over, fresh = fill(store, size, CLAIMED + 1_000)
        first_s, _ = _claim(store, queues, settings, fresh)
        claim_s, attempts = _claim(store, queues, settings, nearly_over)
        dial_s = _timed(lambda: _dial(store, settings, attempts[:DIALLED], 1))
        many_s = _timed(lambda: _dial(store, settings, attempts[DIALLED : 2 * DIALLED], AT_ONCE))
        keep_s = min(_timed(lambda: _keep(store, settings)) for _ in range(3))
        results = [result for attempt in attempts[:DIALLED] for result in _results(attempt)]
        record_s = _timed(lambda: _record(store, results))
    return {
        "claim_per_s": (CLAIMED / claim_s, "targets/s, in batches of 50, of the last of a campaign"),
        "claim_first_per_s": (CLAIMED / first_s, "targets/s, in batches of 50, of the first of a campaign"),
        "begin_dialing_per_s": (DIALLED / dial_s, "commits/s, one by one"),
        "begin_dialing_many_per_s": (DIALLED / many_s, f"calls/s, {AT_ONCE} to a commit"),
        "record_per_s": (DIALLED / record_s, "listens and ends/s"),
        "housekeeping_ms": (keep_s * 1000, "ms each second, in the controller"),
    }


def _claim(store: Store, queues: Queues, settings: Settings, campaign: Campaign) -> tuple[float, list[str]]:
    order = functools.partial(originating.originate, store, queues, settings, campaign.id, Way("pbx1", "lab"), BATCH)
    took_s = _timed(lambda: [order() for _ in range(CLAIMED // BATCH)])
    attempts = [text.split(" ")[2] for text in queues.take_orders("pbx1", CLAIMED)]
    assert len(attempts) == CLAIMED
    return took_s, attempts


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
    store.attempts.release_claimed(None, now_ms - 3_600_000)  # however long the bench takes, there is none
    reconciling.missing_listens(store, {settings.pbx.name}, settings.var_dir / "outbox", now_ms)
    finish_done(store, now_ms)


def _timed(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s


@contextlib.contextmanager
def _redis() -> Iterator[Queues]:
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as made:
        folder = Path(made)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(DATABASES))
    parser.add_argument("targets", nargs="*", type=int, default=SIZES)
    given = parser.parse_args()
    show(measure(tuple(given.targets), (given.only,) if given.only else tuple(DATABASES)))


if __name__ == "__main__":
    main()
