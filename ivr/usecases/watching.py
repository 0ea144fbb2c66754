"""Watching the AGI server: one that hangs would leave people in silence, and Asterisk would wait for it.

It is killed, so that the dialplan speaks in its place at once and the supervisor starts a new one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from ivr.usecases.patience import until_tick_s

log = logging.getLogger(__name__)

EVERY_S = 1.0
TIMEOUT_S = 2.0
PATIENCE = 3
"""Times in a row that it may be silent: a machine that is merely busy must not lose its calls."""


async def watch(answers: Callable[[float], bool | None], kill: Callable[[], None]) -> None:
    """Runs until cancelled; an AGI server that was silent PATIENCE times in a row is killed.

    answers: asks it, given a time-out in seconds; False means silence, None that nobody listens (it is being started).
    """
    silent = 0
    while True:
        silent = silent + 1 if await asyncio.to_thread(answers, TIMEOUT_S) is False else 0
        if silent >= PATIENCE:
            log.error("the AGI server hangs and is killed", extra={"action": "agi_killed"})
            kill()
            silent = 0
        await asyncio.sleep(until_tick_s(EVERY_S))


def kill_process(pid_file: Path, word: str) -> None:
    """The process of the pid file is killed, if it still is the one: `word` is in its command line."""
    try:
        pid = int(pid_file.read_text())
        if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError) as error:
        log.error("it could not be killed", extra={"action": "agi_kill_failed", "why": str(error)})
