"""The report as one table of figures, one a line, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ivr.doors.report.plot import sounds
from ivr.doors.report.words import Words, clean, words
from ivr.usecases.reporting import Part, Report, Row

Cell = str | int | float | None
COLUMNS = ("section", "id", "at_s", "label", "numerator", "denominator", "value", "low", "high", "definition")
BYTE_ORDER_MARK = "\ufeff"
FORMULA = "=+-@\t\r＝＋－＠"  # what makes a spreadsheet run a cell, in both widths


def render(report: Report, excel: bool = False, language: str | None = None) -> str:
    """The report as CSV with a header, lines ended by CR LF, labels in `language` (the campaign's by default).

    excel: as a French Excel opens it by double click, with byte-order mark, semicolons and decimal commas. To be
    encoded as UTF-8.
    """
    say = words(language or report.facts.language, report.facts.timezone)
    out = io.StringIO(newline="")
    table = csv.writer(out, delimiter=";" if excel else ",", lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows([_cell(cell, excel) for cell in row] for row in lines(report, say))
    return (BYTE_ORDER_MARK if excel else "") + out.getvalue()


def _cell(cell: Cell, excel: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    text = str(cell) if isinstance(cell, int) else f"{cell:.6g}"
    return text.replace(".", ",") if excel else text


def harmless(text: str) -> str:
    """`text` so that no spreadsheet takes it for a formula: an apostrophe before what would start one."""
    shown = clean(text)
    return f"'{shown}" if shown.startswith(tuple(FORMULA)) else shown


def lines(report: Report, say: Words) -> Iterator[list[Cell]]:
    """Of a version the same as of the whole, each section named after its number, the first one 1."""
    yield from _campaign(report, say)
    yield from _figures(report, say)
    for number, version in enumerate(report.versions, 1):
        yield [
            f"version/{number}",
            "share",
            None,
            version.facts.name,
            None,
            None,
            version.facts.share,
            None,
            None,
            None,
        ]
        for section, *rest in _figures(version, say):
            yield [f"{section}/{number}", *rest]
        for section, *rest in _beside(version, say):
            yield [f"{section}/{number}", *rest]


def _figures(report: Report, say: Words) -> Iterator[list[Cell]]:
    for one in report.measures:
        numbers = [one.numerator, one.denominator, one.value, one.low, one.high]
        yield ["measures", one.id, None, say(one.id), *numbers, say.definition(one.id)]
    for name in ("outcomes", "answered_by", "fates", "opt_outs", "refusals"):
        yield from (_part(name, part, say) for part in getattr(report, name))
    for point in report.curve.points if report.curve else ():
        numbers = [None, point.at_risk, point.share, point.low, point.high]
        yield ["retention", "share", point.at_ms / 1000, say("axis.share"), *numbers, None]
        yield ["retention", "left", point.at_ms / 1000, say("left"), point.left, None, point.left, None, None, None]
        yield ["retention", "cut", point.at_ms / 1000, say("cut"), point.cut, None, point.cut, None, None, None]
    for at_ms, loud in sounds(report).items():
        yield ["retention", "sound", at_ms / 1000, say("axis.sound"), None, None, loud, None, None, None]
    for breakdown in report.breakdowns:
        for row in breakdown.rows:
            yield from _row(breakdown.dimension, row, say)
    yield from _books(report, say)


def _beside(version: Report, say: Words) -> Iterator[list[Cell]]:
    """What distinguishes a version from the first one."""
    found = version.difference
    gains = {"gain": version.gain, "gain_always": found.gain if found else None}
    for name, gain in gains.items():
        if gain:
            numbers = [None, None, gain.value, gain.low, gain.high]
            yield ["measures", name, None, say(name), *numbers, say.definition(name)]
    for name in ("p_rates", "p_leaving", "p_once") if found else ():
        note = say.definition("gain_always" if name == "p_rates" else "p_leaving")
        yield ["measures", name, None, say(name), None, None, getattr(found, name), None, None, note]


def _campaign(report: Report, say: Words) -> Iterator[list[Cell]]:
    facts = report.facts
    texts = {"name": facts.name, "sponsor": facts.sponsor, "state": facts.state, "as_of": say.day_time(facts.as_of_ms)}
    for name, text in texts.items():
        yield ["campaign", name, None, text, *[None] * 6]


def _row(dimension: str, row: Row, say: Words) -> Iterator[list[Cell]]:
    """A line per figure; of a hidden one its denominator, and that it is hidden."""
    figures = {"answer_rate": row.answer_rate, "listen_rate": row.listen_rate, "completion": row.completion}
    for name, told in figures.items():
        numbers = [told.numerator, told.denominator, told.value, told.low, told.high] if told else [None, row.heard]
        note = [say.definition(name)] if told else [None, None, None, say("hidden")]
        yield [f"by_{dimension}", name, None, row.value or say("not_known"), *numbers, *note]


def _part(section: str, part: Part, say: Words) -> list[Cell]:
    return [section, part.id, None, say.part(part), part.count, part.total, part.share, None, None, None]


def _books(report: Report, say: Words) -> Iterator[list[Cell]]:
    books = report.books
    lines = {
        "targets": books.targets,
        "outcomes_total": books.outcomes,
        "due": books.due,
        "waiting": books.waiting,
        "in_progress": books.in_progress,
        "not_allowed": books.not_allowed,
        "accounted": books.accounted,
        "balance": int(books.balance),
        **report.doubts,
    }
    for name, count in lines.items():
        yield ["books", name, None, say(name), count, books.targets, count, None, None, None]
