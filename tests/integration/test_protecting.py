"""A campaign that too many people ask to stop is paused by itself, once for what somebody has looked at."""

from __future__ import annotations

from dataclasses import replace

from ivr.adapters.store.journal import ITSELF
from ivr.doors.cli import progress
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.settings import Calls
from ivr.usecases import campaigns, protecting
from tests.integration.scene import Scene, listen

PEOPLE = 90


def called(scene: Scene, campaign: Campaign, stopped: int, people: int = 30) -> None:
    """So many people answered; the first of them pressed 9."""
    attempts = scene.dialing(campaign, people)
    scene.store.attempts.answer_many(dict.fromkeys(attempts, 1_000))
    ends = [{"attempt": attempt, "outcome": "answered", "at_ms": 9_000} for attempt in attempts]
    heard = [replace(listen(one, 2_000), stop_at_ms=1_500 if n < stopped else None) for n, one in enumerate(attempts)]
    scene.store.listens.record(heard, ends)


def state(scene: Scene, campaign: Campaign) -> CampaignState:
    """As it is after what the controller does once in a while."""
    protecting.pause_unwanted(scene.store, scene.settings, scene.store.campaigns.running())
    return scene.store.campaigns.named(campaign.name).state


def test_it_is_paused_and_everybody_can_read_why(scene: Scene) -> None:
    unwanted, wanted = scene.campaign(PEOPLE), scene.campaign(PEOPLE)
    called(scene, unwanted, stopped=8)
    called(scene, wanted, stopped=2)
    claimed = scene.claim(unwanted, 1)
    assert state(scene, unwanted) is CampaignState.PAUSED
    assert state(scene, wanted) is CampaignState.RUNNING
    assert scene.store.campaigns.books(unwanted.id).in_progress == 0, f"{claimed} was given back"
    entry = scene.store.journal.entries(f"campaign:{unwanted.name}")[-1]
    assert (entry["kind"], entry["by"], entry["said"]["stopped"]) == ("campaign-paused", ITSELF, 8)
    paused = scene.store.campaigns.named(unwanted.name)
    told = progress.line(scene.store, scene.settings, paused).plain
    assert "PAUSED BY ITSELF: 8 of 30 people asked to stop, above 50 per 1,000" in told
    assert "BY ITSELF" not in progress.line(scene.store, scene.settings, wanted).plain


def test_what_somebody_has_looked_at_pauses_nothing_again(scene: Scene) -> None:
    campaign = scene.campaign(PEOPLE)
    called(scene, campaign, stopped=8)
    assert state(scene, campaign) is CampaignState.PAUSED
    scene.store.campaigns.move(campaign, CampaignState.RUNNING, 3, "anna")
    assert state(scene, campaign) is CampaignState.RUNNING, "nothing is new"
    called(scene, campaign, stopped=1)
    assert state(scene, campaign) is CampaignState.RUNNING, "9 of 60 are above the line, 1 of the 30 since are not"
    called(scene, campaign, stopped=9)
    assert state(scene, campaign) is CampaignState.PAUSED
    why = protecting.why_paused(scene.store, scene.store.campaigns.named(campaign.name))
    assert why == protecting.Pause(10, 60, 50.0, 18, 90)


def test_a_pause_that_somebody_asked_for_is_not_told_as_its_own(scene: Scene) -> None:
    campaign = scene.campaign(PEOPLE)
    called(scene, campaign, stopped=8)
    campaigns.pause(scene.store, campaign.name)
    assert state(scene, campaign) is CampaignState.PAUSED
    assert protecting.why_paused(scene.store, scene.store.campaigns.named(campaign.name)) is None


def test_it_can_be_left_to_people(scene: Scene) -> None:
    campaign = scene.campaign(PEOPLE)
    called(scene, campaign, stopped=30)
    scene.settings = scene.settings.model_copy(update={"calls": Calls(pause_above_alarm=False)})
    assert state(scene, campaign) is CampaignState.RUNNING
