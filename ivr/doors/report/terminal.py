"""The report in a terminal: at 80 columns, with or without colours, also through a pipe."""

from __future__ import annotations

import io
import unicodedata

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ivr.doors.report import braille, terminal_groups, versions
from ivr.doors.report.words import Words, clean, words
from ivr.rules.retention import Curve, Point
from ivr.usecases.reporting import Measure, Part, Report

ROWS = 11
SIGNS = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "’": "'",
        "…": "...",
        "×": "x",
        "·": "-",
        "⚠": "!",
        "✓": "+",
        "█": "#",
        "▏": "|",
        "│": "|",
        "└": "+",
        "─": "-",
        "≠": "!=",
    }
)


def render(report: Report, console: Console, language: str | None = None) -> None:
    """The report is printed on `console`, in `language` (the campaign's by default).

    A console that cannot write UTF-8 gets the same in ASCII.
    """
    say = words(language or report.facts.language, report.facts.timezone)
    whole = Group(*_sections(report, say, min(console.width, 100)))
    if not console.options.ascii_only:
        console.print(whole, width=min(console.width, 100))
        return
    page = io.StringIO()
    Console(file=page, width=min(console.width, 100), color_system=None).print(whole)
    console.print(Text(_ascii(page.getvalue())), end="")


def _ascii(text: str) -> str:
    dotted = "".join("*" if 0x2800 < ord(char) <= 0x28FF else " " if ord(char) == 0x2800 else char for char in text)
    plain = unicodedata.normalize("NFKD", dotted.translate(SIGNS))
    return "".join(char for char in plain if not unicodedata.combining(char)).encode("ascii", "replace").decode()


def _sections(report: Report, say: Words, width: int) -> list[RenderableType]:
    facts, blank = report.facts, Text("")
    lines = [
        Text(clean(facts.name), style="bold"),
        Text(f"{say('for')} {clean(facts.sponsor)} · {say('campaign_is')} {say(f'state.{facts.state}')}"),
        Text(f"{say('as_of')} {say.day_time(facts.as_of_ms)} ({clean(facts.timezone)})"),
        blank,
        _sentence(report, say),
        blank,
        *(_measure(one, report, say) for one in report.measures),
        *([] if facts.worst_second is None else [Text(f"{say('worst_second')}: {say.number(facts.worst_second)}")]),
        blank,
        *_curve(report, say, width),
        blank,
        _parts("outcomes", report.outcomes, say),
        blank,
        *_versions(report, say),
        *terminal_groups.sections(report, say),
        *_stops(report, say),
        Text(say("answered_by.def")),
        blank,
        *_books(report, say),
    ]
    return [Padding(line, (0, 0, 0, 1)) if isinstance(line, Text) else line for line in lines]


def _sentence(report: Report, say: Words) -> Text:
    rate = report.measure("listen_rate")
    text = say.sentence(report)
    if rate.value is None:
        return Text(text, style="bold")
    span = f" ({say('interval')} {say.span(rate, 0)})"
    warning = f" ⚠ {say('small_note')}" if rate.small else ""
    return Text.assemble((text, "bold"), span, warning)


def _measure(one: Measure, report: Report, say: Words) -> Table:
    """Name, value, interval and count on one line, the definition under it."""
    beyond_s = report.facts.message_ms / 1000
    head = "bold" if one.id in ("listen_rate", "completion", "answer_rate", "opt_out") else ""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(ratio=5)
    table.add_column(justify="right", ratio=3)
    table.add_column(justify="right", ratio=4)
    small = f"⚠ {say('small')}: " if one.small and one.denominator else ""
    table.add_row(
        Padding(Text(say(one.id), style=head), (0, 0, 0, 1)),
        Text(say.value(one, beyond_s), style=head),
        Text(say.span(one, beyond_s)),
    )
    details = f"{small}{say.counted(one)}. " if one.denominator else _nothing(one, say)
    outer = Table.grid(expand=True)
    outer.add_row(table)
    outer.add_row(Padding(Text(details + say.definition(one.id), style="dim"), (0, 0, 0, 3)))
    return outer


def _nothing(one: Measure, say: Words) -> str:
    """Why there is no figure yet; a count always is one."""
    if one.kind == "count":
        return ""
    return f"{say('not_started' if one.id == 'answer_rate' else 'none')}. "


def _curve(report: Report, say: Words, width: int) -> list[RenderableType]:
    title = Text(say("curve"), style="bold")
    points = [point for point in report.curve.points if point.share is not None] if report.curve else []
    if not report.curve or not points:
        return [title, Text(say("curve.none"))]
    columns = max(width - 9, 20)
    drawn = braille.curve(*_scaled(points, report.facts.message_ms), (columns, ROWS))
    marks = {0: "100", ROWS // 2: "50", ROWS - 1: "0"}
    axis = [Text(f"{marks.get(row, ''):>4} │{line}") for row, line in enumerate(drawn)]
    end = say.seconds(report.facts.message_ms / 1000)
    foot = Text(f"{'%':>4} └{'─' * columns}\n      0 s{end:>{columns - 3}}")
    note = Text(" ".join([say("curve.def"), *([say("curve.versions")] if report.versions else [])]), style="dim")
    beside = [Text(say.dips(report.dips))] if report.dips else []
    if report.typical:
        beside.append(Text(say.typical(report.typical), style="dim"))
    return [title, *axis, foot, *beside, _instants(report.curve, say), note]


def _scaled(points: list[Point], length_ms: int) -> tuple[list[float], list[float], tuple[list[float], list[float]]]:
    at = [point.at_ms / length_ms for point in points]
    share, low, high = (
        [value or 0.0 for value in edge] for edge in zip(*((p.share, p.low, p.high) for p in points), strict=True)
    )
    return at, share, (low, high)


def _instants(curve: Curve, say: Words) -> Table:
    """Some instants of the curve in numbers: about eight, the first and last among them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("second", "axis.share", "interval", "at_risk", "left", "cut"):
        table.add_column(say(name), justify="right")
    points, left, cut = curve.points, 0, 0
    every = max(1, -(-len(points) // 8))
    for index, point in enumerate(points):
        left, cut = left + point.left, cut + point.cut
        if index % every == 0 or index == len(points) - 1:
            span = "–" if point.low is None else f"{say.number(100 * point.low, 1)} – {say.percent(point.high)}"
            row = (say.seconds(point.at_ms / 1000), say.percent(point.share), span)
            table.add_row(*row, say.number(point.at_risk), say.number(left), say.number(cut))
            left = cut = 0
    return table


def _parts(title: str, parts: tuple[Part, ...], say: Words) -> Table:
    table = Table(
        title=Text(say(title), style="bold"), title_justify="left", show_header=False, box=None, pad_edge=True
    )
    for part in parts:
        bar = "█" * round(24 * (part.share or 0)) or ("▏" if part.count else "")
        count = f"{say.number(part.count)} {say('of')} {say.number(part.total)}"
        table.add_row(Text(say.part(part)), Text(bar, style="cyan"), Text(count), Text(say.percent(part.share)))
    return table


def _versions(report: Report, say: Words) -> list[RenderableType]:
    """What became of each version of the message, the chief figures on a line each."""
    if not report.versions:
        return []
    sentences = versions.sentences(report, say)
    lines: list[RenderableType] = [Text(say("versions"), style="bold"), *(Text(f" {one}") for one in sentences)]
    for version in report.versions:
        name, share = clean(version.facts.name), say.percent(version.facts.share)
        books = (
            f"{say.number(version.books.targets)} {say('targets')}, {say.number(version.answered)} {say('answered')}"
        )
        lines.append(Text(f" {name} ({share}): {books}"))
        told = versions.figures(version, say)
        lines += [Padding(Text(f"{what}: {figures}"), (0, 0, 0, 3)) for what, figures in told]
    notes = [say("versions.def"), *([say("difference.def")] if sentences else [])]
    return [*lines, Text(" ".join(notes), style="dim"), Text("")]


def _stops(report: Report, say: Words) -> list[RenderableType]:
    if not any(part.count for part in report.opt_outs):
        return [Text(say("opt_outs.none")), Text("")]
    lines: list[RenderableType] = [_parts("opt_outs", report.opt_outs, say)]
    for segment, seconds in report.opt_out_seconds.items():
        told = ", ".join(f"{second} s" + (f" ×{count}" if count > 1 else "") for second, count in seconds.items())
        lines.append(Text(f" {say.segment(segment)} {say('at_seconds', list=told)}"))
    return [*lines, Text("")]


def _books(report: Report, say: Words) -> list[RenderableType]:
    books = report.books
    again = say("of_which", n=say.number(books.waiting), what=say("waiting"))
    due = f"{say('due')} ({again})" if books.waiting else say("due")
    sums = ((books.outcomes, say("outcomes_total")), (books.due, due), (books.in_progress, say("in_progress")))
    told = " + ".join(f"{say.number(count)} {what}" for count, what in (*sums, (books.not_allowed, say("not_allowed"))))
    verdict = f"✓ {say('balance.yes')}" if books.balance else f"⚠ {say('balance.no')}"
    style = "bold green" if books.balance else "bold red"
    total = f"{say.number(books.targets)} {say('targets')}"
    refusals: list[RenderableType] = [_parts("refusals", report.refusals, say)] if report.refusals else []
    known = [Text(f"{say.number(count)} {say(name)}") for name, count in report.doubts.items()]
    heading = [Text(say("doubts"), style="bold")] if known else []
    sign = "=" if books.accounted == books.targets else "≠"
    return [
        Text(say("books"), style="bold"),
        Text(f"{total} {sign} {told}"),
        Text(verdict, style=style),
        *refusals,
        *heading,
        *known,
    ]
