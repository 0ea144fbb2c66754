"""The breakdowns in a terminal: a table a dimension, and the hours of the week as two maps."""

from __future__ import annotations

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ivr.doors.report.groups import Group, Spot, Week, groups, weeks
from ivr.doors.report.words import Words
from ivr.usecases.reporting import Report, Row

PLACES = 20
"""Characters of an interval's drawing."""


def sections(report: Report, say: Words) -> list[RenderableType]:
    """Every breakdown that compares something; nothing when there is none."""
    told, maps = groups(report), weeks(report)
    if not told and not maps:
        return []
    lines: list[RenderableType] = [Text(say("groups"), style="bold")]
    for one in told:
        lines.append(_group(one, say))
        if one.left_out:
            lines.append(Text(say("left_out", n=say.number(one.left_out)), style="dim"))
    lines += [_week(one, say) for one in maps]
    notes = [say("groups.def"), *([say("week.def")] if maps else [])]
    return [*lines, Text(" ".join(notes), style="dim"), Text("")]


def _group(one: Group, say: Words) -> Table:
    table = Table(title=Text(say(f"by.{one.dimension}")), title_justify="left", box=None, pad_edge=True)
    table.add_column(say("group"))
    for name in ("group.heard", "listen_rate", "interval"):
        table.add_column(say(name), justify="right")
    table.add_column("0 … 100 %", no_wrap=True)
    for row in one.rows:
        table.add_row(*_row(one.dimension, row, say))
    return table


def _row(dimension: str, row: Row, say: Words) -> list[Text]:
    cells = [say.value_of(dimension, row.value), say.number(row.heard)]
    if row.listen_rate is None:
        return [Text(cell) for cell in (*cells, "–", "", say("hidden"))]
    rate = row.listen_rate
    return [Text(cell) for cell in (*cells, say.percent(rate.value), say.span(rate, 0), drawn(rate.low, rate.high))]


def drawn(low: float | None, high: float | None) -> str:
    """An interval of shares on a line of `PLACES` characters."""
    first, last = round((low or 0) * (PLACES - 1)), round((high or 0) * (PLACES - 1))
    return "".join("█" if first <= at <= last else "─" for at in range(PLACES))


def _week(one: Week, say: Words) -> Table:
    title = Text(say("week", rate=say(one.rate)), no_wrap=True)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, min_width=len(title))
    table.add_column(say("hour"), justify="right")
    for day in one.days:
        table.add_column(say(f"day.{day}"), justify="right", no_wrap=True)
    for hour, spots in one.spots.items():
        table.add_row(f"{hour} h", *(_spot(spot, say) for spot in spots))
    return table


def _spot(spot: Spot, say: Words) -> Text:
    if spot.rate is None or spot.rate.value is None:
        return Text(say("hidden.short") if spot.hidden else "")
    return Text(say.number(100 * spot.rate.value))
