"""The transparency notice says who pays, for what, how much and whom; what nobody gave is named, few are not told."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.doors.cli import cli
from ivr.rules.transparency_words import WORDS, parts
from ivr.usecases import evidence, invoicing, sponsors, transparency
from ivr.usecases.campaigns import now_ms
from tests.integration.scene import Scene
from tests.integration.test_evidence import members

GIVEN = {
    "legal_name": "Association <b>Martin</b> 2027", "type": "candidate", "address": "1 rue de la Paix, Paris",
    "email": "contact@martin.example", "controlling_entity": "none", "payer": "Association Martin 2027",
    "funding_origin": "private, from within the Union", "declaration": "political advertising",
    "eu_eligibility": "a citizen of the Union",
    "data_protection_contact": "dpo@martin.example",
}  # fmt: skip
TERMS = {"prices": "2026-11-01", "increment_s": 1, "minimum_s": 1, "longest_s": 90, "recordings": 1, "caller_ids": 1}


class Page(HTMLParser):
    """What is read on a page, and what it asks for from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.read: list[str] = []
        self.asked: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [name for name, _ in attrs if name in {"src", "href", "action"}]

    def handle_data(self, data: str) -> None:
        self.read.append(data)


def told(scene: Scene, people: int = 30, **values: Any) -> dict[str, Any]:
    sponsors.add(scene.store, "Jeanne Martin", GIVEN)
    campaign = scene.campaign(people, pack="fr", election="fr-presidential-2027", terms=TERMS, **values)
    return transparency.notice(scene.store, campaign, now_ms())


def test_every_element_is_there_in_both_languages_and_nothing_is_asked_of_a_server(scene: Scene) -> None:
    notice = told(scene, audience="territory=departement:75 age=18-24,65+")
    assert notice["missing"] == []
    for language, words in WORDS.items():
        page = transparency.html(notice, language)
        shown = Page(page)
        text = " ".join(shown.read)
        assert f'<html lang="{language}">' in page
        assert (shown.asked, "script" in shown.tags, "b" in shown.tags) == ([], False, False)
        for given in GIVEN.values():
            assert given in text
        for word in ("label", "official", "stop_how", "human", "published"):
            assert words[word] in text
        assert text.count(words["missing"]) == 1  # nobody declared where the numbers come from
    assert "departement:75" in " ".join(text for _, lines in parts(notice, "fr") for _, text in lines)


def test_the_money_is_that_of_the_invoice_and_the_days_are_those_of_the_ballot(scene: Scene) -> None:
    notice = told(scene)
    assert notice["funding"]["price_list"] == "2026-11-01"
    bill = invoicing.invoice_of(scene.store, notice["advertisement"]["identifier"]).bill
    assert notice["funding"]["gross_cents"] == bill.gross_cents > 0
    assert notice["funding"]["final"] is False
    assert [one["day"] for one in notice["advertisement"]["election"]["rounds"]] == ["2027-04-18", "2027-05-02"]
    lines = dict(line for _, some in parts(notice, "fr") for line in some)
    whole, cents = divmod(notice["funding"]["gross_cents"], 100)
    assert re.sub(r"\s", "", lines["Montant TTC"]).startswith(f"{whole},{cents:02}EUR")
    assert "2027-04-18, 2027-05-02" in lines["Jours de vote"]


@pytest.mark.parametrize(("people", "shown"), [(19, None), (20, 20)])
def test_few_people_are_not_told(scene: Scene, people: int, shown: int | None) -> None:
    notice = told(scene, people)
    assert notice["targeting"]["people"] == shown
    assert notice["targeting"]["reached"] is None
    few = dict(line for _, some in parts(notice, "en") for line in some)
    assert (few["People chosen"], few["People reached"]) == (str(shown or "fewer than twenty"), "fewer than twenty")


def test_what_nobody_gave_is_named_and_said_on_the_page(scene: Scene) -> None:
    campaign = scene.campaign(1)
    notice = transparency.notice(scene.store, campaign, now_ms())
    assert notice["missing"] == [*transparency.OWED, "price"]
    lines = dict(line for _, some in parts(notice, "en") for line in some)
    for name in ("Address", "Paid by", "Origin of the money", "Amount with VAT", "Where the numbers come from"):
        assert lines[name] == WORDS["en"]["missing"]
    assert lines["Election"] == WORDS["en"]["no_election"]


def test_it_is_in_the_evidence_as_data_and_as_pages(scene: Scene) -> None:
    notice = told(scene)
    name = notice["advertisement"]["identifier"]
    files = members(evidence.write(scene.store, scene.settings, name, scene.settings.home / "evidence.zip"))
    assert json.loads(files["transparency.json"])["funding"] == notice["funding"]
    for language in WORDS:
        assert WORDS[language]["label"].encode() in files[f"transparency.{language}.html"]


def test_the_command(scene: Scene) -> None:
    name = told(scene)["advertisement"]["identifier"]
    config = scene.settings.home / "portevoix.toml"
    config.write_text(f"[database]\nurl = '{scene.settings.database.url}'\n", encoding="utf-8")

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(config), "campaign", "transparency", name, *words])

    assert "Publicité à caractère politique" in run().output
    file = scene.settings.home / "notice.html"
    assert run("--language", "en", "--output", str(file)).exit_code == 0
    assert "Political advertising" in file.read_text(encoding="utf-8")
    assert json.loads(run("--format", "json").output)["sponsor"]["email"] == GIVEN["email"]
