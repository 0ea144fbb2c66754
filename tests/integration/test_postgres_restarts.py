"""PostgreSQL goes away in the middle of a campaign and comes back: nobody is called twice, nobody is forgotten."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from ivr.adapters.queues import Queues
from ivr.rules.states import CampaignState
from tests.integration.house import house, quick
from tests.integration.rig import rig, trunk
from tests.integration.scene import ON_POSTGRES, Scene
from tests.postgres import PostgresServer
from tests.unit.fakes.ami import until

pytestmark = ON_POSTGRES

MakeScene = Callable[..., Scene]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_campaign_goes_on_by_itself_after_a_restart(
    make_scene: MakeScene,
    postgres: PostgresServer,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    how: signal.Signals,
) -> None:
    quick(monkeypatch)
    scene = make_scene(trunks={"lab": trunk(rate_cps=40)})

    async def go() -> None:
        async with house(scene, queues) as one:
            one.pbx.fate = one.pbx.busy
            campaign = scene.campaign(80, rate_cps=40)
            for called in (10, 40):
                await one.until(lambda called=called: len(one.pbx.sent) >= called)  # type: ignore[misc]
                await asyncio.to_thread(postgres.stop, how)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(postgres.start)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED, 30.0)
            assert len(one.pbx.sent) == len(set(one.pbx.sent))
            assert one.outcomes(campaign) == {"busy": 80}
            numbers = [action["channel"] for action in one.pbx.fake.named("Originate")]
            assert len(numbers) == len(set(numbers)) == 80

    asyncio.run(go())


def test_calls_whose_commit_was_not_heard_of_are_called_once(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server committed, and was lost before it could say so: they are `dialing` in the books and were not sent."""
    scene = make_scene(trunks={"lab": trunk()})
    dialect = scene.store.database.engine.dialect
    commit, lost = dialect.do_commit, list[int]()

    def commit_and_lose(connection: Any) -> None:
        commit(connection)
        if not lost and "dialing" in scene.states().values():
            lost.append(1)
            connection.dbapi_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    async def go() -> None:
        async with rig(scene) as one:
            campaign = scene.campaign(3)
            monkeypatch.setattr(dialect, "do_commit", commit_and_lose)
            attempts = one.order(campaign, 3)
            await until(lambda: lost != [] and set(scene.states().values()) == {"released"})
            assert one.sent == []
            again = one.order(campaign, 3)
            await until(lambda: sorted(one.sent) == sorted(again))
            assert not set(again) & set(attempts)

    asyncio.run(go())
