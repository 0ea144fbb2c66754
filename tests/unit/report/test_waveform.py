"""The message's sound beneath the retention curve: where it is known, in every form that draws or counts seconds."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from ivr.doors.report import as_csv, as_html, as_json, as_pdf
from ivr.doors.report.plot import of_report, sounds
from ivr.usecases.reporting import Report

WAVE = tuple(1.0 if part == 31 else 0.25 for part in range(200))
"""Of 20 s: loudest in the fourth second."""


@pytest.fixture
def heard(sample: Report) -> Report:
    return replace(sample, waveform=WAVE)


def test_each_second_has_its_loudest_part(heard: Report) -> None:
    told = sounds(heard)
    assert {at_ms: loud for at_ms, loud in told.items() if loud > 0.25} == {4_000: 1.0}
    assert len(told) == 20


def test_the_strip_lies_beneath_all_else_and_within_the_drawing(heard: Report, sample: Report) -> None:
    drawn, plain = of_report(heard, (960, 400), 10), of_report(sample, (960, 400), 10)
    assert drawn is not None
    assert plain is not None
    up = [float(place.split()[1]) for place in drawn.wave.strip("MZ").split("L")]
    assert plain.height < min(up) < max(up) < drawn.height
    assert (drawn.line, plain.wave) == (plain.line, "")


def test_page_pdf_csv_and_json_have_it_and_its_twin(heard: Report) -> None:
    page = as_html.render(heard, "en")
    assert page.count('class="wave"') == 2
    assert '<td class="n">100%</td></tr>' in page
    assert as_pdf.content(heard)["curve"]["wave"] == list(WAVE)
    assert json.loads(as_json.render(heard))["waveform"] == list(WAVE)
    rows = [row for row in csv.DictReader(io.StringIO(as_csv.render(heard))) if row["id"] == "sound"]
    assert [(row["at_s"], row["value"]) for row in rows][3] == ("4", "1")


def test_where_it_is_not_known_nothing_is_drawn(sample: Report) -> None:
    assert sounds(sample) == {}
    assert 'class="wave"' not in as_html.render(sample, "en")
