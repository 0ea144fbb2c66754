"""What is said of two versions of a message: true at every look, in words that need no statistics."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.known_truth import BETTER, USUAL, Electorate, daily, versions
from ivr.doors.report import as_csv, as_html, as_json, as_pdf
from ivr.doors.report.versions import sentences
from ivr.doors.report.words import words
from ivr.rules.difference import Verdict, difference
from ivr.rules.logrank import Ends, logrank
from ivr.rules.looks import LEVEL, Score, reach
from ivr.rules.measures import Interval
from ivr.usecases.reporting import Report
from tests.unit.report.test_forms import printed

SHARPEST = 100.0


@pytest.fixture(scope="module")
def unlike() -> Report:
    return versions({"first": (USUAL, 250), "second": (BETTER, 250), "third": (USUAL, 250)}, seed=3)


def verdicts(report: Report) -> list[Verdict]:
    return [one.difference.verdict for one in report.versions if one.difference]


def told_on(kinds: Sequence[Electorate], seed: int) -> list[Verdict]:
    return [one for report in daily(kinds, (8, 30), seed) for one in verdicts(report) if one is not Verdict.UNKNOWN]


def test_equal_versions_that_are_looked_at_every_day_are_not_told_apart() -> None:
    assert sum(bool(told_on((USUAL, USUAL, USUAL), seed)) for seed in range(20)) <= 1


def test_a_better_version_is_found_and_never_called_worse() -> None:
    told = [told_on((USUAL, BETTER), seed) for seed in range(10)]
    assert sum(Verdict.MORE in one for one in told) >= 9
    assert not any({Verdict.LESS, Verdict.EARLIER} & set(one) for one in told)


def test_a_walk_that_is_looked_at_often_seldom_passes_the_border() -> None:
    dice, steps = np.random.default_rng(3), np.arange(1, 41) * 15.0
    walks = np.cumsum(dice.normal(0, np.sqrt(15.0), (4_000, 40)), axis=1)
    border = np.array([reach(step, LEVEL, SHARPEST) * step for step in steps])
    assert (np.abs(walks) >= border).any(axis=1).mean() <= LEVEL
    assert (np.abs(walks) >= 1.96 * np.sqrt(steps)).any(axis=1).mean() >= 0.2, "the test for one look is another"


@settings(deadline=None)
@given(st.floats(-200, 200), st.floats(0.5, 5_000), st.sampled_from([0.05, 0.025, 0.01]))
def test_an_interval_leaves_out_none_where_p_is_at_its_level(value: float, information: float, level: float) -> None:
    p, within = Score(value, information).p_always(SHARPEST), reach(information, level, SHARPEST)
    outside = abs(value / information) / within
    assert outside == pytest.approx(1, abs=1e-6) or (outside > 1) == (p < level)


def test_nothing_is_known_before_anybody_left() -> None:
    nothing = logrank(Ends({}, {30_000: 9}), Ends({}, {30_000: 4}), 29_000)
    assert (nothing.value, nothing.p_once, nothing.p_always(SHARPEST)) == (0, 1, 1)


def test_who_leaves_where_the_shorter_version_counts_as_heard_is_not_compared() -> None:
    short = Ends({2_000: 3}, {10_000: 7})
    assert logrank(short, Ends({2_000: 3, 9_800: 7}, {}), 9_700) == logrank(short, Ends({2_000: 3}, {20_000: 7}), 9_700)


def test_more_versions_ask_for_more_proof() -> None:
    rates, score = (Interval(0.7, 0.66, 0.74), Interval(0.62, 0.58, 0.66)), Score(-20.0, 100.0)
    two, nine = (difference(*rates, score, questions) for questions in (2, 16))
    assert two.gain.high - two.gain.low < nine.gain.high - nine.gain.low
    assert nine.p_leaving == pytest.approx(min(1.0, 8 * two.p_leaving))
    assert two.p_once == nine.p_once


@pytest.mark.parametrize(
    ("rate", "left", "verdict"),
    [
        (0.7, 0.0, Verdict.MORE),
        (0.3, 0.0, Verdict.LESS),
        (0.5, 60.0, Verdict.EARLIER),
        (0.5, -60.0, Verdict.LATER),
        (0.5, 0.0, Verdict.UNKNOWN),
    ],
)
def test_each_verdict_has_its_sentence(unlike: Report, rate: float, left: float, verdict: Verdict) -> None:
    first, second, _ = unlike.versions
    found = difference(Interval(rate, rate - 0.02, rate + 0.02), Interval(0.5, 0.48, 0.52), Score(left, 100.0), 2)
    assert found.verdict is verdict
    report = replace(unlike, versions=(first, replace(second, difference=found)))
    for language in ("fr", "en"):
        [told] = sentences(report, words(language))
        assert "second" in told
        assert "first" in told
        assert "difference." not in told
        assert "{" not in told


def test_the_sentence_says_between_what(unlike: Report) -> None:
    more, unknown = sentences(unlike, words("en"))
    found = unlike.versions[1].difference
    assert found is not None
    low, high = 100 * found.gain.low, 100 * found.gain.high
    assert more == f"“second” is listened to more than “first”: by {low:.1f} to {high:.1f} points."
    assert unknown.startswith("No difference can be shown yet between “third” and “first”")


def test_every_form_says_it(unlike: Report) -> None:
    told = sentences(unlike, words("en"))
    shown, page = " ".join(printed(unlike, language="en").split()), as_html.render(unlike, "en")
    assert all(sentence in shown and sentence in page for sentence in told)
    assert as_pdf.content(unlike, "en")["versions"]["sentences"] == told
    plain: Any = json.loads(as_json.render(unlike))["versions"][1]["difference"]
    assert plain["verdict"] == "more"
    rows = {(row["section"], row["id"]): row for row in csv.DictReader(io.StringIO(as_csv.render(unlike)))}
    assert float(rows["measures/2", "gain_always"]["low"]) == pytest.approx(plain["gain"]["low"], rel=1e-4)
    assert float(rows["measures/3", "p_leaving"]["value"]) == pytest.approx(1)


def test_of_hidden_versions_nothing_is_said() -> None:
    small = versions({"first": (USUAL, 250), "second": (BETTER, 15)}, seed=3)
    assert sentences(small, words("fr")) == []
    assert as_pdf.content(small, "fr")["versions"]["rows"][0][3] == words("fr")("hidden")
