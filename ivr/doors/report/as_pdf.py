"""The report as one page of PDF: tagged, in the reader's language, to be printed or sent."""

from __future__ import annotations

from typing import Any

from ivr.adapters.pdf import pdf
from ivr.doors.report import versions
from ivr.doors.report.groups import Group, groups
from ivr.doors.report.plot import labelled
from ivr.doors.report.words import Words, clean, words
from ivr.rules.retention import Curve
from ivr.usecases.reporting import Measure, Part, Report

TOLD = ("completion", "median", "answer_rate", "opt_out", "left_before", "early_hangup", "notice", "dialled")
EXPLAINED = ("completion", "answer_rate", "opt_out", "notice")
LABELS = 10
MOST_GROUPS, MOST_ROWS = 3, 8
LONGEST = 90
"""Characters of a name that are shown: a page is a page."""


def render(report: Report, language: str | None = None) -> bytes:
    """The page as PDF/UA, in `language` (the campaign's by default): the same report makes the same bytes."""
    return pdf("report", content(report, language))


def content(report: Report, language: str | None = None) -> dict[str, Any]:
    """What the page says, every number as it is read."""
    say = words(language or report.facts.language, report.facts.timezone)
    rate = report.measure("listen_rate")
    return {
        "language": say.language,
        "title": _short(report.facts.name),
        "author": _short(report.facts.sponsor),
        "kicker": f"{say('report')} · {_short(report.facts.sponsor)}",
        "facts": f"{say('campaign_is')} {say(f'state.{report.facts.state}')} · {_period(report, say)}",
        "sentence": _sentence(report, rate, say),
        "headline": {
            "name": say("listen_rate"),
            "value": say.value(rate, 0),
            "counted": _counted(rate, say),
            "definition": say.definition("listen_rate"),
        },
        "measures": _measures(report, say),
        "curve": _curve(report, say),
        "outcomes": _outcomes(report.outcomes, say),
        "books": _books(report, say),
        "versions": _versions(report, say),
        "groups": [] if report.versions else [_group(one, say) for one in groups(report)[:MOST_GROUPS]],
        "verdict": say("balance.yes" if report.books.balance else "balance.no"),
        "doubts": [f"{say.number(count)} {say(name)}" for name, count in report.doubts.items()],
        "definitions": [[say(name), say.definition(name)] for name in EXPLAINED],
        "footer": f"{say('aggregates')} {report.schema}",
    }


def _short(name: str) -> str:
    shown = clean(name)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _period(report: Report, say: Words) -> str:
    facts = report.facts
    as_of = f"{say('as_of')} {say.day_time(facts.as_of_ms)} ({clean(facts.timezone)})"
    if facts.started_ms is None:
        return f"{say('not_started')} · {as_of}"
    if facts.finished_ms is None:
        return f"{say('since')} {say.day_time(facts.started_ms)} · {as_of}"
    return f"{say('period')} {say.day_time(facts.started_ms)} {say('to')} {say.day_time(facts.finished_ms)} · {as_of}"


def _sentence(report: Report, rate: Measure, say: Words) -> str:
    told = say.sentence(report)
    return f"{told} {say('small_note')}" if rate.small and rate.denominator else told


def _counted(one: Measure, say: Words) -> str:
    if not one.denominator:
        return say("none")
    return f"{say.counted(one)} · {say('interval_is', span=say.span(one, 0))}"


def _measures(report: Report, say: Words) -> dict[str, Any]:
    length_s = report.facts.message_ms / 1000
    found = [report.measure(name) for name in TOLD]
    return {
        "columns": [say("figure"), say("value"), say("interval"), say("counted")],
        "rows": [[say(one.id), say.value(one, length_s), say.span(one, length_s), say.counted(one)] for one in found],
    }


def _outcomes(parts: tuple[Part, ...], say: Words) -> dict[str, Any]:
    rows = [[say.part(part), say.number(part.count), say.percent(part.share)] for part in parts]
    return {"title": say("outcomes"), "columns": [say("outcome"), say("calls"), say("share")], "rows": rows}


def _books(report: Report, say: Words) -> dict[str, Any]:
    books = report.books
    lines = {"outcomes_total": books.outcomes, "due": books.due, "in_progress": books.in_progress}
    lines |= {"not_allowed": books.not_allowed, "accounted": books.accounted, "targets": books.targets}
    rows = [[say(name), say.number(count)] for name, count in lines.items()]
    return {"title": say("books"), "columns": [say("outcome"), say("calls")], "rows": rows}


def _group(one: Group, say: Words) -> dict[str, Any]:
    rows = [
        [say.value_of(one.dimension, row.value), say.percent(row.listen_rate.value), say.span(row.listen_rate, 0)]
        for row in one.rows
        if row.listen_rate
    ]
    columns = [say("group"), say("listen_rate"), say("interval")]
    return {"title": say(f"by.{one.dimension}"), "columns": columns, "rows": rows[:MOST_ROWS]}


def _versions(report: Report, say: Words) -> dict[str, Any]:
    """The versions of the message stand in place of groups: a page is a page."""
    names = ("version", "planned", "answered", "listen_rate", "interval", "completion")
    told = versions.sentences(report, say)
    return {
        "title": say("versions"),
        "columns": [say(name) for name in names],
        "rows": [_version(one, say) for one in report.versions],
        "sentences": told,
        "note": say("difference.def") if told else "",
    }


def _version(one: Report, say: Words) -> list[str]:
    rate, completion = one.measure("listen_rate"), one.measure("completion")
    told = [_short(one.facts.name), say.percent(one.facts.share), say.number(one.answered)]
    if one.hidden:
        return [*told, say("hidden"), "", ""]
    return [*told, say.value(rate, 0), say.span(rate, 0), say.value(completion, 0)]


def _curve(report: Report, say: Words) -> dict[str, Any]:
    """Points as place, share, low and high, all 0…1; what stands at the axes as place and words."""
    curve = report.curve
    drawn = [point for point in curve.points if point.share is not None] if curve else []
    told = {
        "title": say("curve"),
        "wave": list(report.waveform),
        "points": [],
        "up": [],
        "across": [],
        "alt": "",
        "note": say("curve.none"),
    }
    if curve is None or not drawn:
        return told
    length_ms = curve.points[-1].at_ms
    start, end = (say.percent(point.share) for point in (drawn[0], drawn[-1]))
    return told | {
        "points": [[point.at_ms / length_ms, point.share, point.low or 0.0, point.high or 0.0] for point in drawn],
        "up": [[share, say.percent(share, 0)] for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "across": _across(curve, say),
        "alt": f"{say('curve')}. {say('curve.alt', start=start, end=end, length=say.seconds(length_ms / 1000))}",
        "note": f"{say('curve.short')} {say('axis.risk.below')} {start} → {end}. {say.dips(report.dips)}".strip(),
    }


def _across(curve: Curve, say: Words) -> list[list[Any]]:
    length_ms = curve.points[-1].at_ms
    return [
        [point.at_ms / length_ms, say.seconds(point.at_ms / 1000), say.number(point.at_risk)]
        for point in labelled(curve.points, LABELS)
    ]
