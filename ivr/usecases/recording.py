"""Recording results: listens, ends and stops, in batches, once per attempt."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import IvrError, Unrecordable
from ivr.rules.breaker import Blame
from ivr.rules.segments import Listen, from_plain, plain
from ivr.rules.states import Outcome

log = logging.getLogger(__name__)

Result = dict[str, Any]
BLAMES = frozenset({"", *Blame})
MEASURED_BY = frozenset({"agi", "dialplan", "agi+dialplan", "none"})
BATCH = 300
LATEST_MS = 1 << 45
"""No instant of ours is later: it is in the year 3084."""
LONGEST_S = 30.0
"""A job ends well before its time limit, whatever keeps coming in; the next bell goes on."""
ROUND_S, STAY_S = 1.0, 20.0
"""As long as results come, a job looks for more every so often, for so long: RQ's own work for a job costs more than
recording a hundred of them."""


def record_while_they_come(queues: Queues, store: Store, consumer: str, told_to_end: Callable[[], bool]) -> int:
    """What waits is recorded, and what follows it, until for a round nothing has. Returns how many results.

    Nobody needs to ring meanwhile. Whoever did in vain in the last moment finds their results recorded all the same.
    """
    until_s = time.monotonic() + STAY_S
    done = found = record_waiting(queues, store, consumer)
    while found and not told_to_end() and time.monotonic() < until_s:
        queues.hold_bell()
        time.sleep(ROUND_S)
        found = record_waiting(queues, store, consumer)
        done += found
    queues.free_bell()
    return done + record_waiting(queues, store, consumer)


def record_waiting(queues: Queues, store: Store, consumer: str) -> int:
    """Everything that waits is recorded, committed, and then taken out of the queue. Returns how many results.

    A result that cannot be recorded is buried: it must not stand in the way of the others. What comes in meanwhile
    waits for the next bell: a transaction for each handful of it would cost more than all the rest.
    """
    done, deadline, entries = 0, time.monotonic() + LONGEST_S, queues.read_results(consumer, BATCH)
    while entries:
        good: dict[str, Result] = {}
        for entry, text in entries:
            try:
                good[entry] = checked(text)
            except Unrecordable as error:
                _bury(queues, entry, text, error)
        _record_each_if_need_be(good, queues, store)
        done += len(entries)
        if len(entries) < BATCH or time.monotonic() > deadline:
            break
        entries = queues.read_results(consumer, BATCH)
    if done:
        store.tallies.fold()
    return done


def _record_each_if_need_be(results: dict[str, Result], queues: Queues, store: Store) -> None:
    try:
        record(results.values(), store)
        queues.settle(list(results))
    except IvrError:
        raise
    except Exception:  # one of them breaks a rule of the database: find which, and record the others
        for entry, result in results.items():
            try:
                record([result], store)
                queues.settle([entry])
            except IvrError:
                raise
            except Exception as error:
                _bury(queues, entry, json.dumps(result), error)


def _bury(queues: Queues, entry: str, text: str, error: Exception) -> None:
    log.error(
        "result cannot be recorded", extra={"action": "result_buried", "entry": entry, "why": type(error).__name__}
    )
    queues.bury(entry, text, f"{type(error).__name__}: {error}")


def record(results: Iterable[Result], store: Store) -> None:
    """The results are in the books; those recorded before change nothing.

    Stops come first, also those of which only the listen tells: a stop message may have been lost, a stop must not be.
    """
    by_kind: dict[str, list[Result]] = {"listen": [], "ended": [], "stop": []}
    for result in results:
        by_kind[result["kind"]].append(result)
    listens = [as_listen(result) for result in by_kind["listen"]]
    stops = [(stop["attempt"], stop["at_ms"]) for stop in by_kind["stop"]]
    stops += [(one.attempt, one.at_ms + one.stop_at_ms) for one in listens if one.stop_at_ms is not None]
    of_all = {stop["attempt"] for stop in by_kind["stop"] if stop.get("of_all") is True}
    of_all |= {one.attempt for one in listens if one.stops_all}
    store.suppressions.stop_attempts(stops, of_all)
    store.listens.record(listens, by_kind["ended"])


def checked(text: str) -> Result:
    """The result that the text is. Raises Unrecordable if it is none of ours."""
    try:
        result = json.loads(text)
        kind, attempt, at_ms = result["kind"], result["attempt"], result["at_ms"]
        if kind not in {"listen", "ended", "stop"} or not isinstance(attempt, str) or not _is_instant(at_ms):
            raise ValueError("kind, attempt or instant")
        if kind == "listen":
            _check_listen(as_listen(result))
        elif kind == "ended":
            _check_end(result)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise Unrecordable(f"not a result: {type(error).__name__}") from None
    return dict(result)


def _is_instant(at_ms: object) -> bool:
    """Whether it is Unix milliseconds that a column holds and a date can be made of."""
    return type(at_ms) is int and 0 <= at_ms < LATEST_MS


def _check_end(end: Result) -> None:
    Outcome(end["outcome"])
    codes = [end.get(name) for name in ("cause", "tech_cause")]
    if not all(code is None or type(code) is int for code in codes) or not isinstance(end.get("note", ""), str):
        raise ValueError("cause, tech_cause or note")
    if end.get("blame", "") not in BLAMES:
        raise ValueError("blame")


def _check_listen(listen: Listen) -> None:
    numbers = [n for p in listen.plays for n in (p.heard_ms, p.length_ms, p.began_ms)]
    numbers += [n for k in listen.keys for n in (k.within_ms, k.at_ms)]
    numbers += [] if listen.stop_at_ms is None else [listen.stop_at_ms]
    if not all(type(number) is int and 0 <= number < 1 << 31 for number in numbers):
        raise ValueError("a duration")
    texts = [listen.error, *(p.sound for p in listen.plays), *(k.key for k in listen.keys)]
    if listen.measured_by not in MEASURED_BY or not all(isinstance(text, str) for text in texts):
        raise ValueError("measured_by or a text")


def listen_result(listen: Listen) -> Result:
    """The listen as it travels."""
    return {"kind": "listen", "attempt": listen.attempt, **plain(listen)}


def as_listen(result: Result) -> Listen:
    """The listen that travelled."""
    return from_plain(result["attempt"], result)


def stop_result(attempt: str, at_ms: int, of_all: bool = False) -> Result:
    """A stop as it travels. of_all: it is not of the attempt's sponsor alone."""
    return {"kind": "stop", "attempt": attempt, "at_ms": at_ms} | ({"of_all": True} if of_all else {})


def end_result(attempt: str, outcome: str, at_ms: int, **detail: Any) -> Result:
    """The end of an attempt as it travels. detail: cause, tech_cause, blame, note."""
    return {"kind": "ended", "attempt": attempt, "outcome": outcome, "at_ms": at_ms, **detail}
