"""A campaign on the pages: submitted by one, approved by another, started, paused, stopped, and its report read."""

from __future__ import annotations

import json
import re

import pytest

from ivr.adapters.store.contacts import FileOrigin
from ivr.doors.web.campaign_pages import KINDS
from ivr.doors.web.words import ENGLISH
from ivr.errors import Refused
from ivr.rules.records import Halt, Review
from ivr.rules.roles import Role
from ivr.rules.states import CampaignState
from ivr.rules.suppression import PLATFORM
from ivr.usecases import campaigns, foreseeing, proposing
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


FIELDS = {
    "name": "spring", "trunk": "lab", "language": "fr", "kind": "political", "role": "candidate à la mairie",
    "controller": "l'association Martin", "source": "votre inscription", "website": "martin.example",
    "hours": "10:00-12:00 mon-fri", "pack": "base",
}  # fmt: skip


def test_a_campaign_is_drafted_from_what_was_lent_and_what_would_come_of_it_is_told(web: Web, recording: bytes) -> None:
    jeanne, store = web.signed_in("jeanne"), web.scene.store
    sent(web, jeanne, recording)
    asked = jeanne.get("/campaigns/new").text
    assert ENGLISH["no_list_yet"] in asked
    assert ENGLISH["no_message_yet"] not in asked
    people = [(f"+3363998{n:04d}", "mobile") for n in range(4)]
    for name in ("hers", "his"):
        store.contacts.import_batch(FileOrigin(name, "list.csv", name.ljust(64, "0")), people, lambda: 0, 1)
    proposing.lend(store, "hers", JEANNE)
    proposing.lend(store, "his", PAUL)
    asked = jeanne.get("/campaigns/new").text
    assert "hers (4 people)" in asked
    assert "his (" not in asked
    hers, his = (str(one.id) for one in store.contacts.batches())
    given = FIELDS | {"form": form_of(jeanne), "message": str(store.messages.all()[-1].id)}
    foreign = jeanne.post("/campaigns/new", data=given | {"list": his})
    assert foreign.status_code == 409
    assert 'value="candidate à la mairie"' in foreign.text  # what was typed is not lost
    assert jeanne.post("/campaigns/new", data=given | {"list": hers, "hours": "never"}).status_code == 409
    assert store.campaigns.all() == []

    store.suppressions.add("+33639980001", PLATFORM, "stop", 1)
    made = jeanne.post("/campaigns/new", data=given | {"list": hers})
    assert made.status_code == 303, made.text
    (campaign,) = store.campaigns.all()
    assert (campaign.name, campaign.sponsor, campaign.hours) == (f"{JEANNE}: spring", JEANNE, "10:00-12:00 mon-fri")
    told = jeanne.get(made.headers["location"]).text
    assert re.search(r"<strong>3</strong> of\s+4 people", told)
    assert "(suppressed)" in told
    assert "10:00–12:00" in told
    assert told.count("10:00–12:00") >= 9  # on each weekday; today may be begun, the last day not over
    assert ENGLISH["cost_most"] in told
    assert "+3363998" not in told

    proposing.lend(store, "hers", JEANNE, back=True)
    assert jeanne.post("/campaigns/new", data=given | {"list": hers, "name": "summer"}).status_code == 409


def test_the_calendar_is_what_the_gate_answers(web: Web) -> None:
    """As the Gate answers of somebody who may be called, every half hour of two weeks."""
    scene = web.scene
    campaign = scene.campaign(3, start=False, sponsor=JEANNE, hours="09:00-11:00,14:30-15:00 mon-sun")
    seen = foreseeing.foresee(scene.store, scene.settings, campaign, "fr")
    assert (seen.people, seen.looked_at, seen.callable_people, seen.held) == (3, 3, 3, ())
    whole = [day for day in seen.days[1:-1]]
    assert len(whole) >= 12
    for day in whole:
        spans = [(begin.strftime("%H:%M"), end.strftime("%H:%M")) for begin, end in day.opens]
        assert spans == [("09:00", "11:00"), ("14:30", "15:00")]
        assert day.closed == ("Il est dans les heures de la campagne, là où est la personne.",)
    assert seen.plan is not None
    assert seen.done is not None
    halted = scene.campaign(3, start=False, sponsor=JEANNE)
    scene.store.halts.begin(Halt(1, "anna", "fire"))
    held = foreseeing.foresee(scene.store, scene.settings, halted, "en")
    assert [(one.rule, one.people) for one in held.held] == [("installation-halted", 3)]
    assert (held.callable_people, held.plan, held.days) == (0, None, ())
