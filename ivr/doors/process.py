"""`python -m ivr.doors.process NAME [QUEUE]`: one process of the installation, in the foreground.

The supervisor, a container or systemd calls this, with the settings' file in $IVR_CONFIG. Each process imports only
what it needs itself: all of them start at once, on a machine that may be carrying calls.
"""

from __future__ import annotations

import importlib
import sys

import ivr.settings
from ivr.doors import logs
from ivr.errors import IvrError
from ivr.settings import Settings

MODULES = {
    "agi": "agi_server",
    "controller": "controller",
    "carrier": "carrier",
    "worker": "worker",
    "media": "media_worker",
    "asterisk": "asterisk",
    "redis": "redis_server",
    "metrics": "metrics",
}


def run(settings: Settings, name: str, *more: str) -> None:
    """That process, until SIGTERM. more: the queue of a worker."""
    logs.for_process(settings.log_level)
    importlib.import_module(f"ivr.doors.{MODULES[name]}").run(settings, *more)


if __name__ == "__main__":
    try:
        run(ivr.settings.load(), *sys.argv[1:])
    except IvrError as error:
        sys.exit(f"ivr: {error}")
