"""Intervals hold the truth of campaigns whose truth is known: `make bench-truth` looks at 400 of each kind."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from bench.known_truth import BETTER, KINDS, USUAL, told, versions
from ivr.rules.answers import people_effect
from ivr.rules.measures import mean_share, wilson
from ivr.rules.retention import retention

SEEDS, PEOPLE = 25, 60
LENGTH_MS = 30_000


def test_every_figure_of_every_kind_of_people_holds_the_truth() -> None:
    """Of 300 campaigns; the seeds are fixed."""
    held, all_ = Counter[str](), Counter[str]()
    for kind in KINDS.values():
        for seed in range(SEEDS):
            for name, found in told(kind.report(PEOPLE, seed)).items():
                all_[name] += 1
                held[name] += found.low <= kind.truth[name] + 1e-9 and kind.truth[name] - 1e-9 <= found.high
    assert len(all_) == 18
    assert {name: count for name, count in held.items() if count < 0.9 * all_[name]} == {}


def test_the_difference_of_two_versions_holds_the_truth() -> None:
    true = BETTER.truth["listen_rate"] - USUAL.truth["listen_rate"]
    found = [versions({"a": (USUAL, 50), "b": (BETTER, 50)}, seed).versions[1].gain for seed in range(100)]
    assert sum(gain is not None and gain.low <= true <= gain.high for gain in found) >= 90


@pytest.mark.parametrize(("many", "few"), [(0.015, 1.0), (0.985, 0.0)])
def test_what_three_in_a_hundred_do_is_not_excluded_when_none_of_fifty_did(many: float, few: float) -> None:
    dice, true, held = random.Random(4), 0.97 * many + 0.03 * few, 0
    for _ in range(400):
        shares = [few if dice.random() < 0.03 else many for _ in range(50)]
        found = mean_share(50, sum(shares), sum(share**2 for share in shares))
        held += found is not None and found.low <= true <= found.high
    assert held >= 0.93 * 400


def test_calls_to_who_is_never_there_are_one_persons() -> None:
    """Of 100 people 60 answer their first call and 40 none of three: an answer rate of 60 of 180 calls."""
    effect = people_effect([100, 40, 40], [60, 0, 0])
    assert effect == pytest.approx((60 * (2 / 3) ** 2 + 40 * 1) / (180 * 2 / 9))
    assert people_effect([100, 40], [60, 40]) == people_effect([100], [37]) == people_effect([], []) == 1
    assert people_effect([50, 50, 50], [0, 0, 0]) == 3


def test_who_is_called_once_has_wilsons_interval_of_the_answer_rate() -> None:
    report = USUAL.report(90, seed=2)
    found, exact = report.measure("answer_rate"), wilson(report.answered, 90)
    assert exact is not None
    assert (found.low, found.high) == (exact.low, exact.high)


def test_without_cuts_the_area_under_the_curve_is_the_mean() -> None:
    curve = retention({3_000: 4, 12_000: 9, 0: 2}, {}, 25, LENGTH_MS)
    shares = [0.1] * 4 + [0.4] * 9 + [0.0] * 2 + [1.0] * 25
    mean = mean_share(40, sum(shares), sum(share**2 for share in shares))
    assert curve is not None
    assert curve.mean is not None
    assert mean is not None
    assert (curve.mean.value, curve.mean.low, curve.mean.high) == pytest.approx((mean.value, mean.low, mean.high))


def test_what_nobody_heard_is_in_no_area() -> None:
    cut_off = retention({3_000: 4}, {20_000: 9}, 0, LENGTH_MS)
    all_left = retention({3_000: 4, 6_000: 1}, {4_000: 9}, 0, LENGTH_MS)
    assert cut_off is not None
    assert all_left is not None
    assert cut_off.mean is None
    assert all_left.mean is not None
    assert all_left.mean.value == pytest.approx((14 * 3 + 10 * 3) / 14 / 30)


def test_the_rate_without_cuts_is_told_where_a_call_was_cut() -> None:
    cut = KINDS["a third cut, evenly"].report(100, seed=1)
    assert cut.measure("uncut").value == cut.curve.mean.value if cut.curve and cut.curve.mean else False
    assert [one.id for one in USUAL.report(100, seed=1).measures if one.id == "uncut"] == []
