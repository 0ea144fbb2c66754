"""The breakdowns as they are shown: what compares, in which order, and never a group of few."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from ivr.doors.report import as_html, terminal
from ivr.doors.report.groups import MOST, Week, groups, weeks
from ivr.doors.report.words import words
from ivr.rules.tally import Tally, call_of
from ivr.usecases.reporting import Report, build
from tests.unit.report.conftest import EMPTY, MESSAGE_MS, PLACES

HEARD = {"mobile": 8_000, "fixed": 16_000, "unknown": 12_000}


def report_of(maker: Any, calls: int = 900, ranges: int = 3) -> Report:
    """Fixed lines listen longest; on Tuesday at ten there are two calls; every third number of a call is a second."""
    dice, tally = random.Random(3), Tally()
    for number in range(calls):
        line = dice.choice(list(HEARD))
        hour = "2-10" if number < 2 else f"{dice.choice((1, 2, 4))}-{dice.choice(('11', '13'))}"
        found = PLACES | {"attempt": str(1 + number % 3 // 2), "line_type": line, "hour": hour}
        found["range"] = f"+33{600 + number % ranges}"
        heard = min(max(int(dice.gauss(HEARD[line], 3_000)), 0), MESSAGE_MS)
        answered = dice.random() < 0.7
        listen = maker.listen(heard) if answered else None
        tally.add(call_of("answered" if answered else "busy", listen, MESSAGE_MS), found)
    done = tally.whole["answered"]
    facts = replace(EMPTY, targets=calls, done={"answered": done, "busy": calls - done})
    return build(replace(facts, called=dict(facts.done)), tally)


def of(report: Report, dimension: str) -> list[str]:
    return [row.value for one in groups(report) if one.dimension == dimension for row in one.rows]


def printed(report: Report, width: int, language: str) -> str:
    out = io.StringIO()
    terminal.render(report, Console(file=out, width=width, color_system=None), language)
    return out.getvalue()


def test_who_listens_longest_stands_first_and_calls_stay_in_their_order(maker: Any) -> None:
    report = report_of(maker)
    assert of(report, "line_type") == ["fixed", "unknown", "mobile"]
    assert of(report, "attempt") == ["1", "2"]


def test_what_compares_nothing_is_not_shown(maker: Any) -> None:
    assert {one.dimension for one in groups(report_of(maker))} == {"line_type", "attempt", "range"}
    assert groups(report_of(maker, calls=25)) == []
    assert groups(build(EMPTY, Tally())) == []
    assert weeks(build(EMPTY, Tally())) == []


def test_of_many_values_those_with_most_calls_are_shown_and_the_rest_counted(maker: Any) -> None:
    report = report_of(maker, calls=1500, ranges=40)
    one = next(one for one in groups(report) if one.dimension == "range")
    everybody = next(found.rows for found in report.breakdowns if found.dimension == "range")
    assert (len(one.rows), one.left_out) == (MOST, 40 - MOST)
    least = min(row.heard for row in one.rows)
    assert sum(row.heard > least for row in everybody) < MOST


def test_the_week_has_every_hour_between_and_hides_the_few(maker: Any) -> None:
    report = report_of(maker)
    answers, listens = weeks(report)
    assert (answers.days, list(answers.spots)) == ((1, 2, 4), [10, 11, 12, 13])
    for week in (answers, listens):
        assert [spot.hidden for spot in week.spots[10]] == [False, True, False]
        assert not any(spot.rate or spot.hidden for spot in week.spots[12])
        assert shades(week) >= {0, 9}


def shades(week: Week) -> set[int]:
    return {spot.shade for spots in week.spots.values() for spot in spots if spot.shade is not None}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_and_the_terminal_tell_the_same_rates(maker: Any, language: str) -> None:
    report, say = report_of(maker), words(language)
    page, shown = as_html.render(report, language), printed(report, 80, language)
    for one in groups(report):
        for row in one.rows:
            assert row.listen_rate
            assert f"<strong>{say.percent(row.listen_rate.value)}</strong>" in page
            assert say.percent(row.listen_rate.value) in shown
            assert say.span(row.listen_rate, 0) in page
    assert max(map(len, shown.splitlines())) <= 80
    assert say("by.line_type") in page
    assert say("hidden") in page


def test_every_dimension_and_kind_of_line_has_words(maker: Any) -> None:
    for language in ("fr", "en"):
        say = words(language)
        for one in report_of(maker).breakdowns:
            assert f"by.{one.dimension}" in say.catalogue
        assert say.value_of("line_type", "fixed") != "fixed"
        assert say.value_of("age", "") == say("not_known")


def test_the_page_stays_well_made_with_a_value_that_is_markup(maker: Any) -> None:
    tally = Tally()
    for trunk in ("<script>", "b\x1b[2J"):
        for _ in range(30):
            tally.add(call_of("answered", maker.listen(9_000), MESSAGE_MS), PLACES | {"attempt": "1", "trunk": trunk})
    report = build(replace(EMPTY, targets=60, done={"answered": 60}, called={"answered": 60}), tally)
    page = as_html.render(report)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\x1b" not in printed(report, 80, "en")
