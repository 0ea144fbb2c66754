"""The live page: as many may watch as want to, each campaign is read once a second for all of them."""

from __future__ import annotations

import asyncio

import pytest

from ivr.doors.web import live
from ivr.errors import NotReady
from ivr.usecases.gauging import Gauge, Reading
from tests.integration.scene import ON_SQLITE, listen
from tests.integration.web.world import JEANNE, Web

pytestmark = [ON_SQLITE, pytest.mark.timeout(180)]
VIEWERS = 60


def test_many_who_watch_cost_one_reading(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, work = web.scene, {"read": 0, "rendered": 0}
    campaign = scene.campaign(3, sponsor=JEANNE)
    read = Gauge.read

    def counted(gauge: Gauge) -> Reading:
        work["read"] += 1
        return read(gauge)

    def render(reading: Reading) -> str:
        work["rendered"] += 1
        return f"{reading.campaign.name}\n{reading.books.due}"

    monkeypatch.setattr(Gauge, "read", counted)
    monkeypatch.setattr(live, "EVERY_S", 0.05)

    async def all_of_them() -> list[list[str]]:
        hub = live.Live(scene.store, scene.settings, held_s=0)

        async def watch(language: str) -> list[str]:
            return [event async for event in hub.follow(campaign.id, language, render)]

        came = await asyncio.gather(*(watch("fr" if one % 2 else "en") for one in range(VIEWERS)))
        async with asyncio.timeout(60):
            await asyncio.gather(*hub._tasks)  # nobody watches: nothing is read any more
        assert hub._watched == {}
        return came

    came = asyncio.run(all_of_them())
    assert came == [[f"data: {campaign.name}\ndata: 3\n\n"]] * VIEWERS
    assert work == {"read": 1, "rendered": 2}


def test_one_too_many_is_told_to_come_back(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = live.Live(web.scene.store, web.scene.settings)
    hub.check_room()
    monkeypatch.setattr(live, "MOST_VIEWERS", 0)
    with pytest.raises(NotReady, match="too many"):
        hub.check_room()


def test_the_figures_come_as_a_piece_of_page_and_of_few_calls_no_rate_is_told(web: Web) -> None:
    scene = web.scene
    few, many = scene.campaign(19, sponsor=JEANNE), scene.campaign(20, sponsor=JEANNE)
    for campaign in (few, many):
        scene.store.listens.record([listen(attempt, 2000) for attempt in scene.dialing(campaign, 20)[:20]], [])
    jeanne = web.signed_in("jeanne")
    for campaign, shown in ((few, False), (many, True)):
        page = f"/campaigns/{campaign.id}"
        assert f'data-live="{page}/live"' in jeanne.get(page).text
        answer = jeanne.get(f"{page}/live")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert all(line.startswith("data: ") for line in answer.text.splitlines() if line)
        assert ("50.0%" in answer.text) is shown
        assert f"/ {20 if shown else 19}<" in answer.text
