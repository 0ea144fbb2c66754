"""Choosing whom to call next: retries that are due first, then who was never called, each asked of the Gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from ivr.adapters.store import schema
from ivr.adapters.store.facts import Ask, sent_to
from ivr.adapters.store.halts import is_halted
from ivr.adapters.store.known import asker_of
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.again import instant_ms, is_open
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Campaign, Dialable
from ivr.rules.states import TargetState

TARGETS = schema.targets
SPARE = 100
"""Due targets looked at beyond those wanted, so that people who may not be called do not cost a round each."""


@dataclass(slots=True)
class Choice:
    """What became of the due targets that were looked at.

    taken: by the id of the attempt that they get. refused: with the rule. postponed: who must wait, and until when
    (Unix milliseconds), so that they do not stand before others who may be called now.
    """

    taken: dict[str, int] = field(default_factory=dict)
    refused: dict[int, Verdict] = field(default_factory=dict)
    postponed: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chooser:
    """Chooses for one claim of one campaign, as of one transaction."""

    connection: Connection
    suppressions: Suppressions
    campaign: Campaign
    trunk: str
    ask: Ask

    def choose(self, wanted: Sequence[str], at_ms: int) -> Choice:
        """Due targets for the ids wanted, as far as there are any that may be called."""
        halt = is_halted(self.connection)
        due = _due(self.connection, self.campaign.id, len(wanted) + SPARE, at_ms)
        choice, looking = Choice(), is_open(self.campaign, at_ms)
        look = max(len(wanted), SPARE)  # nearly always enough: one look-up
        for some in (due[first : first + look] for first in range(0, len(due), look)):
            for row, dialable in zip(some, self._facts(some, halt), strict=True):
                if len(choice.taken) == len(wanted):
                    return choice
                attempt = wanted[len(choice.taken)]
                verdict = self.ask(Dialable(attempt, *dialable))
                if verdict.kind is Kind.YES:
                    choice.taken[attempt] = row.id
                elif verdict.kind is Kind.NO:
                    choice.refused[row.id] = verdict
                elif verdict.until is not None and (row.due_at_ms or looking):
                    choice.postponed[row.id] = instant_ms(verdict.until)
        return choice

    def _facts(self, due: Sequence[Row[Any]], halt: bool) -> list[tuple[Any, ...]]:
        sponsor_id = self.campaign.sponsor_id
        suppressed = self.suppressions.blocked(self.connection, [(row.number, sponsor_id) for row in due])
        sent = sent_to(self.connection, [row.id for row in due])
        asker = asker_of(self.connection, self.campaign)
        known = asker.people(row.contact_id for row in due) if asker else {}
        return [
            (
                self.trunk,
                row.number,
                self.campaign,
                (row.number, sponsor_id) in suppressed,
                tuple(sent.get(row.id, {}).values()),
                halt,
                known.get(row.contact_id),
            )
            for row in due
        ]


def due(connection: Connection, campaign_id: int, most: int, called: bool = False) -> list[Row[Any]]:
    """Due targets, whenever they are due, locked. called: only those that wait to be called again."""
    return _look(connection, _WAITING if called else _DUE, campaign_id, most)


def _due(connection: Connection, campaign_id: int, most: int, at_ms: int) -> list[Row[Any]]:
    """Retries whose time has come, the longest due first, then who was never called."""
    retries = _look(connection, _RETRIES, campaign_id, most, the_ms=at_ms)
    return retries + _look(connection, _FRESH, campaign_id, most - len(retries))


def _look(connection: Connection, query: Select[Any], campaign_id: int, most: int, **values: Any) -> list[Row[Any]]:
    if most < 1:
        return []
    return list(connection.execute(query, {"the_campaign": campaign_id, "the_most": most, **values}))


_DUE = (
    select(TARGETS.c.id, TARGETS.c.due_at_ms, TARGETS.c.contact_id, schema.contacts.c.number)
    .select_from(TARGETS.join(schema.contacts))
    .where(TARGETS.c.campaign_id == bindparam("the_campaign"), TARGETS.c.state == TargetState.DUE.value)
    .order_by(TARGETS.c.due_at_ms)
    .limit(bindparam("the_most"))
    .with_for_update(skip_locked=True, of=TARGETS)
)
_RETRIES = _DUE.where(TARGETS.c.due_at_ms.between(1, bindparam("the_ms")))
_WAITING = _DUE.where(TARGETS.c.due_at_ms > 0, TARGETS.c.outcome != "")
# Not `= 0`: PostgreSQL would take the order for settled, and might read the whole table instead of the index.
_FRESH = _DUE.where(TARGETS.c.due_at_ms <= 0)
