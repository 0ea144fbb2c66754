"""The journal: nothing is decided, approved, started, stopped or changed that it does not have, in one transaction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from ivr.adapters.store import limits as limits_table
from ivr.doors.cli import cli
from ivr.errors import BadTransition, Refused
from ivr.rules.records import Override, Review
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns, drafting, finishing, halting, limits
from ivr.usecases.campaigns import now_ms
from ivr.usecases.drafting import Change
from ivr.usecases.who import login_name
from tests.integration.scene import Scene


def kinds(scene: Scene, *subjects: str) -> list[str]:
    return [entry["kind"] for entry in scene.store.journal.entries(*subjects)]


def test_a_campaign_from_its_draft_to_its_end(scene: Scene) -> None:
    campaign = scene.campaign(1, start=False)
    scene.store.campaigns.move(campaign, CampaignState.RUNNING, 2, login_name())
    drafting.change(scene.store, campaign.name, Change(rate_cps=2))
    campaigns.pause(scene.store, campaign.name)
    scene.store.campaigns.move(campaign, CampaignState.RUNNING, 3, login_name())
    campaigns.stop(scene.store, campaign.name)
    entries = scene.store.journal.entries(f"campaign:{campaign.name}")
    assert [entry["kind"] for entry in entries] == [
        "campaign-made", "campaign-running", "campaign-changed", "campaign-paused", "campaign-running",
        "campaign-stopped",
    ]  # fmt: skip
    assert {entry["by"] for entry in entries[1:]} == {login_name()}
    assert entries[0]["said"]["sounds"]["message"] == campaign.message.sound
    assert entries[2]["said"] == {"rate_cps": 2.0}
    assert scene.store.journal.verify()[1] is None


def test_what_did_not_happen_is_not_there(scene: Scene) -> None:
    campaign = scene.campaign(1)
    scene.store.campaigns.move(campaign, CampaignState.STOPPED, 3)
    before = kinds(scene)
    with pytest.raises(BadTransition):
        scene.store.campaigns.move(campaign, CampaignState.RUNNING, 4)
    with pytest.raises(BadTransition):
        scene.store.campaigns.change(campaign.id, rate_cps=9.0)
    assert halting.unhalt(scene.store) is None
    assert kinds(scene) == before


def test_what_nobody_asked_for_is_ours(scene: Scene) -> None:
    campaign = scene.campaign(0)
    finishing.finish_done(scene.store, now_ms())
    assert scene.store.journal.entries(f"campaign:{campaign.name}")[-1]["by"] == "portevoix"


def test_approvals_and_a_refusal(scene: Scene) -> None:
    [message] = scene.store.messages.of_campaign(scene.campaign(1).id)
    for by in ("anne", "anne", "luc"):
        scene.store.messages.approve(message, Review(by, 5))
    for by in ("luc", "anne"):
        scene.store.messages.refuse(message, Review(by, 6, "the wrong file"))
    with pytest.raises(Refused):
        scene.store.messages.approve(message, Review("eve", 7))
    entries = scene.store.journal.entries(f"message:{message.name}")
    assert [(entry["kind"], entry["by"]) for entry in entries] == [
        ("message-approved", "anne"), ("message-approved", "luc"), ("message-refused", "luc"),
    ]  # fmt: skip
    assert entries[0]["said"]["sound"] == message.sound


def test_halts_and_limits(scene: Scene) -> None:
    halting.halt(scene.store, "a complaint")
    halting.halt(scene.store, "another")
    halting.unhalt(scene.store)
    limits.set_trunk(scene.store, scene.settings, "lab", 5, None)
    limits.as_settings(scene.store, "trunk:lab")
    assert kinds(scene) == ["halted", "unhalted", "limit-changed", "limit-changed"]
    assert scene.store.journal.entries("installation")[0]["said"] == {"reason": "a complaint"}
    told = [entry["said"] for entry in scene.store.journal.entries("trunk:lab")]
    assert told == [{"rate_cps": 5.0, "channels": None}, {"rate_cps": None, "channels": None}]


def test_an_entry_that_cannot_be_written_undoes_what_it_tells_of(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(limits_table, "note", fails)
    with pytest.raises(OSError):  # noqa: PT011
        scene.store.limits.set(Override("trunk:lab", 5.0, None, 1, "anne"))
    assert scene.store.limits.all() == {}
    assert kinds(scene) == []


def test_refusals_are_sealed_in_bulk_and_a_changed_one_is_found(scene: Scene) -> None:
    store = scene.store
    campaign = scene.campaign(5)
    for row in scene.rows("SELECT number FROM contacts"):
        store.suppressions.add(row[0], "platform", "web", 5)
    assert scene.claim(campaign, 5) == []
    assert store.refusals.seal("anne", 7) == 5
    assert store.refusals.seal("anne", 8) == 0
    [entry] = [entry for entry in store.journal.entries() if entry["kind"] == "refusals-sealed"]
    [(rule, count)] = entry["said"]["rules"].items()
    assert (rule.split()[0], count, entry["said"]["rows"]) == ("suppressed", 5, 5)
    last = scene.campaign(1)
    assert store.attempts.close_due(last.id, finishing.EXPIRED, 9, 10) == 1
    campaigns.stop(store, last.name)  # which seals
    assert store.refusals.seal("anne", 8) == 0
    assert store.refusals.broken() == ""
    for change in ("UPDATE refusals SET rule = 'calling-hours'", "DELETE FROM refusals"):
        with store.database.write() as connection:
            connection.execute(text(f"{change} WHERE id = 4"))
        assert "rows 1 to 5" in store.refusals.broken()


def test_the_commands(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "portevoix.toml").write_text(f"[database]\nurl = '{scene.settings.database.url}'\n", encoding="utf-8")
    config = ["--config", str(tmp_path / "portevoix.toml")]
    halting.halt(scene.store, "a [bold]complaint")
    shown = CliRunner().invoke(cli, [*config, "journal"])
    assert "[bold]" in shown.output
    told = json.loads(CliRunner().invoke(cli, [*config, "journal", "--about", "installation", "--json"]).output)
    assert [entry["kind"] for entry in told] == ["halted"]
    verified = CliRunner().invoke(cli, [*config, "consent", "verify"])
    assert (verified.exit_code, "as they were sealed" in verified.output) == (0, True)
