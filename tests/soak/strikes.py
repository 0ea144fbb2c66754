"""Small strikes at random moments: each ends one thing, and none of them cuts a call."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from tests.matrix.installation import Installation
from tests.stack import wait_for

REST_S = (15.0, 35.0)
"""After each strike the installation is left alone for so long."""
LOCKED_S = 2.0
STILL_S = 3.0


def _lock(up: Installation) -> None:
    with up.database_locked(20.0):
        _wait(LOCKED_S)


def _still(up: Installation) -> None:
    pid = up.signal("redis", signal.SIGSTOP)
    _wait(STILL_S)
    up.resume(pid)


STRIKES: dict[str, Callable[[Installation], object]] = {
    "AGI server: kill -9": lambda up: up.kill("agi"),
    "controller: kill -9": lambda up: up.kill("controller"),
    "controller: SIGTERM": lambda up: up.signal("controller", signal.SIGTERM),
    "originate worker: kill -9": lambda up: up.kill("originate-0"),
    "record worker: kill -9": lambda up: up.kill("record-0"),
    "Redis: kill -9": lambda up: up.kill("redis"),
    f"Redis: still for {STILL_S:g} s": _still,
    "AMI: cut": lambda up: up.ami.cut_at_next_reply(),
    f"database: locked for {LOCKED_S:g} s": _lock,
}


def strike_until(up: Installation, over: Callable[[], bool], seed: int) -> list[str]:
    """One strike after the other until it is over; which they were. The same seed draws the same ones."""
    lot, struck = random.Random(seed), []
    while not over():
        _wait(lot.uniform(*REST_S), over)
        wait_for(lambda: over() or up.works(), "every part at work again", 60)
        if not over():
            name = lot.choice(list(STRIKES))
            struck.append(name)
            STRIKES[name](up)
    return struck


def _wait(seconds: float, over: Callable[[], bool] = lambda: False) -> None:
    until_s = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until_s or over(), f"the end of {seconds:g} s", seconds + 20)
