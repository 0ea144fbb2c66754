"""The four forms of a report, read back as their readers would."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET  # our own page
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from ivr.doors.report import as_csv, as_html, as_json, terminal, words_en, words_fr
from ivr.doors.report.words import clean, words
from ivr.usecases.reporting import Report
from tests.unit.report.conftest import PLACES

HOSTILE = '=cmd|"/c calc"!A1 <script>alert(1)</script> [red]\x1b[2Jx\u202eabc'
PHONE = re.compile(r"\+?\d{9,}")


class Page(HTMLParser):
    """Tags with their attributes, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def printed(report: Report, width: int = 80, language: str | None = None, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    terminal.render(report, Console(file=out, width=width), language)
    return raw.getvalue().decode(encoding)


def test_both_languages_have_the_same_words() -> None:
    assert words_fr.WORDS.keys() == words_en.WORDS.keys()
    slots = re.compile(r"\{\w+\}")
    for name, text in words_fr.WORDS.items():
        assert set(slots.findall(text)) == set(slots.findall(words_en.WORDS[name])), name


def test_numbers_are_written_as_readers_write_them() -> None:
    assert words("fr").percent(0.6421) == "64,2\u202f%"
    assert words("en-GB").percent(0.6421) == "64.2%"
    assert words("fr").number(1234.5, 1) == "1\u202f234,5"
    assert words("xx", "No/Where").day_time(0) == "1970-01-01 00:00"
    assert words("fr", "Europe/Paris").day_time(0) == "01/01/1970 01:00"


def test_the_terminal_says_the_figures_with_what_they_count(sample: Report) -> None:
    shown = printed(sample, language="en")
    rate = sample.measure("listen_rate")
    assert words("en").percent(rate.value) in shown
    assert words("en").counted(rate) in " ".join(shown.split())
    assert "✓ The books balance" in shown
    assert "306 targets = 300 calls over" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_terminal_keeps_to_its_width(sample: Report, width: int) -> None:
    assert max(map(len, printed(sample, width).splitlines())) <= width


def test_the_drawn_curve_goes_down_as_the_curve_does(maker: Any) -> None:
    half = maker.report(maker.answered(*[maker.listen(10_000)] * 20, *[maker.listen(20_000)] * 20))
    drawn = [line.partition("│")[2] for line in printed(half).splitlines() if "│" in line]
    assert len(drawn) == terminal.ROWS
    first = next(row for row, line in enumerate(drawn) if ord(line[0]) > 0x2800)
    at_end = [row for row, line in enumerate(drawn) if any(ord(char) > 0x2800 for char in line[-9:-4])]
    assert first == 0
    assert terminal.ROWS // 2 in at_end
    assert 0 not in at_end


def test_an_ascii_terminal_gets_ascii(sample: Report) -> None:
    shown = printed(sample, encoding="ascii")
    assert "Taux d'ecoute" in shown
    assert "*" in shown
    assert "?" not in shown


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_form_says_that_nobody_answered_yet(maker: Any, language: str) -> None:
    empty = maker.report([], state="draft", started_ms=None, finished_ms=None)
    said = words(language)("sentence_none")
    assert " ".join(said.split()) in " ".join(printed(empty, language=language).split())
    assert said in "".join(Page(as_html.render(empty, language)).words)
    assert json.loads(as_json.render(empty))["measures"][0]["value"] is None
    assert "listen_rate" in as_csv.render(empty, language=language)


def test_one_answered_call_is_one(maker: Any) -> None:
    one = maker.report(maker.answered(maker.listen(10_000)))
    assert words("fr")("small_note") in as_html.render(one, "fr")
    assert "Sur le seul appel décroché" in printed(one)


def test_the_json_is_the_report(sample: Report) -> None:
    read = json.loads(as_json.render(sample))
    assert read["schema"] == "portevoix.report/1"
    assert read["books"]["accounted"] == read["books"]["targets"] == 306
    by_id = {one["id"]: one for one in read["measures"]}
    assert by_id["listen_rate"]["value"] == sample.measure("listen_rate").value
    assert set(read["definitions"]["listen_rate"]) == {"fr", "en"}
    assert len(read["curve"]["points"]) == 21
    assert read["outcomes"][0]["share"] == pytest.approx(read["outcomes"][0]["count"] / 300)


def test_the_csv_reads_back(sample: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv.render(sample))))
    rate = next(row for row in rows if row["id"] == "listen_rate")
    assert float(rate["value"]) == pytest.approx(sample.measure("listen_rate").value, rel=1e-5)
    assert rate["denominator"] == str(sample.answered)
    assert sum(row["section"] == "retention" and row["id"] == "share" for row in rows) == 21


def test_a_french_excel_opens_its_csv(sample: Report) -> None:
    text = as_csv.render(sample, excel=True)
    assert text.startswith("\ufeffsection;id;")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    rate = next(row for row in rows if row["id"] == "listen_rate")
    assert "," in rate["value"]
    assert "." not in rate["value"]


@pytest.mark.parametrize("start", ["=1+1", "+33", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "＝1", "\u200b=1"])
def test_no_cell_is_a_formula(maker: Any, start: str) -> None:
    for excel in (False, True):
        text = as_csv.render(maker.report([], name=start), excel)
        cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";" if excel else ",") for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]
        assert any(cell.startswith("'") for cell in cells)


def test_a_hostile_name_is_only_words(maker: Any) -> None:
    report = maker.report([], name=HOSTILE, sponsor=HOSTILE, not_allowed={HOSTILE: 1}, sounds={"message": HOSTILE})
    page = Page(as_html.render(report, "en"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert "alert(1)" in "".join(page.words)
    shown = printed(report)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]" in shown
    assert clean(HOSTILE).isprintable()


def test_the_page_asks_nothing_of_anyone(sample: Report) -> None:
    text = as_html.render(sample, "fr")
    page = Page(text)
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert f"'sha256-{digest}'" in policy
    assert not [attrs for _, attrs in page.tags if "style" in attrs or "src" in attrs or "onload" in attrs]
    assert [attrs["href"] for _, attrs in page.tags if "href" in attrs] == ["data:,"]
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in style[1]
    assert dict(page.tags)["html"] == {"lang": "fr"}


def test_the_page_shows_each_measure_with_its_count_and_definition(sample: Report) -> None:
    say = words("fr", "Europe/Paris")
    text = "".join(Page(as_html.render(sample, "fr")).words)
    for one in sample.measures:
        assert say(one.id) in text
        assert say.definition(one.id) in text
        assert say.counted(one) in text


def test_each_drawing_has_its_numbers(sample: Report) -> None:
    text = as_html.render(sample, "en")
    drawings = [ET.fromstring(found) for found in re.findall(r'<svg class="plot .*?</svg>', text, re.S)]  # noqa: S314
    assert [drawing.get("class") for drawing in drawings] == ["plot wide", "plot narrow"]
    assert sample.curve is not None
    for drawing in drawings:
        line = next(path.get("d") or "" for path in drawing.iter("path") if path.get("class") == "curve")
        assert line.count("L") == len(sample.curve.points) - 1
        assert (drawing.get("aria-label") or "").startswith("Who is still listening")
    twin = re.search(r'<table class="twin">(.*?)</table>', text, re.S)
    assert twin
    assert twin[1].count("<tr>") == len(sample.curve.points) + 1


def test_no_form_holds_a_number_of_a_person(sample: Report) -> None:
    plain = json.loads(as_json.render(sample))
    plain.pop("facts")
    ours = PLACES["caller_id"]  # the number that was shown is nobody's who was called
    assert not PHONE.search(re.sub(r"0\.\d+", "", json.dumps(plain)).replace(ours, ""))
    assert "33600000000" not in as_html.render(sample) + as_csv.render(sample) + as_json.render(sample)


def test_who_is_to_be_called_again_is_told_in_every_form(maker: Any) -> None:
    again = maker.result("busy", dialled=1, state="due")
    report = maker.report([again, again, maker.result("", dialled=0)], most_calls=3, waiting=2)
    assert "3 à appeler (dont 2 à rappeler)" in printed(report, 100)
    assert "3 still to call (2 of them to be called again)" in printed(report, 100, "en")
    page = " ".join(Page(as_html.render(report)).words)
    assert "à appeler (dont 2 à rappeler)" in page
    assert "Personnes rappelées" in page
    plain = json.loads(as_json.render(report))
    assert (plain["books"]["due"], plain["books"]["waiting"]) == (3, 2)
    assert "called_again" in plain["definitions"]
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(as_csv.render(report)))}
    assert rows["waiting"]["numerator"] == "2"
    assert "(dont" not in printed(maker.report([maker.result("", dialled=0)]), 100)
