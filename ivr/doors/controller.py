"""The controller's process: the only speaker of AMI and the only clock of its PBX."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal

from ivr.adapters import agi
from ivr.adapters.ami import AmiClient
from ivr.adapters.pbx import cdr, stops
from ivr.adapters.pbx.secret import ami_secret
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import AmiDown
from ivr.settings import Settings
from ivr.usecases import watching
from ivr.usecases.controlling import Controller

log = logging.getLogger(__name__)


class PbxFiles:
    """The files in which Asterisk writes down calls and stops."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def calls(self) -> dict[str, cdr.CdrRecord]:
        """The call detail records by attempt."""
        return cdr.read(self._settings)

    def stops(self) -> dict[str, int]:
        """Attempts in which the dialplan took a 9, with the instant in Unix milliseconds."""
        return {attempt: at_s * 1000 for attempt, at_s in stops.read(self._settings).items()}


def run(settings: Settings) -> None:
    """Controls the PBX of these settings until SIGTERM. Calls on the line go on without it."""
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    store, queues = Store(settings), Queues(settings.redis_url)
    ami = AmiClient("127.0.0.1", settings.pbx.ami_port, "ivr", ami_secret(settings))
    task = asyncio.create_task(_control(settings, store, queues, ami))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await ami.close()
    queues.close()
    store.close()


async def _control(settings: Settings, store: Store, queues: Queues, ami: AmiClient) -> None:
    while True:
        try:
            await ami.open()
        except AmiDown as error:
            log.warning("Asterisk is not there yet", extra={"action": "ami_waits", "why": str(error)})
            await asyncio.sleep(0.5)
        else:
            break
    async with asyncio.TaskGroup() as group:
        group.create_task(Controller(settings, store, queues, ami, PbxFiles(settings)).run())
        group.create_task(_watch_agi_server(settings))


async def _watch_agi_server(settings: Settings) -> None:
    ask = functools.partial(agi.answers, settings.pbx.agi_port)
    await watching.watch(ask, functools.partial(watching.kill_process, settings.agi_pid_file, "agi"))
