"""A carrier that fails for its own reasons: it is parked, others take over, and it is gently tried again."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.adapters.queues import Queues
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns
from tests.asterisk.odd_carrier import OddCall, OddCarrier
from tests.stack import Stack, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

RING_S = 12
"""Longer than a silent call is waited for before the breaker is told: 8 s."""
TRUNK = """
[trunks.{name}]
host = "127.0.0.1:{port}"
rate_cps = 10
channels = 100
ramp_s = 0
caller_id = "+33199000000"
"""


def overloaded(call: OddCall) -> None:
    call.reply("100 Trying")
    call.reply("503 Service Unavailable")


def busy(call: OddCall) -> None:
    call.reply("100 Trying")
    call.reply("486 Busy Here")


class Town:
    """Two carriers and a black hole, and people who are all busy."""

    def __init__(self, stack: Stack, ill: OddCarrier, well: OddCarrier) -> None:
        self.stack, self.ill, self.well = stack, ill, well
        self._made = 0

    def start(self, name: str, people: int, trunks: list[str]) -> Campaign:
        first, self._made = self._made, self._made + people
        numbers = [f"+3319901{index:04d}" for index in range(first, self._made)]
        for carrier in (self.ill, self.well):
            carrier.habits |= dict.fromkeys(numbers, busy)
        file = self.stack.settings.var_dir / f"{name}.csv"
        file.write_text("\n".join(["number", *numbers]), encoding="utf-8")
        campaign = self.stack.draft(name, file, trunks=trunks, rate_cps=10.0)
        return campaigns.start(self.stack.store, self.stack.settings, campaign.name)

    def finished(self, campaign: Campaign, limit_s: float) -> dict[str, int]:
        wait_for(lambda: self.stack.state(campaign) is CampaignState.FINISHED, f"the end of {campaign.name}", limit_s)
        return self.stack.store.campaigns.books(campaign.id).outcomes

    def breaker(self, trunk: str) -> str:
        parts = self.stack.store.pbxs.parts()
        return next(part.breaker for part in parts if part.scope == f"trunk:{trunk}")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    os.environ["IVR_CALLS__RING_TIMEOUT_S"] = str(RING_S)
    try:
        yield from _town(tmp_path_factory.mktemp("trouble"))
    finally:
        del os.environ["IVR_CALLS__RING_TIMEOUT_S"]


def _town(folder: Path) -> Iterator[Town]:
    ill, well = OddCarrier({}), OddCarrier({})
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as hole:
        hole.bind(("127.0.0.1", 0))
        ports = {"ill": ill.port, "well": well.port, "hole": hole.getsockname()[1]}
        trunks = "".join(TRUNK.format(name=name, port=port) for name, port in ports.items())
        with running_stack(folder, trunks) as stack:
            yield Town(stack, ill, well)
    ill.close()
    well.close()


def test_the_other_trunk_takes_over_and_the_ill_one_is_tried_again(town: Town) -> None:
    healthy = town.start("warm", 1, ["well"])
    town.finished(healthy, 20)
    ill_people = {f"+3319901{index:04d}": overloaded for index in range(1, 61)}
    campaign = town.start("two", 60, ["ill", "well"])
    town.ill.habits |= ill_people
    outcomes = town.finished(campaign, 60)
    assert town.breaker("ill") in {"parked", "probing"}
    assert outcomes["congestion"] <= 20, "it was parked after ten or a few more"
    assert outcomes == {"congestion": 60 - outcomes["busy"], "busy": outcomes["busy"]}
    blames = {blame for (blame,) in _rows(town, "SELECT DISTINCT blame FROM attempts WHERE outcome = 'congestion'")}
    assert blames == {"carrier"}

    town.ill.habits = {number: busy for number in town.ill.habits}
    again = town.start("one", 20, ["ill"])
    queues = Queues(town.stack.settings.redis_url)
    with contextlib.closing(queues):
        if town.breaker("ill") == "parked":
            wait_for(lambda: (queues.hold(again.id) or ("", ""))[0] == "trunk-ill-parked", "what it waits for", 10)
    assert town.finished(again, 60) == {"busy": 20}
    assert town.breaker("ill") == "closed"


def test_a_carrier_that_says_nothing_is_not_taken_for_people_who_do_not_answer(town: Town) -> None:
    campaign = town.start("hole", 30, ["hole"])
    assert town.finished(campaign, 60) == {"failed": 30}
    blames = {blame for (blame,) in _rows(town, "SELECT DISTINCT blame FROM attempts WHERE trunk = 'hole'")}
    assert blames == {"carrier"}


def _rows(town: Town, sql: str) -> list[tuple[str, ...]]:
    with town.stack.store.database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]
