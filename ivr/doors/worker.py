"""An RQ worker's process: one queue each."""

from __future__ import annotations

import importlib
import os
import secrets
import time

from ivr.adapters.queues import Queues
from ivr.errors import NotReady
from ivr.settings import Settings

JOBS = "ivr.doors.jobs"
"""Theirs are RQ's own imports otherwise: half a second of work in the first job of each worker."""


def run(settings: Settings, queue: str) -> None:
    """Works on `queue` until SIGTERM. Waits for Redis, however long it takes.

    What the jobs need is imported before the worker says that it lives, not while the first call waits for its order.
    """
    importlib.import_module(JOBS)
    answering(settings).work(queue, name_of(settings, queue))


def answering(settings: Settings) -> Queues:
    """Redis, which answers; waits for it however long it takes."""
    queues = Queues(settings.redis_url)
    while True:
        try:
            queues.ping()
        except NotReady:
            time.sleep(0.2)
        else:
            return queues


def name_of(settings: Settings, queue: str) -> str:
    """A name that no other worker has or had."""
    return f"{settings.pbx.name}-{queue}-{os.getpid()}-{secrets.token_hex(3)}"
