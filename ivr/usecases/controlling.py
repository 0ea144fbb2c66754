"""The controller of one PBX: asks for work, dials it, hears how it ended, and keeps the books honest."""

from __future__ import annotations

import asyncio
import logging
import time

from ivr.adapters.ami import AmiClient
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import AmiLoginRefused, NameTaken, Temporary
from ivr.settings import Settings
from ivr.usecases import following, keeping
from ivr.usecases.allotting import Allotter
from ivr.usecases.dialing import Dialer
from ivr.usecases.feeding import Feeder
from ivr.usecases.following import Follower
from ivr.usecases.keeping import Keeper
from ivr.usecases.patience import again, until_tick_s, warn
from ivr.usecases.reconciling import Reconciler, Witness
from ivr.usecases.releasing import Releaser
from ivr.usecases.telling import Teller

log = logging.getLogger(__name__)
APPLY_EVERY_S, APPLY_IDLE_EVERY_S = 0.1, 0.5


class Controller:
    """Everything that happens beside one Asterisk."""

    def __init__(self, settings: Settings, store: Store, queues: Queues, ami: AmiClient, witness: Witness) -> None:
        self._pbx = settings.pbx.name
        self._store, self._queues = store, queues
        self.dialer = Dialer(settings, store, ami)
        self._teller = Teller(queues)
        self.follower = Follower(store, ami, self.dialer, self._teller)
        self.reconciler = Reconciler(settings, store, ami, witness, self.follower)
        self.allotter = Allotter(settings, store, self.dialer)
        self._releaser = Releaser(ami, self.dialer)
        self._feeder = Feeder(self._pbx, store, queues, self.dialer, self.allotter)
        self.keeper = Keeper(settings, store, queues, self.dialer, self.allotter.watch)

    async def run(self) -> None:
        """Runs until cancelled. Raises AmiLoginRefused and NameTaken: no call can be made until an engineer looks."""
        await self.allotter.begin()
        try:
            await self._begin()
            await self._run()
        finally:
            await self.allotter.end()

    async def _run(self) -> None:
        follower = self.follower
        loops = [
            follower.hear(),
            again("look", follower.look, lambda: until_tick_s(following.LOOK_EVERY_S)),
            again("answers", follower.note_answers, lambda: until_tick_s(following.ANSWERS_EVERY_S)),
            again("feed", self._feeder.step, self._feeder.pause_s),
            again("keep", self.keeper.step, lambda: until_tick_s(keeping.KEEP_EVERY_S)),
            again("release", self._release, lambda: 0.0),
            again("apply", self._apply, self._apply_pause_s),
            self.allotter.run(),
            self._teller.run(),
            self.reconciler.run(),
            *self.dialer.runs(),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for loop in loops:
                    group.create_task(loop)
        except* AmiLoginRefused:
            raise AmiLoginRefused from None
        except* NameTaken as taken:
            raise taken.exceptions[0] from None

    async def _release(self) -> None:
        """After each look into the books."""
        await self._feeder.looked.wait()
        self._feeder.looked.clear()
        await self._releaser.step(self._feeder.pulse)

    async def _apply(self) -> None:
        self.allotter.apply()

    def _apply_pause_s(self) -> float:
        """Short while a change of what may be used would be felt: there are orders, or others share the limits."""
        orders = any(line.waiting or line.reserved for line in self.dialer.trunks.values())
        return until_tick_s(APPLY_EVERY_S if orders or not self.allotter.alone else APPLY_IDLE_EVERY_S)

    async def _begin(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._give_back)
            except Temporary as error:
                warn("start_waits", error)
                await asyncio.sleep(1.0)
            else:
                return

    def _give_back(self) -> None:
        """Claims of the process before us: their orders are lost to us or late, and nothing was sent for them."""
        self._queues.drop_orders(self._pbx)
        released = self._store.attempts.release_claimed(self._pbx, int(time.time() * 1000))
        log.info("claims given back", extra={"action": "claims_released", "count": released})
