"""What is wrong with trunks and PBXs is said where people look: trunk list, doctor, campaign status."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from ivr.adapters.queues import Queues
from ivr.doors.cli import cli, progress
from ivr.rules.findings import Finding, Weight
from ivr.rules.records import Allotted, PbxBeat
from ivr.settings import Redis
from ivr.usecases import troubles
from ivr.usecases.campaigns import now_ms
from tests.integration.conftest import RedisServer
from tests.integration.house import house, quick
from tests.integration.rig import trunk
from tests.integration.scene import ON_SQLITE, Scene

MakeScene = Callable[..., Scene]
pytestmark = ON_SQLITE


@pytest.fixture
def lab(make_scene: MakeScene, shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Scene:
    quick(monkeypatch)
    monkeypatch.setattr(troubles, "LOOK_AGAIN_S", 0)
    return make_scene(trunks={"lab": trunk()}, redis=Redis(url=shared_redis.url))


def ivr(scene: Scene, *arguments: str) -> str:
    file = scene.settings.home / "portevoix.toml"
    file.write_text(
        f"[database]\nurl = '{scene.settings.database.url}'\n[redis]\nurl = '{scene.settings.redis_url}'\n"
        "[trunks.lab]\nhost = '127.0.0.1:5999'\nrate_cps = 200\n"
    )
    ran = CliRunner().invoke(cli, ["--config", str(file), *arguments], env={"COLUMNS": "300"})
    assert ran.exit_code == 0, ran.output
    return " ".join(ran.output.split())


def examined(scene: Scene) -> list[Finding]:
    return list(troubles.examine(scene.store, scene.settings, True))


def beats(scene: Scene, name: str, beat: int, ago_ms: int, ready: bool = True) -> None:
    """A PBX has beaten."""
    before = next((one.beat for one in scene.store.pbxs.all() if one.name == name), None)
    row = PbxBeat(name, beat, now_ms() - ago_ms, ready, 30, 0)
    part = Allotted("trunk:lab", name, True, 5.0, 3, 0, 7, now_ms(), "closed")
    scene.store.pbxs.beat(row, before, ["trunk:lab"], lambda *_: ([part], []))


def test_a_parked_trunk_is_told_everywhere_with_until_when_and_why(lab: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(lab, queues) as one:

            def refuse(attempt: str) -> None:
                one.pbx.responds(attempt, False, 0)
                one.pbx.hangs_up(attempt, 21, "503")

            one.pbx.fate = refuse
            campaign = lab.campaign(300)
            await one.until(lambda: troubles.of_trunks(queues, ["pbx1"]) and queues.hold(campaign.id), 20)
            found = await asyncio.to_thread(examined, lab)
            [finding] = [
                one for one in found if one.name == "trunks"
            ]  # the PBX says with its next beat that it is ready
            assert finding.weight is Weight.WRONG
            [trouble] = troubles.of_trunks(queues, ["pbx1"])
            assert str(trouble).startswith("parked until ")
            assert "failed at the carrier, mostly with 503" in str(trouble)
            assert str(trouble) in finding.says
            assert "ivr trunk set lab --channels 0" in finding.do
            assert str(trouble) in await asyncio.to_thread(ivr, lab, "trunk", "list")
            meter = progress.Meter(lab.store, lab.settings, lab.store.campaigns.named(campaign.name))
            assert f"waits: trunk lab {trouble}" in meter.line().plain
            await one.until(lambda: "(lab)" in meter.line().plain)  # the worst second comes with the next beat
            meter.close()

    asyncio.run(go())


def test_a_hold_of_another_kind_is_no_parking(lab: Scene, queues: Queues) -> None:
    assert troubles.parked(queues, ["pbx1"], "hours") == ""
    assert troubles.parked(queues, ["pbx1"], "trunk-lab-parked") == "trunk lab parked", "its controller is silent"


def test_a_silent_pbx_is_found_and_one_that_ended_or_beats_is_not(lab: Scene, queues: Queues) -> None:
    beats(lab, "pbx2", 5, ago_ms=60_000)
    beats(lab, "pbx3", 5, ago_ms=0)
    beats(lab, "pbx4", 5, ago_ms=60_000)
    lab.store.pbxs.leave("pbx4")
    beats(lab, "pbx5", 5, ago_ms=2 * troubles.FORGOTTEN_MS)
    beats(lab, "pbx6", 5, ago_ms=0, ready=False)
    says = [finding.says for finding in examined(lab) if finding.weight is Weight.WRONG]
    assert len(says) == 2
    assert says[0].startswith("pbx2 is silent since")
    assert says[1].startswith("pbx6 lives, and is not ready")
    shown = ivr(lab, "pbx", "list")
    assert all(
        text in shown for text in ("pbx2 silent", "pbx3 ready", "pbx4 ended", "pbx6 not ready", "pbx1 never ran")
    )


def test_one_whose_clock_is_slow_is_not_silent(lab: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    beats(lab, "pbx2", 5, ago_ms=60_000)
    monkeypatch.setattr(time, "sleep", lambda _s: beats(lab, "pbx2", 6, ago_ms=60_000))
    assert [finding.says for finding in examined(lab)] == ["none is slowed or parked"]


def test_the_worst_second_of_all_pbxs_is_shown_beside_the_limit(lab: Scene, queues: Queues) -> None:
    beats(lab, "pbx2", 5, ago_ms=0)
    campaign = lab.campaign(3)
    assert "worst second 7 of 200 (lab)" in ivr(lab, "campaign", "status", campaign.name)
