"""Claiming targets: due targets become attempts with orders for a PBX. What the RQ job `originate` does."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.settings import Settings
from ivr.usecases.asking import questions


def new_attempt_id(now: datetime) -> str:
    """An id for an attempt, its Asterisk channel, its AMI action and its records; ids of later instants sort later."""
    return f"{int(now.timestamp() * 1000):011x}{secrets.token_hex(8)}"


def originate(store: Store, queues: Queues, settings: Settings, campaign_id: int, pbx: str, count: int) -> int:
    """Up to `count` due targets of the campaign are claimed for `pbx`, committed, and then ordered. Returns how many.

    Killed between the two, the claims stay without orders until they are given back.
    """
    now = datetime.now(UTC)
    ids = [new_attempt_id(now) for _ in range(count)]
    claimed, trunk = store.attempts.claim(campaign_id, pbx, ids, questions(settings, now), int(now.timestamp() * 1000))
    if claimed:  # with nobody to call now (hours, pause) the ask stands a while, or the next would follow at once
        queues.push_orders(pbx, [f"{trunk} {campaign_id} {attempt}" for attempt in claimed])
        queues.answered_ask(campaign_id, pbx)
    return len(claimed)
