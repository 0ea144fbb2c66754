"""Recording results: listens, ends and stops, in batches, once per attempt."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment

log = logging.getLogger(__name__)

Result = dict[str, Any]
BATCH = 300


def record_waiting(queues: Queues, store: Store, consumer: str) -> int:
    """Everything that waits is recorded, committed, and then taken out of the queue. Returns how many results."""
    done = 0
    while entries := queues.read_results(consumer, BATCH):
        record([result for _, result in entries], store)
        queues.settle([entry for entry, _ in entries])
        done += len(entries)
    return done


def record(results: Iterable[Result], store: Store) -> None:
    """The results are in the books; those recorded before change nothing."""
    by_kind: dict[str, list[Result]] = {"listen": [], "ended": [], "stop": []}
    for result in results:
        by_kind[result["kind"]].append(result)
    for stop in by_kind["stop"]:
        store.suppressions.stop_attempt(stop["attempt"], stop["at_ms"])
    store.listens.record([as_listen(result) for result in by_kind["listen"]], list(by_kind["ended"]))


def listen_result(listen: Listen) -> Result:
    """The listen as it travels."""
    return {
        "kind": "listen",
        "attempt": listen.attempt,
        "plays": [[p.segment.value, p.sound, p.heard_ms, p.length_ms, p.began_ms] for p in listen.plays],
        "keys": [[k.key, k.segment.value, k.within_ms, k.at_ms] for k in listen.keys],
        "stop_at_ms": listen.stop_at_ms,
        "ended_by": listen.ended_by.value,
        "measured_by": listen.measured_by,
        "error": listen.error,
        "at_ms": listen.at_ms,
    }


def as_listen(result: Result) -> Listen:
    """The listen that travelled."""
    return Listen(
        attempt=result["attempt"],
        plays=tuple(Play(Segment(p[0]), *p[1:]) for p in result["plays"]),
        keys=tuple(KeyPress(k[0], Segment(k[1]), *k[2:]) for k in result["keys"]),
        stop_at_ms=result["stop_at_ms"],
        ended_by=EndedBy(result["ended_by"]),
        measured_by=result["measured_by"],
        error=result["error"],
        at_ms=result["at_ms"],
    )


def stop_result(attempt: str, at_ms: int) -> Result:
    """A stop as it travels."""
    return {"kind": "stop", "attempt": attempt, "at_ms": at_ms}


def end_result(attempt: str, outcome: str, at_ms: int, **detail: Any) -> Result:
    """The end of an attempt as it travels. detail: cause, tech_cause, note."""
    return {"kind": "ended", "attempt": attempt, "outcome": outcome, "at_ms": at_ms, **detail}
