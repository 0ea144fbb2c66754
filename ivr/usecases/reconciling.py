"""Reconciling: what the books do not know is asked of the PBX's channel list, of its CDR, and of the outboxes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from ivr.adapters import outbox
from ivr.adapters.pbx.cdr import CdrRecord
from ivr.adapters.store import Store
from ivr.errors import Unrecordable
from ivr.rules.records import OpenAttempt
from ivr.rules.segments import EndedBy, Listen
from ivr.rules.states import Outcome
from ivr.usecases.recording import Result, checked, end_result, listen_result

log = logging.getLogger(__name__)

SETTLING_MS = 5_000
"""Younger calls may still be on their way to the channel list or the CDR."""
GIVE_UP_MS = 12_000
"""An answered call that nobody measured for this long after its end gets a listen of nothing, marked so."""


def lost_ends(
    open_attempts: Mapping[str, OpenAttempt], live: Iterable[str], records: Mapping[str, CdrRecord], now_ms: int
) -> list[Result]:
    """The ends of attempts that are open in the books but no longer on the PBX: from its CDR, else `unknown`.

    An unknown stays unknown: it may have rung, and is not dialled again.
    """
    gone = set(open_attempts) - set(live)
    ends = []
    for attempt in sorted(gone):
        if now_ms - open_attempts[attempt].dialing_at_ms < SETTLING_MS:
            continue
        record = records.get(attempt)
        outcome = outcome_of(record) if record else Outcome.UNKNOWN
        note = "from the PBX's CDR" if record else "no channel and no CDR: it may have rung"
        log.warning(
            "end reconciled", extra={"action": "end_reconciled", "attempt_id": attempt, "outcome": outcome.value}
        )
        ends.append(end_result(attempt, outcome.value, now_ms, note=note))
    return ends


def outcome_of(record: CdrRecord) -> Outcome:
    """The outcome that a CDR line proves; it has no cause, so an unknown number is only `failed` there."""
    by_disposition = {
        "ANSWERED": Outcome.ANSWERED,
        "BUSY": Outcome.BUSY,
        "NO ANSWER": Outcome.NO_ANSWER,
        "CONGESTION": Outcome.CONGESTION,
    }
    return by_disposition.get(record.disposition, Outcome.FAILED)


def missing_listens(store: Store, folder: Path, now_ms: int) -> list[Result]:
    """Listens for answered calls without one: again from the outboxes, or after a while a listen of nothing."""
    missing = set(store.listens.without_listen(now_ms - SETTLING_MS))
    found = [result for result in outbox.find(folder, missing) if result.get("kind") == "listen" and _whole(result)]
    lost = missing - {result["attempt"] for result in found}
    given_up = lost & set(store.listens.without_listen(now_ms - GIVE_UP_MS)) if lost else set()
    for attempt in given_up:
        log.warning("nothing was measured", extra={"action": "listen_missing", "attempt_id": attempt})
    return [*found, *(listen_result(_nothing(attempt, now_ms)) for attempt in sorted(given_up))]


def _whole(result: Result) -> bool:
    try:
        checked(json.dumps(result))
    except Unrecordable:
        return False
    return True


def _nothing(attempt: str, now_ms: int) -> Listen:
    error = "the person hung up before anything was played, or nobody measured"
    return Listen(attempt, (), ended_by=EndedBy.UNKNOWN, measured_by="none", error=error, at_ms=now_ms)
