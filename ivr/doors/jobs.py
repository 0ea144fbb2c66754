"""What RQ calls: each job claims in the database first, so that running one twice changes nothing."""

from __future__ import annotations

import functools
import os

from ivr.adapters.queues import Queues
from ivr.adapters.rq_workers import told_to_end
from ivr.adapters.store import Store
from ivr.rules.records import Way
from ivr.settings import Settings, load
from ivr.usecases import originating, recording


@functools.cache
def _parts() -> tuple[Settings, Store, Queues]:
    """Opened once per worker process."""
    settings = load()
    return settings, Store(settings), Queues(settings.redis_url)


def originate(campaign_id: int, pbx: str, trunk: str, count: int) -> int:
    """Claims up to `count` due targets of the campaign for that PBX and trunk. Returns how many."""
    settings, store, queues = _parts()
    return originating.originate(store, queues, settings, campaign_id, Way(pbx, trunk), count)


def record() -> int:
    """Records everything that waits in the results, and what follows it. Returns how many."""
    _, store, queues = _parts()
    return recording.record_while_they_come(queues, store, f"worker-{os.getpid()}", told_to_end)
