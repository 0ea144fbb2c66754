"""The retention curve and its band, against the estimates of a reference library on calls of which many were cut."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, binomtest, ecdf
from scipy.stats import logrank as scipys_logrank

from ivr.rules.logrank import Ends, logrank
from ivr.rules.measures import wilson
from ivr.rules.retention import Point, retention

UNHURRIED = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
LENGTH_MS = 30_000
SECONDS = st.lists(st.integers(1, 29).map(lambda second: 1_000 * second), min_size=1, max_size=80)


def points(left: list[int], cut: list[int], stayed: int) -> dict[int, Point]:
    found = retention(Counter(left), Counter(cut), stayed, LENGTH_MS)
    assert found is not None
    return {point.at_ms: point for point in found.points}


@UNHURRIED
@given(SECONDS, SECONDS, st.integers(1, 40))
def test_the_share_is_kaplan_and_meiers(left: list[int], cut: list[int], stayed: int) -> None:
    reference = ecdf(CensoredData(uncensored=left, right=[*cut, *[LENGTH_MS] * stayed])).sf
    for at_ms, point in points(left, cut, stayed).items():
        assert point.share == pytest.approx(float(reference.evaluate(at_ms)), abs=1e-9)


@UNHURRIED
@given(SECONDS, SECONDS, st.integers(1, 40))
def test_the_band_is_greenwoods_on_the_log_log_scale(left: list[int], cut: list[int], stayed: int) -> None:
    """Where somebody has left, and not everybody: elsewhere that scale says nothing, and Wilson's is told.

    The low edge never claims more than the few who are still observed permit.
    """
    band = _band(left, cut, stayed)
    found = points(left, cut, stayed)
    for at_ms, (low, high) in band.items():
        point = found[at_ms]
        alone = wilson(point.at_risk, point.at_risk)
        assert point.share is not None
        assert alone is not None
        assert (point.low, point.high) == pytest.approx((min(low, point.share * alone.low), high), abs=1e-9)


@UNHURRIED
@given(SECONDS, SECONDS)
def test_of_many_observed_the_band_is_greenwoods_alone(left: list[int], cut: list[int]) -> None:
    band, found = _band(left, cut, 400), points(left, cut, 400)
    for at_ms, (low, _) in band.items():
        assert found[at_ms].low == pytest.approx(low, abs=1e-9)


def _band(left: list[int], cut: list[int], stayed: int) -> dict[int, tuple[float, float]]:
    reference = ecdf(CensoredData(uncensored=left, right=[*cut, *[LENGTH_MS] * stayed])).sf
    times = np.asarray(reference.quantiles)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it warns that the scale ends at 0 and 1
        interval = reference.confidence_interval(confidence_level=0.95, method="log-log")
    low, high = interval.low.evaluate(times), interval.high.evaluate(times)
    shares = reference.evaluate(times)
    return {int(at): (float(low[i]), float(high[i])) for i, at in enumerate(times) if 0 < shares[i] < 1}


@UNHURRIED
@given(st.integers(1, 5_000), st.data())
def test_the_interval_of_a_share_is_wilsons(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials))
    reference = binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    mine = wilson(hits, trials)
    assert mine is not None
    assert (mine.low, mine.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


@UNHURRIED
@given(SECONDS, SECONDS, SECONDS, SECONDS)
def test_two_groups_are_compared_as_by_the_log_rank_test(
    left: list[int], cut: list[int], other_left: list[int], other_cut: list[int]
) -> None:
    groups = ((left, cut), (other_left, other_cut))
    one, other = (Ends(Counter(gone), Counter(over)) for gone, over in groups)
    mine = logrank(one, other, LENGTH_MS)
    assume(mine.information > 0)
    reference = scipys_logrank(*(CensoredData(uncensored=gone, right=over) for gone, over in groups))
    assert mine.p_once == pytest.approx(float(reference.pvalue), abs=1e-9)
    assert -mine.value / mine.information**0.5 == pytest.approx(float(reference.statistic), abs=1e-9)
