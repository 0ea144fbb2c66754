"""The report as one HTML file that asks nothing of any server: no script, no font, no picture from outside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ivr.doors.report import versions
from ivr.doors.report.groups import groups, weeks
from ivr.doors.report.plot import Plot, of_report, sounds
from ivr.doors.report.words import Words, clean, words
from ivr.usecases.reporting import Part, Report

HEADLINES = ("completion", "answer_rate", "opt_out")
WIDE, NARROW = ((960, 400), 10), ((340, 300), 5)

_PAGES = Environment(
    loader=PackageLoader("ivr.doors.report", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(report: Report, language: str | None = None) -> str:
    """The page, in `language` (the campaign's by default), to be written as UTF-8.

    Its content security policy allows its own style, by hash, and nothing else.
    """
    say = words(language or report.facts.language, report.facts.timezone)
    return _PAGES.get_template("report.html.j2").render(
        report=report,
        facts=report.facts,
        say=say,
        clean=clean,
        style=Markup(_style()),  # noqa: S704 - our own file, in which nothing is filled in
        policy=Markup(policy()),  # noqa: S704 - our own words
        headlines=[report.measure(name) for name in HEADLINES],
        others=[one for one in report.measures if one.id not in (*HEADLINES, "listen_rate")],
        plots=_plots(report),
        differences=versions.sentences(report, say),
        figures_of=versions.figures,
        stops=_stops(report),
        sounds=sounds(report),
        played=_played(report, say),
        groups=groups(report),
        weeks=weeks(report),
        length_s=report.facts.message_ms / 1000,
    )


def policy() -> str:
    """The page's content security policy: its own style, by hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return _PAGES.get_template("report.css.j2").render()


def _plots(report: Report) -> dict[str, Plot]:
    """The same curve twice, for a wide and a narrow screen: scaled down, its words could not be read."""
    drawn = {"wide": of_report(report, *WIDE), "narrow": of_report(report, *NARROW)}
    return {name: plot for name, plot in drawn.items() if plot}


def _played(report: Report, say: Words) -> list[tuple[str, int, str]]:
    """What was played: its name, length and fingerprint; of a message with versions, each of them."""
    facts, told = report.facts, say.segment("message")
    of = [(f"{told}: {clean(one.facts.name)}", one.facts) for one in report.versions] or [(told, facts)]
    return [
        (say.segment("preroll"), facts.preroll_ms, facts.sounds.get("preroll", "–")),
        *((name, one.message_ms, one.sounds.get("message", "–")) for name, one in of),
        (say.segment("notice"), facts.notice_ms, facts.sounds.get("notice", "–")),
    ]


def _stops(report: Report) -> list[tuple[Part, str]]:
    """Each segment with its stops, and the seconds at which they came where they may be shown."""
    return [(part, _seconds(report.opt_out_seconds.get(part.id, {}))) for part in report.opt_outs if part.total]


def _seconds(seconds: Mapping[int, int]) -> str:
    return ", ".join(f"{second} s" + (f" ×{count}" if count > 1 else "") for second, count in seconds.items())
