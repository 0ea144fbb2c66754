"""The alarm of requests to stop: not by chance, not too late."""

from __future__ import annotations

import random

from ivr.rules.alarm import opt_outs

LINE = 50.0


def above(stopped: int, heard: int) -> bool:
    found = opt_outs(stopped, heard, LINE)
    return found is not None and found.above


def test_the_first_nine_is_no_alarm() -> None:
    assert opt_outs(0, 0, LINE) is None
    assert not above(1, 1)
    assert not above(3, 30)


def test_twice_the_line_is_an_alarm_within_two_hundred_calls() -> None:
    assert above(20, 200)
    assert not above(10, 200)
    found = opt_outs(20, 200, LINE)
    assert found
    assert found.per_thousand == 100


def test_a_campaign_at_the_line_itself_seldom_alarms() -> None:
    dice = random.Random(2)
    alarms = sum(above(sum(dice.random() < LINE / 1000 for _ in range(1_000)), 1_000) for _ in range(400))
    assert alarms < 400 * 0.05
