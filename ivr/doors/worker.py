"""An RQ worker's process: one queue each."""

from __future__ import annotations

import os
import secrets
import time

from ivr.adapters.queues import Queues
from ivr.errors import NotReady
from ivr.settings import Settings


def run(settings: Settings, queue: str) -> None:
    """Works on `queue` until SIGTERM. Waits for Redis, however long it takes."""
    queues = Queues(settings.redis_url)
    while True:
        try:
            queues.ping()
        except NotReady:
            time.sleep(0.2)
        else:
            break
    queues.work(queue, f"{settings.pbx.name}-{queue}-{os.getpid()}-{secrets.token_hex(3)}")
