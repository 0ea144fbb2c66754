"""The forms of a report that are no text: one page of PDF for every reader, Parquet for programs."""

from __future__ import annotations

import csv
import io
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest

from ivr.doors.cli.campaign import put
from ivr.doors.report import as_csv, as_parquet, as_pdf
from ivr.doors.report.forms import FORMS
from ivr.rules.tally import Tally
from ivr.usecases.reporting import Report, build
from tests.unit.report.conftest import EMPTY
from tests.unit.report.test_forms import HOSTILE
from tests.unit.report.test_groups import report_of

STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


def opened(made: bytes) -> bytes:
    """The file with its compressed parts readable."""
    parts = [made]
    for found in STREAM.findall(made):
        try:
            parts.append(zlib.decompress(found))
        except zlib.error:
            continue
    return b"\n".join(parts)


def facts_of(report: Report, **more: Any) -> Report:
    return replace(report, facts=replace(report.facts, **more))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pdf_is_one_page_that_a_screen_reader_can_read(maker: Any, sample: Report, language: str) -> None:
    odd = facts_of(sample, name=HOSTILE + "#panic()" * 40, sponsor="$x$ *_`#[" * 30)
    heard = replace(report_of(maker, 3_000, 40), waveform=(0.2, 1.0) * 100)
    for report in (sample, heard, build(EMPTY, Tally()), odd):
        made = as_pdf.render(report, language)
        inside = opened(made)
        assert made.startswith(b"%PDF-1.7")
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", inside)) == 1
        assert b"/StructTreeRoot" in inside
        assert re.search(rb"/Lang\s*\(" + language.encode(), inside)
        assert b"pdfuaid" in inside


def test_the_same_report_makes_the_same_pdf(sample: Report) -> None:
    assert as_pdf.render(sample) == as_pdf.render(sample)


def test_the_curve_of_the_pdf_is_told_in_words(sample: Report) -> None:
    told = as_pdf.content(sample, "fr")["curve"]
    assert len(told["points"]) > 2
    assert told["alt"].startswith("Qui écoute encore")
    assert as_pdf.content(build(EMPTY, Tally()), "fr")["curve"]["alt"] == ""


def test_parquet_holds_the_lines_of_the_csv(maker: Any, tmp_path: Path) -> None:
    report = report_of(maker)
    file = tmp_path / "report.parquet"
    file.write_bytes(as_parquet.render(report, "en"))
    with duckdb.connect(":memory:") as engine:
        rows = engine.read_parquet(str(file)).fetchall()
    plain = list(csv.DictReader(io.StringIO(as_csv.render(report, language="en"))))
    assert len(rows) == len(plain)
    for row, line in zip(rows, plain, strict=True):
        assert (row[0], row[1]) == (line["section"], line["id"])
        assert row[6] is None if line["value"] == "" else row[6] == pytest.approx(float(line["value"]), rel=1e-5)


def test_every_form_can_be_made_of_nothing_and_of_a_whole_campaign(sample: Report) -> None:
    for make in FORMS.values():
        assert make(build(EMPTY, Tally()), "fr")
        assert make(sample, None)


def test_a_form_is_written_to_its_file_and_to_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(b"\x00\r\n", tmp_path / "new" / "report.pdf")
    put("é\r\n", tmp_path / "report.csv")
    assert (tmp_path / "new" / "report.pdf").read_bytes() == b"\x00\r\n"
    assert (tmp_path / "report.csv").read_bytes() == "é\r\n".encode()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(click.UsageError, match="--output"):
        put(b"%PDF", None)
