"""Seconds at which more people leave: found where they are, not found where chance is all."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from typing import Any

from rich.console import Console

from ivr.doors.report import as_html, as_json, as_pdf, terminal
from ivr.doors.report.words import words
from ivr.rules.dips import dips
from ivr.rules.retention import retention

LENGTH_MS = 30_000


def leaving(
    seed: int, calls: int, at_s: float | None = None, share: float = 0.0
) -> tuple[Counter[int], Counter[int], int]:
    """Everybody leaves at a falling rate, some are cut; of who is there at at_s, `share` leaves within that second."""
    dice, left, cut, stayed = random.Random(seed), Counter[int](), Counter[int](), 0
    for _ in range(calls):
        end_s = dice.weibullvariate(60, 0.7)
        cut_s = dice.expovariate(1 / 300)
        if at_s is not None and end_s > at_s and dice.random() < share:
            end_s = at_s + dice.random() * 0.9
        if min(end_s, cut_s) * 1000 >= LENGTH_MS:
            stayed += 1
        elif end_s < cut_s:
            left[int(end_s * 1000)] += 1
        else:
            cut[int(cut_s * 1000)] += 1
    return left, cut, stayed


def found(seed: int, calls: int, at_s: float | None = None, share: float = 0.0) -> list[int]:
    curve = retention(*leaving(seed, calls, at_s, share), LENGTH_MS)
    assert curve
    return [dip.at_ms for dip in dips(curve)]


def test_a_second_at_which_many_leave_is_found() -> None:
    for seed in range(20):
        assert found(seed, 3_000, 12.05, 0.08) == [13_000]


def test_chance_alone_and_the_natural_beginning_are_no_dip() -> None:
    assert sum(len(found(seed, calls)) for seed in range(100) for calls in (200, 3_000)) <= 2


def test_of_few_people_nothing_is_told() -> None:
    assert found(1, 60, 12.05, 0.3) == []
    curve = retention({}, {}, 0, LENGTH_MS) or retention({5_000: 1}, {}, 0, LENGTH_MS)
    assert curve
    assert dips(curve) == ()


def test_a_message_shorter_than_its_neighbourhood_has_none() -> None:
    curve = retention({1_500: 400, 500: 3}, {}, 600, 2_400)
    assert curve
    assert dips(curve) == ()


def test_every_form_names_the_second(maker: Any) -> None:
    heard = [maker.listen(at_ms) for at_ms in range(300, 20_000, 100) for _ in range(2)]
    report = maker.report(maker.answered(*heard, *[maker.listen(9_500)] * 60))
    [dip] = report.dips
    assert dip.at_ms == 10_000
    say = words("en")
    out = io.StringIO()
    terminal.render(report, Console(file=out, width=80, color_system=None), "en")
    told = say.dips(report.dips)
    assert "between 9\u00a0s and 10\u00a0s, 80 of 280" in told
    for page in (as_html.render(report, "en"), " ".join(out.getvalue().split())):
        assert " ".join(told.split()) in " ".join(page.split())
    assert told in as_pdf.content(report, "en")["curve"]["note"]
    assert json.loads(as_json.render(report))["dips"][0]["at_ms"] == 10_000
