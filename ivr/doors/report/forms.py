"""Every form that a report has, by name."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from rich.console import Console

from ivr.doors.report import as_csv, as_html, as_json, as_parquet, as_pdf, terminal
from ivr.usecases.reporting import Report

PLAIN_WIDTH = 100
"""Characters of a line of the terminal's form in a file."""


def _plain(report: Report, language: str | None) -> str:
    page = StringIO()
    terminal.render(report, Console(file=page, width=PLAIN_WIDTH, color_system=None), language)
    return page.getvalue()


FORMS: dict[str, Callable[[Report, str | None], str | bytes]] = {
    "terminal": _plain,
    "json": lambda report, _: as_json.render(report),
    "csv": lambda report, language: as_csv.render(report, language=language),
    "csv-excel": lambda report, language: as_csv.render(report, excel=True, language=language),
    "html": as_html.render,
    "pdf": as_pdf.render,
    "parquet": as_parquet.render,
}
"""Text, to be written as UTF-8, or bytes; in the given language, or the campaign's."""
