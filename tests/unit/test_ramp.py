from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import BadSetting
from ivr.rules.pacing import Pacer
from ivr.rules.ramp import Ramp

RATES = st.one_of(st.floats(0.05, 300), st.integers(1, 300).map(float))
RAMPS = st.builds(Ramp, RATES, RATES, st.floats(0, 600), st.floats(-1e6, 1e6))


@given(RAMPS, st.lists(st.floats(-1e6, 2e6), min_size=1, max_size=30), st.floats(-5, 605))
def test_the_rate_never_falls_and_is_always_one_a_pacer_takes(ramp: Ramp, moments: list[float], past_s: float) -> None:
    rates = [ramp.rate_at(now_s) for now_s in sorted([*moments, ramp.began_s + past_s])]
    assert rates == sorted(rates)
    assert all(min(ramp.floor_cps, ramp.full_cps) <= rate <= ramp.full_cps for rate in rates)
    for rate in rates:
        Pacer(rate)


@given(RAMPS)
def test_it_ends_at_the_full_rate_and_stays(ramp: Ramp) -> None:
    end_s = ramp.began_s + ramp.over_s + 1e-3
    assert ramp.rate_at(end_s) == ramp.rate_at(end_s + 1e9) == ramp.full_cps
    assert ramp.is_over(end_s)


def test_the_way_from_the_floor_to_the_full_rate() -> None:
    ramp = Ramp(full_cps=20, floor_cps=2, over_s=36, began_s=100)
    assert [ramp.rate_at(100 + past_s) for past_s in (-5, 0, 1, 2, 18, 35.9, 36)] == [2, 2, 2, 3, 11, 19, 20]
    assert not ramp.is_over(135.9)


def test_a_change_of_the_full_rate_while_it_grows() -> None:
    ramp = Ramp(full_cps=20, floor_cps=2, over_s=36, began_s=0)
    assert replace(ramp, full_cps=5.0).rate_at(18) <= 5
    assert replace(ramp, full_cps=0.5).rate_at(18) == 0.5


def test_one_that_never_began_stands_at_its_full_rate() -> None:
    assert Ramp(12.5).rate_at(0) == 12.5


@pytest.mark.parametrize(
    "bad", [{"full_cps": 0}, {"full_cps": 5, "floor_cps": float("nan")}, {"full_cps": 5, "over_s": -1}]
)
def test_what_cannot_be_used(bad: dict[str, float]) -> None:
    with pytest.raises(BadSetting):
        Ramp(**bad)
