"""What earlier messages were listened to, beside the curve: the same sponsor's, of such a length, over before."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from ivr.doors.report import as_html, as_json
from ivr.doors.report.schema import schema
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.usecases.reports import report_of
from tests.integration.scene import Scene, listen

PEOPLE = 20
ELSE = "Ville de Saint-Martin"


def heard(scene: Scene, campaign: Campaign, until_ms: int, people: int = PEOPLE) -> Campaign:
    """So many people heard so much of its message; it is over 50 ms after it was made."""
    attempts = scene.dialing(campaign, people)
    scene.store.attempts.answer_many(dict.fromkeys(attempts, 1_000))
    ends = [{"attempt": attempt, "outcome": "answered", "at_ms": 9_000} for attempt in attempts]
    scene.store.listens.record([listen(one, until_ms) for one in attempts], ends)
    scene.store.campaigns.move(campaign, CampaignState.FINISHED, campaign.created_at_ms + 50)
    return scene.store.campaigns.named(campaign.name)


@pytest.fixture
def earlier(scene: Scene) -> list[Campaign]:
    """Three that count; one of another sponsor, one of few people, and one that is over later."""
    found = [heard(scene, scene.campaign(PEOPLE), until_ms) for until_ms in (1_000, 2_000, 4_000)]
    heard(scene, scene.campaign(PEOPLE, sponsor=ELSE), 100)
    heard(scene, scene.campaign(5), 100, 5)
    return found


def test_the_latest_messages_of_the_sponsor_make_the_typical_curve(scene: Scene, earlier: list[Campaign]) -> None:
    campaign = heard(scene, scene.campaign(PEOPLE, created_at_ms=100), 3_000)
    found = report_of(scene.store, campaign).typical
    assert found
    assert found.messages == 3
    told = [(place.low, place.middle, place.high) for place in found.places]
    assert [told[place] for place in (0, 5, 12, 20)] == [
        (1.0, 1.0, 1.0), (0.0, 1.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.0, 1.0),
    ]  # fmt: skip


def test_a_report_does_not_change_with_what_is_over_later(scene: Scene, earlier: list[Campaign]) -> None:
    first = report_of(scene.store, earlier[0])
    assert first.typical is None, "made at the same time as the others, before any was over"
    late = heard(scene, scene.campaign(PEOPLE, created_at_ms=100), 3_000)
    before = report_of(scene.store, late).typical
    for _ in range(2):
        heard(scene, scene.campaign(PEOPLE, created_at_ms=100), 500)
    assert report_of(scene.store, late).typical == before


def test_two_messages_are_not_typical(scene: Scene) -> None:
    for until_ms in (1_000, 2_000):
        heard(scene, scene.campaign(PEOPLE), until_ms)
    assert report_of(scene.store, scene.campaign(PEOPLE, created_at_ms=100)).typical is None


def test_page_and_json_tell_it(scene: Scene, earlier: list[Campaign]) -> None:
    report = report_of(scene.store, heard(scene, scene.campaign(PEOPLE, created_at_ms=100), 3_000))
    page = as_html.render(report, "en")
    assert 'class="usual"' in page
    assert "3 latest earlier messages" in page
    assert '"messages": 3' in as_json.render(report)
    Draft202012Validator(schema()).validate(json.loads(as_json.render(report)))
    assert 'class="usual"' not in as_html.render(report_of(scene.store, earlier[0]), "en")
