"""What people ask is answered to them alone, at once, and holds from then on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict

import pytest
from click.testing import CliRunner, Result

from ivr.doors.answer import as_pdf
from ivr.doors.answer.words import WORDS
from ivr.doors.cli import cli
from ivr.errors import NotFound, NotReady, Refused
from ivr.rules.consent import Consent
from ivr.rules.findings import Weight
from ivr.rules.provenance import UNDECLARED
from ivr.rules.rights import DAY_MS, KINDS, Right
from ivr.settings import Lab
from ivr.usecases import clocks, consenting, rights
from ivr.usecases.campaigns import now_ms
from tests.integration.consents import SPONSOR, record, whole
from tests.integration.scene import Scene
from tests.integration.test_consents import NUMBER, listed


class Post:
    """Keeps the codes that were sent, by number."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}

    def __call__(self, number: str, code: str) -> None:
        self.codes[number] = code


def done(scene: Scene, right: Right, **asked: object) -> dict[str, object]:
    """What whoever holds the number is told."""
    post = Post()
    case = rights.ask_by_code(scene.store, scene.settings, right, NUMBER, asked, post)
    return rights.confirm(scene.store, scene.settings, case.id, NUMBER, post.codes[NUMBER])


def test_where_a_number_came_from_is_told_at_once_and_wholly(scene: Scene) -> None:
    listed(scene, "town meeting")
    record(scene, whole(NUMBER))
    told = json.loads(json.dumps(done(scene, Right.WHERE_FROM)))
    [source] = told["sources"]
    assert (source["name"], source["source_type"]) == ("town meeting", "undeclared")
    [consent] = told["consents"]
    assert consent["consent"]["text"] == "J'accepte d'être appelé par automate."
    assert rights.all_cases(scene.store, open_only=True) == []


def test_cases_are_told_by_their_own_entries_alone(scene: Scene) -> None:
    """Every kind of entry that tells of a case is read, and nothing else that was written down."""
    scene.campaign(1, batch_id=listed(scene))  # its entries are no case's
    post = Post()
    case = rights.ask_by_code(scene.store, scene.settings, Right.ACCESS, NUMBER, {}, post)
    with pytest.raises(Refused):
        rights.confirm(scene.store, scene.settings, case.id, NUMBER, "no code")
    rights.confirm(scene.store, scene.settings, case.id, NUMBER, post.codes[NUMBER])
    everything = scene.store.journal.entries()
    told = scene.store.journal.of_kinds(*KINDS)
    assert told == [entry for entry in everything if entry["subject"].startswith("rights:")]
    assert {entry["kind"] for entry in told} == set(KINDS)
    assert len(told) < len(everything)


def test_nothing_is_told_without_the_code(scene: Scene) -> None:
    post, store, settings = Post(), scene.store, scene.settings
    case = rights.ask_by_code(store, settings, Right.ACCESS, NUMBER, {}, post)
    right = post.codes[NUMBER]
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for number, code in ((NUMBER, wrong), ("+33199001001", right), (NUMBER, ""), (NUMBER, wrong), (NUMBER, wrong)):
        with pytest.raises(Refused, match="not the code"):
            rights.confirm(store, settings, case.id, number, code)
    with pytest.raises(Refused, match="ask again"):
        rights.confirm(store, settings, case.id, NUMBER, right)
    with pytest.raises(NotFound):
        rights.confirm(store, settings, "nobody", NUMBER, right)
    with pytest.raises(Refused, match="whose number"):
        rights.answer(store, case, NUMBER, " ")
    for _ in range(2):
        rights.ask_by_code(store, settings, Right.ACCESS, NUMBER, {}, post)
    with pytest.raises(Refused, match="three codes"):
        rights.ask_by_code(store, settings, Right.ACCESS, NUMBER, {}, post)
    journal = json.dumps(store.journal.entries())
    assert NUMBER[1:] not in journal
    assert not any(f'"{code}"' in journal for code in post.codes.values())


def test_an_objection_needs_no_proof_and_is_of_all(scene: Scene) -> None:
    campaign = scene.campaign(1, batch_id=listed(scene))
    case, number = rights.ask(scene.store, scene.settings, Right.OBJECT, NUMBER, "letter")
    rights.answer(scene.store, case, number)
    assert scene.claim(campaign, 1) == []
    assert [(stop.scope, stop.reason) for stop in scene.store.suppressions.of_number(NUMBER)] == [
        ("platform", "objection")
    ]


def test_who_is_erased_is_in_no_list_called_no_more_and_does_not_come_back(scene: Scene) -> None:
    batch_id = listed(scene)
    campaign = scene.campaign(1, batch_id=batch_id)
    record(scene, whole(NUMBER))
    assert done(scene, Right.ERASE)["result"] == "erased"
    assert scene.store.campaigns.books(campaign.id).not_allowed == {"erased": 1}
    assert scene.rows(f"SELECT id FROM contacts WHERE number = '{NUMBER}'") == []  # noqa: S608
    assert scene.rows("SELECT count(*) FROM purpose_grants WHERE revoked_at_ms IS NULL") == [(0,)]
    empty = scene.campaign(1, batch_id=batch_id)
    assert scene.store.campaigns.books(empty.id).targets == 0
    again = scene.campaign(1, batch_id=listed(scene, "again"))
    assert scene.claim(again, 1) == []
    assert scene.store.campaigns.books(again.id).not_allowed == {"suppressed": 1}
    assert scene.store.consents.verify()[1] is None  # the proof stays, under a hash


def test_during_a_call_the_erasure_waits_and_the_stop_does_not(scene: Scene) -> None:
    campaign = scene.campaign(1, batch_id=listed(scene))
    scene.dialing(campaign)
    with pytest.raises(NotReady, match="called at this moment"):
        done(scene, Right.ERASE)
    assert scene.store.suppressions.blocked_among([NUMBER], campaign.sponsor_id)


def test_a_number_that_was_called_in_canada_is_held(scene: Scene) -> None:
    campaign = scene.campaign(1, batch_id=listed(scene), texts={"jurisdiction": "ca"})
    assert rights.held_until_ms(scene.store, NUMBER) is None
    attempts = scene.claim(campaign, 1)
    assert scene.store.attempts.begin_dialing_many(attempts, scene.ask(), now_ms())
    held = rights.held_until_ms(scene.store, NUMBER)
    assert held is not None
    assert held > now_ms()


def test_what_is_wrong_is_put_right(scene: Scene) -> None:
    listed(scene)
    done(scene, Right.RECTIFY, language="en", birth_year=1960)
    known = scene.store.persons.known(NUMBER)
    assert (known["facts"]["language"], known["facts"]["birth_year"]) == ("en", 1960)
    for asked in ({}, {"number": "+33199001001"}, {"language": "x" * 2001}):
        with pytest.raises(Refused):
            rights.ask(scene.store, scene.settings, Right.RECTIFY, NUMBER, "letter", asked)


def test_a_complaint_waits_for_a_person(scene: Scene) -> None:
    case, number = rights.ask(scene.store, scene.settings, Right.COMPLAIN, NUMBER, "letter", {"text": "at night"})
    rights.answer(scene.store, case, number)
    assert [open_.id for open_, _ in rights.all_cases(scene.store, open_only=True)] == [case.id]
    rights.close(scene.store, case.id, "apologised; hours were right")
    assert rights.all_cases(scene.store, open_only=True) == []
    with pytest.raises(Refused, match="already"):
        rights.close(scene.store, case.id, "again")


def _opened(scene: Scene, id_: str, days_ago: float, channel: str = "letter", code: str = "") -> None:
    """A request came in so many days ago."""
    said = {"right": "access", "channel": channel, "number_hmac": "h", "asked": {}, "code": code}
    scene.store.journal.add("rights-opened", f"rights:{id_}", "desk", now_ms() - int(days_ago * DAY_MS), **said)


def test_a_request_is_told_of_ten_days_before_it_is_late_and_when_it_is(scene: Scene) -> None:
    _opened(scene, "fresh", 19.9)
    _opened(scene, "asked-by-nobody", 40, channel="code", code="x")  # the code was never given back
    [well] = clocks.examine(scene.store)
    assert (well.weight, well.says) == (Weight.OK, "none is late; 1 wait for an answer")
    _opened(scene, "old", 20.1)
    [soon] = clocks.examine(scene.store)
    assert soon.weight is Weight.NOTE
    assert "since 20 days or more: 1: old (access, due 20" in soon.says
    for days in range(7):
        _opened(scene, f"late{days}", 30.1 + days)
    late, soon = clocks.examine(scene.store)
    assert late.weight is Weight.WRONG
    assert "within 30 days: 7: late6 (" in late.says
    assert late.says.endswith("2 more")
    assert "nobody" not in late.says
    assert "old (" in soon.says
    for id_ in ("old", *(f"late{days}" for days in range(7))):
        rights.close(scene.store, id_, "sent by post")
    assert [finding.weight for finding in clocks.examine(scene.store)] == [Weight.OK]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_answer_on_paper_has_all_that_is_kept_and_can_be_read_aloud(scene: Scene, language: str) -> None:
    campaign = scene.campaign(1, batch_id=listed(scene, "*town* meeting"))
    record(scene, whole(NUMBER))
    scene.dialing(campaign)
    consenting.withdraw(scene.store, scene.settings, SPONSOR, NUMBER, (), "letter of today")
    case, e164 = rights.ask(scene.store, scene.settings, Right.ACCESS, NUMBER, "letter")
    told = rights.answer(scene.store, case, e164, "passport shown")
    laid = as_pdf.sheet(told, language, 0)
    text = json.dumps(laid.plain(), ensure_ascii=False)
    for kept in (NUMBER, case.id, "*town* meeting", "J'accepte d'être appelé par automate.", "form-3", "192.0.2.7",
                 "letter of today", campaign.name, SPONSOR, "withdrawal", "automated_voice"):  # fmt: skip
        assert kept in text, kept
    assert len(laid.tables) == 1 + 2 + 3  # a source, two events of consent; permissions, stops and calls
    data = as_pdf.render(told, language, 0)
    assert b"pdfuaid" in data
    assert data == as_pdf.render(told, language, 0)


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()
    assert Consent("x").body().keys() | asdict(UNDECLARED).keys() <= WORDS["fr"].keys()


def test_the_commands(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(lab=Lab(enabled=True))
    listed(scene)
    config = scene.settings.home / "portevoix.toml"
    text = f"home = '{scene.settings.home}'\n[lab]\nenabled = true\n[database]\nurl = '{scene.settings.database.url}'\n"
    config.write_text(text, encoding="utf-8")

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(config), "rights", *words])

    asked = run("where-from", NUMBER)
    assert asked.exit_code == 0, asked.exception
    id_ = asked.output.split()[1].rstrip(":")
    with (scene.settings.var_dir / "lab" / "codes.csv").open(encoding="utf-8") as file:
        [[number, code]] = list(csv.reader(file))
    assert number == NUMBER
    assert json.loads(run("confirm", id_, NUMBER, code).output)["sources"][0]["name"] == "one"
    assert json.loads(run("access", NUMBER, "--identity", "passport seen").output)["known"]["kept"] is True
    paper = scene.settings.home / "answer.pdf"
    for words in (("access",), ("where-from", "--language", "en")):
        assert run(*words, NUMBER, "--identity", "seen", "--format", "pdf", "--output", str(paper)).exit_code == 0
        assert paper.read_bytes().startswith(b"%PDF")
    assert "put right" in run("rectify", NUMBER, "--language", "en", "--identity", "passport seen").output
    assert "nobody calls" in run("object", NUMBER).output
    complaint = json.loads(run("complain", NUMBER, "--text", "at night").output)
    assert complaint["case"] in run("list").output
    assert run("close", complaint["case"], "--result", "apologised").exit_code == 0
    assert "answered" in run("list", "--all").output
    assert json.loads(run("erase", NUMBER, "--identity", "passport seen").output)["result"] == "erased"
