"""The process that Prometheus scrapes: one for an installation, whatever the number of workers and PBXs."""

from __future__ import annotations

import contextlib
import signal
import threading

from ivr.adapters.metrics import Exporter
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.settings import Settings
from ivr.usecases import metering


def run(settings: Settings) -> None:
    """Serves `/metrics` until SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with contextlib.closing(Store(settings)) as store, contextlib.closing(Queues(settings.redis_url)) as queues:
        gather = lambda: metering.families(store, queues, settings)  # noqa: E731
        with contextlib.closing(Exporter(settings.metrics.bind, settings.metrics.port, gather)):
            ended.wait()
