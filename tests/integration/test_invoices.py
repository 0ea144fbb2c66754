"""Invoices: the lines of a quote, tied to what was played; safe in a spreadsheet, readable aloud."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.adapters import price_lists
from ivr.doors.cli import cli
from ivr.doors.invoice import forms
from ivr.doors.invoice.words import WORDS
from ivr.errors import Refused
from ivr.rules.billing import Terms
from ivr.rules.invoice import bill
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.usecases.invoicing import Invoice, content, invoice_of
from tests.integration.scene import ON_SQLITE, Scene, listen

TERMS = Terms("2026-11-01", 1, 1, 60, 1, 1)
EVIL = '=HYPERLINK("http://x")#[*]\\$@ éà'
"""A formula to a spreadsheet, markup and code to typst."""


def called(scene: Scene, **more: Any) -> Campaign:
    """Three people were called: 31 s, 12.5 s, and nobody at home; it is over."""
    given = {"texts": {"preroll": "Message enregistré.", "notice": "Vos données…"}, **more}
    campaign = scene.campaign(3, terms=TERMS.plain(), **given)
    first, second, third = scene.dialing(campaign, 3)
    scene.store.attempts.answer_many({first: 1_000, second: 1_000})
    ends = [(first, "answered", 32_000), (second, "answered", 13_500), (third, "no_answer", 20_000)]
    scene.store.listens.record(
        [listen(first), listen(second, 2_000)],
        [{"attempt": attempt, "outcome": outcome, "at_ms": at_ms} for attempt, outcome, at_ms in ends],
    )
    scene.store.campaigns.move(campaign, CampaignState.FINISHED, 3)
    return scene.store.campaigns.named(campaign.name)


def test_it_is_the_quote_of_what_was_done(scene: Scene) -> None:
    made = invoice_of(scene.store, called(scene).name)
    assert made.final
    assert made.bill == bill(price_lists.named(TERMS.prices), TERMS.work(31 + 13))
    played = made.played[0]
    assert (played.loaded, played.attempted, played.answered, played.billed_s) == (3, 3, 2, 44)
    assert played.completed is None, "of two people nothing is told that they heard"
    assert [(place.departement, place.attempted, place.billed_s) for place in made.places] == [("", 3, 44)]
    assert (played.sha256, dict(made.said)["notice"]) == ("0" * 64, "Vos données…")
    assert made.sha256 == invoice_of(scene.store, made.campaign).sha256, "made again it is the same"


def test_before_the_end_it_is_no_invoice(scene: Scene) -> None:
    campaign = scene.campaign(2, terms=TERMS.plain())
    assert not invoice_of(scene.store, campaign.name).final
    attempt = scene.dialing(campaign)[0]
    scene.store.campaigns.move(campaign, CampaignState.STOPPED, 3)
    assert not invoice_of(scene.store, campaign.name).final, "somebody is still on the line"
    scene.store.listens.record([], [{"attempt": attempt, "outcome": "busy", "at_ms": 9}])
    assert invoice_of(scene.store, campaign.name).final


def test_what_was_made_before_there_were_prices_has_none(scene: Scene) -> None:
    with pytest.raises(Refused, match="before there were prices"):
        invoice_of(scene.store, scene.campaign(1).name)


@ON_SQLITE
@pytest.mark.parametrize("excel", [False, True])
def test_csv_is_safe_and_its_figures_are_numbers(scene: Scene, excel: bool) -> None:
    made = invoice_of(scene.store, called(scene, name=EVIL, sponsor="@SUM(A1)", election="+1").name)
    text = forms.as_csv(made, excel, account_code="-616")
    assert text.startswith("\ufeff") is excel
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";" if excel else ","))
    assert [row["line"] for row in rows] == [line.kind for line in made.bill.lines]
    assert rows[0]["campaign"].startswith("'=")
    for row in rows:
        assert not [cell for cell in row.values() if cell.startswith(tuple("=+-@\t\r"))]
        assert row["gross_of_all"] == f"{made.bill.gross_cents / 100:.2f}".replace(".", "," if excel else ".")
    nets = [round(float(row["net"].replace(",", ".")) * 100) for row in rows]
    assert sum(nets) == made.bill.net_cents


@ON_SQLITE
@pytest.mark.parametrize("language", ["fr", "en"])
def test_pdf_is_tagged_and_text_stays_text(scene: Scene, language: str) -> None:
    made = invoice_of(scene.store, called(scene, name=EVIL).name)
    data = forms.as_pdf(made, language)
    assert data.startswith(b"%PDF-")
    assert b"/MarkInfo" in data
    assert b"pdfuaid" in data
    assert data == forms.as_pdf(made, language), "the same books make the same bytes"


@ON_SQLITE
def test_the_command_makes_each_form(scene: Scene, tmp_path: Path) -> None:
    campaign = called(scene)
    config = tmp_path / "portevoix.toml"
    config.write_text('var = "var"\n')

    def run(*words: str) -> Result:
        result = CliRunner().invoke(cli, ["--config", str(config), *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    told = json.loads(run("invoice", campaign.name, "--format", "json").output)
    made = invoice_of(scene.store, campaign.name)
    assert told["sha256"] == made.sha256
    assert told["bill"]["gross_cents"] == made.bill.gross_cents == content(made)["bill"]["gross_cents"]
    assert "Total TTC" in run("invoice", campaign.name).output
    assert "Total with VAT" in run("invoice", campaign.name, "--language", "en").output
    file = tmp_path / "out" / "invoice.pdf"
    run("invoice", campaign.name, "--format", "pdf", "--output", str(file))
    assert file.read_bytes().startswith(b"%PDF-")
    assert "0.059 EUR / min" in run("price", "list", "--language", "en").output
    quoted = json.loads(run("price", "quote", "--contacts", "10", "--message", "10s", "--json").output)
    assert quoted["most"]["gross_cents"] >= quoted["expected"]["gross_cents"] > 0
    missing = CliRunner().invoke(cli, ["--config", str(config), "invoice", campaign.name, "--format", "pdf"])
    assert "--output" in missing.output


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()
    assert "sha256" not in Invoice.__slots__
