"""Steps that are taken again and again, whatever happens in one of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ivr.errors import IvrError

log = logging.getLogger(__name__)

AFTER_TROUBLE_S = 1.0


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
    """What Portevoix can explain in its own words, anything else by its kind: its text may hold a number."""
    expected = isinstance(error, IvrError)
    why = str(error) if expected else type(error).__name__
    log.log(logging.WARNING if expected else logging.ERROR, "waiting", extra={"action": action, "why": why})
