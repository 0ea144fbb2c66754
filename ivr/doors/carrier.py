"""The process `carrier`: the simulated carrier and electorate of the lab."""

from __future__ import annotations

import logging
import signal

from ivr.settings import Settings
from ivr.usecases import lab

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serves the planned electorate until SIGTERM or SIGINT; the truth is then complete. SIGUSR1 writes it at once."""
    asked = {"stop": False, "write": False}

    def stop(*_: object) -> None:
        asked["stop"] = True

    def write(*_: object) -> None:
        asked["write"] = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGUSR1, write)

    def write_now() -> bool:
        wanted, asked["write"] = asked["write"], False
        return wanted

    log.info("carrier waits for an electorate", extra={"action": "carrier_start"})
    lab.run_carrier(settings, lambda: asked["stop"], write_now)
    log.info("carrier ends, the truth is written", extra={"action": "carrier_stop"})
