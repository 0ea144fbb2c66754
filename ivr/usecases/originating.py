"""Claiming targets: due targets become attempts with orders for a PBX. What the RQ job `originate` does."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Dialable, Way
from ivr.settings import Settings
from ivr.usecases.asking import questions

BUDGET_SPENT = "budget-spent"
"""What a campaign waits for whose budget bears no further call, until somebody raises it."""


def new_attempt_id(now: datetime) -> str:
    """An id for an attempt, its Asterisk channel, its AMI action and its records; ids of later instants sort later."""
    return f"{int(now.timestamp() * 1000):011x}{secrets.token_hex(8)}"


def first_id_of(at_ms: int) -> str:
    """Every attempt id made at that instant or later (Unix milliseconds) sorts after this text."""
    return f"{max(at_ms, 0):011x}"


def made_at_ms(attempt: str) -> int:
    """When that attempt's id was made, Unix milliseconds."""
    return int(attempt[:11], 16)


def is_attempt_id(text: str) -> bool:
    """Whether the text is an id such as `new_attempt_id` makes: what a PBX tells of may be somebody else's call."""
    return re.fullmatch(r"[0-9a-f]{27}", text) is not None


class _Remembering:
    """The Gate, and the first hold it spoke: what a campaign that calls nobody waits for."""

    def __init__(self, ask: Callable[[Dialable], Verdict]) -> None:
        self._ask = ask
        self.held: Verdict | None = None

    def __call__(self, dialable: Dialable) -> Verdict:
        """The Gate's verdict."""
        verdict = self._ask(dialable)
        if verdict.kind is Kind.HOLD and self.held is None:
            self.held = verdict
        return verdict


def originate(store: Store, queues: Queues, settings: Settings, campaign_id: int, way: Way, count: int) -> int:
    """Up to `count` due targets of the campaign are claimed for `way`, committed, and then ordered. Returns how many.

    Killed between the two, the claims stay without orders until they are given back.
    """
    now = datetime.now(UTC)
    ids = [new_attempt_id(now) for _ in range(count)]
    ask = _Remembering(questions(settings, now))
    claimed = store.attempts.claim(campaign_id, way, ids, ask, int(now.timestamp() * 1000))
    if ask.held is not None and not claimed:
        queues.note_hold(campaign_id, ask.held.rule, ask.held.until.isoformat() if ask.held.until else "")
    elif not claimed and not store.money.bears_a_call(store.campaigns.by_id(campaign_id)):
        queues.note_hold(campaign_id, BUDGET_SPENT, "")
    if claimed:  # with nobody to call now (hours, pause) the ask stands a while, or the next would follow at once
        queues.push_orders(way.pbx, [f"{way.trunk} {campaign_id} {attempt}" for attempt in claimed])
        queues.answered_ask(campaign_id, way)
    return len(claimed)
