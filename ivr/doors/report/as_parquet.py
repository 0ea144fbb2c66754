"""The report as Parquet: the lines of the CSV form, with numbers as numbers, for those who compute with it."""

from __future__ import annotations

from ivr.adapters.parquet import parquet
from ivr.doors.report.as_csv import COLUMNS, lines
from ivr.doors.report.words import words
from ivr.usecases.reporting import Report

NUMBERS = frozenset({"at_s", "numerator", "denominator", "value", "low", "high"})


def render(report: Report, language: str | None = None) -> bytes:
    """One table with the columns of the CSV form, labels in `language` (the campaign's by default)."""
    say = words(language or report.facts.language, report.facts.timezone)
    return parquet({name: float if name in NUMBERS else str for name in COLUMNS}, lines(report, say))
