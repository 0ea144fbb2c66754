"""Steps that are taken again and again, whatever happens in one of them."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from ivr.errors import IvrError

log = logging.getLogger(__name__)

AFTER_TROUBLE_S = 1.0


def until_tick_s(every_s: float) -> float:
    """Seconds until the next moment at which whatever is done every so often is done.

    All that keeps such moments wakes the process together, and not each by itself.
    """
    return every_s - time.monotonic() % every_s


async def again(name: str, step: Callable[[], Awaitable[None]], every_s: Callable[[], float]) -> None:
    """Runs until cancelled; what is wrong (Redis away, database locked, one bad row) is waited out."""
    while True:
        try:
            await step()
        except Exception as error:
            warn(f"{name}_waits", error)
            await asyncio.sleep(AFTER_TROUBLE_S)
        await asyncio.sleep(every_s())


def warn(action: str, error: Exception) -> None:
    """What Portevoix can explain in its own words, anything else by kind and place: its text may hold a number."""
    expected = isinstance(error, IvrError)
    why = str(error) if expected else f"{type(error).__name__} at {_place(error)}"
    log.log(logging.WARNING if expected else logging.ERROR, "waiting", extra={"action": action, "why": why})


def _place(error: Exception) -> str:
    """The last three places in the code on the way to where it was raised."""
    steps = [Path(step.filename).name + f":{step.lineno}" for step in traceback.extract_tb(error.__traceback__)]
    return " > ".join(steps[-3:])
