"""A campaign on the pages: submitted by one, approved by another, started, paused, stopped, and its report read."""

from __future__ import annotations

import json

import pytest

from ivr.doors.web.campaign_pages import KINDS
from ivr.doors.web.words import ENGLISH
from ivr.errors import Refused
from ivr.rules.records import Review
from ivr.rules.roles import Role
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns
from tests.integration.scene import ON_SQLITE, listen
from tests.integration.web.world import JEANNE, PAUL, TestClient, Web, drafted, form_of, sent

pytestmark = [ON_SQLITE, pytest.mark.timeout(180)]


def act(browser: TestClient, path: str, **fields: str) -> int:
    return int(browser.post(path, data={"form": form_of(browser), **fields}).status_code)


def test_two_people_bring_a_campaign_on_its_way(web_up: Web, recording: bytes) -> None:
    web = web_up
    jeanne, scene = web.signed_in("jeanne"), web.scene
    sent(web, jeanne, recording)
    campaign = drafted(web)
    page = f"/campaigns/{campaign.id}"

    def state() -> CampaignState:
        return scene.store.campaigns.by_id(campaign.id).state

    wav = jeanne.get(f"{page}/0/preview.wav")
    whole_ms = campaign.preroll.length_ms + campaign.message.length_ms + campaign.notice.length_ms
    assert abs(len(wav.content) - 44 - 16 * whole_ms) < 1000  # exactly what the telephone plays, as 16-bit samples
    assert jeanne.get(f"{page}/0/waveform.svg").text.lstrip().startswith("<svg")
    assert ENGLISH["not_submitted"] in jeanne.get(page).text
    assert act(jeanne, f"{page}/start") == 409  # nobody approved it
    assert act(jeanne, f"{page}/submit") == 303
    assert act(jeanne, f"{page}/submit") == 409
    assert ENGLISH["waits_for_verdict"] in jeanne.get("/campaigns").text
    assert act(jeanne, f"{page}/approve") == 404
    with pytest.raises(Refused, match="submitted on the web pages by jeanne"):  # not by the command either
        campaigns.start(scene.store, scene.settings, campaign.name)

    web.user("anna", Role.APPROVER, JEANNE)
    anna = web.signed_in("anna")
    assert ENGLISH["to_approve"] in anna.get("/campaigns").text
    assert ENGLISH["approve"] in anna.get(page).text
    assert act(anna, f"{page}/approve") == 303
    assert act(anna, f"{page}/refuse", reason="too late") == 409
    assert ENGLISH["approve"] not in anna.get(page).text
    assert act(anna, f"{page}/start") == 404

    for asked, then in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        assert ENGLISH[f"act_{asked}"] in jeanne.get(page).text
        assert act(jeanne, f"{page}/{asked}") == 303
        assert state() == then
        assert ENGLISH[f"state_{then}"] in jeanne.get(page).text
    assert act(jeanne, f"{page}/resume") == 409
    told = [(entry["kind"], entry["by"]) for entry in scene.store.journal.entries(f"campaign:{campaign.name}")]
    assert [one for one in told if one[0] not in {"campaign-made", "rules-kept"}] == [
        ("campaign-submitted", "jeanne"), ("campaign-approved", "anna"), ("campaign-running", "jeanne"),
        ("campaign-paused", "jeanne"), ("campaign-running", "jeanne"), ("campaign-stopped", "jeanne"),
    ]  # fmt: skip


def test_a_refused_campaign_never_starts_and_its_people_read_why(web: Web) -> None:
    campaign = web.scene.campaign(3, start=False, sponsor=JEANNE)
    page = f"/campaigns/{campaign.id}"
    jeanne = web.signed_in("jeanne")
    act(jeanne, f"{page}/submit")
    web.user("anna", Role.APPROVER)
    anna = web.signed_in("anna")
    assert act(anna, f"{page}/refuse", reason="") == 409
    assert act(anna, f"{page}/refuse", reason="the wrong date") == 303
    told = jeanne.get(page).text
    assert "the wrong date" in told
    assert ENGLISH["act_start"] not in told
    assert act(jeanne, f"{page}/start") == 409


def test_nothing_is_started_where_nothing_would_call(web: Web, recording: bytes) -> None:
    jeanne = web.signed_in("jeanne")
    sent(web, jeanne, recording)
    campaign = drafted(web)
    web.scene.store.reviews.submit(campaign, Review("jeanne", 1))
    web.scene.store.reviews.judge(campaign, Review("anna", 2), approved=True)
    assert act(jeanne, f"/campaigns/{campaign.id}/start") == 503
    assert web.scene.store.campaigns.by_id(campaign.id).state is CampaignState.DRAFT


def test_whoever_submitted_a_campaign_does_not_approve_it(web: Web) -> None:
    campaign = web.scene.campaign(3, start=False, sponsor=JEANNE)
    web.user("anna", Role.APPROVER, JEANNE)
    web.scene.store.reviews.submit(campaign, Review("anna", 1))
    anna = web.signed_in("anna")
    assert ENGLISH["to_approve"] not in anna.get("/campaigns").text
    assert act(anna, f"/campaigns/{campaign.id}/approve") == 409
    submission = web.scene.store.reviews.of(campaign.id)
    assert submission is not None
    assert submission.verdict is None


def test_the_report_is_read_and_taken_away_by_its_own_sponsor(web: Web) -> None:
    scene = web.scene
    campaign = scene.campaign(3, sponsor=JEANNE)
    scene.store.listens.record([listen(attempt) for attempt in scene.dialing(campaign, 2)], [])
    jeanne = web.signed_in("jeanne")
    shown = jeanne.get(f"/campaigns/{campaign.id}/report")
    policy = shown.headers["content-security-policy"]
    assert "style-src 'sha256-" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    begins = {"pdf": b"%PDF", "parquet": b"PAR1", "html": b"<!doctype html>", "json": b"{"}
    for kind in KINDS:
        answer = jeanne.get(f"/campaigns/{campaign.id}/report/{kind}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.content.startswith(begins.get(kind, b"")), kind
    told = json.loads(jeanne.get(f"/campaigns/{campaign.id}/report/json").content)
    assert told["facts"]["targets"] == 3
    assert "+33639981000" not in json.dumps(told)
    assert jeanne.get(f"/campaigns/{campaign.id}/report/terminal").status_code == 404
    assert PAUL not in jeanne.get("/campaigns").text
