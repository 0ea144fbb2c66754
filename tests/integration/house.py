"""A controller that runs between a fake manager and real books, with workers that do their job at the first bell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from ivr.adapters.ami import AmiClient
from ivr.adapters.pbx.cdr import CdrRecord
from ivr.adapters.queues import Queues
from ivr.rules.records import Campaign, Way
from ivr.rules.states import CampaignState
from ivr.usecases import allotting, feeding, following, keeping, reconciling
from ivr.usecases.controlling import Controller
from ivr.usecases.originating import originate
from ivr.usecases.recording import record_waiting
from tests.integration.rig import long_since
from tests.integration.scene import Scene
from tests.unit.fakes.ami import Action, FakeAmi, reply, say, until


class Witness:
    def __init__(self) -> None:
        self.cdr: dict[str, CdrRecord] = {}
        self.nines: dict[str, int] = {}

    def calls(self) -> dict[str, CdrRecord]:
        return self.cdr

    def stops(self) -> dict[str, int]:
        return self.nines


class Pbx:
    """An Asterisk on the fake manager: `live` are its channels; `fate` says what becomes of a call."""

    def __init__(self, fake: FakeAmi) -> None:
        self.fake = fake
        self.live: set[str] = set()
        self.fate: Callable[[str], None] = lambda _attempt: None
        fake.answers |= {"Originate": self._originate, "CoreShowChannels": self._channels}

    def _originate(self, _fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reply(writer, action)
        self.live.add(action["actionid"])
        self.fate(action["actionid"])

    def _channels(self, _fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        ident = f"ActionID: {action['actionid']}"
        say(writer, "Response: Success", ident, "EventList: start", "Message: Channels will follow")
        for channel in self.live:
            say(writer, "Event: CoreShowChannel", ident, f"Uniqueid: {channel}")
        say(writer, "Event: CoreShowChannelsComplete", ident, "EventList: Complete", f"ListItems: {len(self.live)}")

    def responds(self, attempt: str, answered: bool, reason: int) -> None:
        result = "Success" if answered else "Failure"
        self.fake.say("Event: OriginateResponse", f"ActionID: {attempt}", f"Response: {result}", f"Reason: {reason}")

    def hears(self, attempt: str, key: str, direction: str = "Received") -> None:
        self.fake.say("Event: DTMFEnd", f"Uniqueid: {attempt}", f"Digit: {key}", f"Direction: {direction}")

    def hangs_up(self, attempt: str, cause: int, tech_cause: str = "") -> None:
        self.live.discard(attempt)
        self.fake.say("Event: Hangup", f"Uniqueid: {attempt}", f"Cause: {cause}", f"TechCause: {tech_cause}")

    def busy(self, attempt: str) -> None:
        self.responds(attempt, False, 0)
        self.hangs_up(attempt, 17, "486")

    def answers(self, attempt: str) -> None:
        self.responds(attempt, True, 4)

    def tells(self, event: str, attempt: str, *more: str) -> None:
        self.fake.say("Event: UserEvent", f"UserEvent: {event}", f"Attempt: {attempt}", *more)

    @property
    def sent(self) -> list[str]:
        return [action["actionid"] for action in self.fake.named("Originate")]


class Bells(Queues):
    """The same Redis; whoever rings does the job at once."""

    def __init__(self, scene: Scene, queues: Queues) -> None:
        self._redis, self._raw, self._scene, self._real = queues._redis, queues._raw, scene, queues

    def ask_originate(self, campaign_id: int, way: Way, count: int, hold_s: float = 2.0) -> bool:
        return originate(self._scene.store, self._real, self._scene.settings, campaign_id, way, count) > 0

    def ring_record(self) -> None:
        record_waiting(self._real, self._scene.store, "w")


class House:
    def __init__(self, scene: Scene, queues: Queues, pbx: Pbx, controller: Controller) -> None:
        self.scene, self.queues, self.pbx, self.controller = scene, queues, pbx, controller
        self.witness: Witness = controller.reconciler._witness  # type: ignore[assignment]

    def outcomes(self, campaign: Campaign) -> dict[str, int]:
        return self.scene.store.campaigns.books(campaign.id).outcomes

    def state(self, campaign: Campaign) -> CampaignState:
        return self.scene.store.campaigns.named(campaign.name).state

    async def until(self, true: Callable[[], object], limit_s: float = 20.0) -> None:
        """`true` holds while the controller lives."""

        def holds() -> bool:
            assert not self.task.done(), self.task.exception()
            return bool(true())

        await until(holds, limit_s)

    task: asyncio.Task[None]


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "FEED_EVERY_S", 0.02)
    monkeypatch.setattr(feeding, "CAMPAIGNS_EVERY_S", 0.02)
    monkeypatch.setattr(feeding, "DRY_EVERY_S", 0.02)
    monkeypatch.setattr(allotting, "SOON_S", 0.0)
    monkeypatch.setattr(following, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(following, "ANSWERS_EVERY_S", 0.05)
    monkeypatch.setattr(keeping, "KEEP_EVERY_S", 0.05)
    monkeypatch.setattr(reconciling, "RECONCILE_EVERY_S", 0.15)
    monkeypatch.setattr(reconciling, "SURE_S", 0.1)
    monkeypatch.setattr(reconciling, "SETTLING_MS", 200)


@asynccontextmanager
async def house(
    scene: Scene, queues: Queues, before: Callable[[Pbx, Witness], None] | None = None
) -> AsyncIterator[House]:
    """A controller that runs, with workers that do their job at the first bell."""
    bells = Bells(scene, queues)
    async with FakeAmi() as fake:
        pbx, witness = Pbx(fake), Witness()
        if before:
            before(pbx, witness)
        ami = AmiClient("127.0.0.1", fake.port, "ivr", "right", action_timeout_s=0.5)
        await ami.open()
        controller = Controller(scene.settings, scene.store, bells, ami, witness)
        long_since(controller.dialer)
        made = House(scene, queues, pbx, controller)
        made.task = asyncio.create_task(controller.run())
        try:
            yield made
        finally:
            made.task.cancel()
            await asyncio.wait({made.task})
            await ami.close()
