"""The facts that the Gate is asked about: of many people in a few queries, as they stand in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from ivr.adapters.store import campaigns, locks, schema
from ivr.adapters.store.halts import is_halted
from ivr.adapters.store.known import asker_of
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.again import moment
from ivr.rules.breaker import Blame
from ivr.rules.frequency import SponsorCall
from ivr.rules.gate import Verdict
from ivr.rules.gate_facts import Known
from ivr.rules.pack import BASE
from ivr.rules.records import Campaign, Dialable
from ivr.rules.retry import Made, ending
from ivr.rules.retry_policy import Ending
from ivr.rules.states import AttemptState, Outcome

ATTEMPTS = schema.attempts
TARGETS = schema.targets
SENT = tuple(state.value for state in (AttemptState.DIALING, AttemptState.ANSWERED, AttemptState.ENDED))
"""The states of an attempt that was, or may have been, sent."""

Ask = Callable[[Dialable], Verdict]
"""The Gate, with the facts of the moment."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the Gate is asked about one attempt, and whose it is."""

    target_id: int
    dialable: Dialable


def asked_of(
    connection: Connection, suppressions: Suppressions, attempts: Iterable[str], state: AttemptState, lock: bool = False
) -> dict[str, Asked]:
    """By attempt, of those in that state. lock: nobody else moves them before this transaction ends.

    Everything but the attempts is read after they are locked: what was committed while we waited for them counts.
    """
    query = _LOCKED if lock else _ATTEMPTS
    rows = list(rows_among(connection, query, ATTEMPTS.c.id, attempts, the_state=state.value))
    if not rows:
        return {}
    running = campaigns.load_all(connection, {row.campaign_id for row in rows})
    called = {row.id: (row.number, running[row.campaign_id].sponsor_id) for row in rows}
    suppressed = suppressions.blocked(connection, called.values())
    sent = sent_to(connection, {row.target_id for row in rows})
    halted = is_halted(connection)
    known = _known(connection, running, rows, lock)

    def facts_of(row: Row[Any]) -> Dialable:
        others = tuple(made for attempt, made in sent.get(row.target_id, {}).items() if attempt != row.id)
        facts = (called[row.id] in suppressed, others, halted)
        campaign = running[row.campaign_id].to(row.version)
        return Dialable(row.id, row.trunk, row.number, campaign, *facts, known.get(row.id))

    return {row.id: Asked(row.target_id, facts_of(row)) for row in rows}


def _known(
    connection: Connection, running: Mapping[int, Campaign], rows: Sequence[Row[Any]], counting: bool
) -> dict[str, Known]:
    """What the packs of those campaigns that have one ask, by attempt.

    counting: nobody else counts a sponsor's calls before this transaction ends, and of two attempts at one person that
    are asked about together the second counts the first: neither sees a limit that the other has just reached.
    """
    with_pack = [row for row in rows if running[row.campaign_id].pack != BASE]
    if with_pack and counting:
        locks.counting(connection)
    found: dict[str, Known] = {}
    before: dict[tuple[int, int], list[SponsorCall]] = {}
    for campaign_id in sorted({row.campaign_id for row in with_pack}):
        asker = asker_of(connection, running[campaign_id])
        mine = [row for row in with_pack if row.campaign_id == campaign_id]
        people = asker.people(row.contact_id for row in mine) if asker else {}
        for row in mine:
            also = before.setdefault((running[campaign_id].sponsor_id, row.contact_id), [])
            known = people[row.contact_id]
            found[row.id] = known.after(also) if counting else known
            also.append(SponsorCall(moment(row.claimed_at_ms), campaign_id, False, row.id))
    return found


def sent_to(connection: Connection, target_ids: Iterable[int]) -> Mapping[int, Mapping[str, Made]]:
    """By target, the attempts that were, or may have been, sent to it: a number is one target.

    Asked by target, whose index finds a handful of rows each; by campaign it would be every call made so far.
    """
    sent: dict[int, dict[str, Made]] = {}
    for row in rows_among(connection, _SENT, ATTEMPTS.c.target_id, target_ids):
        sent.setdefault(row.target_id, {})[row.id] = _made(row)
    return sent


def _made(row: Row[Any]) -> Made:
    at = moment(row.claimed_at_ms if row.dialing_at_ms is None else row.dialing_at_ms)
    if row.state != AttemptState.ENDED:
        return Made(at, Ending.OPEN)
    return Made(at, ending(Outcome(row.outcome), row.blame == Blame.CARRIER))


_ATTEMPTS = (
    select(*(ATTEMPTS.c[name] for name in ("id", "campaign_id", "target_id", "trunk", "claimed_at_ms")))
    .add_columns(TARGETS.c.version, TARGETS.c.contact_id, schema.contacts.c.number)
    .select_from(ATTEMPTS.join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id).join(schema.contacts))
    .where(ATTEMPTS.c.state == bindparam("the_state"))
)
_LOCKED = _ATTEMPTS.order_by(ATTEMPTS.c.id).with_for_update(of=ATTEMPTS)
_MADE = ("id", "target_id", "state", "outcome", "blame", "claimed_at_ms", "dialing_at_ms")
_SENT = select(*(ATTEMPTS.c[name] for name in _MADE)).where(ATTEMPTS.c.state.in_(SENT))
