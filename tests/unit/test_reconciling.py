"""What ended unseen, whatever the clock did meanwhile."""

from __future__ import annotations

import pytest

from ivr.adapters.pbx.cdr import CdrRecord
from ivr.rules.records import OpenAttempt
from ivr.usecases.reconciling import SETTLING_MS, lost_ends

NOW_MS = 10**12
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("age_ms", "ended"),
    [(0, False), (SETTLING_MS - 1, False), (SETTLING_MS, True), (HOUR_MS, True), (-HOUR_MS, True)],
    ids=["now", "young", "settled", "stepped forward", "stepped back"],
)
def test_a_call_is_given_time_to_appear_but_not_an_hour_of_a_stepped_clock(age_ms: int, ended: bool) -> None:
    gone = {"a1": OpenAttempt(NOW_MS - age_ms, "lab")}
    records = {"a1": CdrRecord("a1", 1000, 0, 2000, 0, "BUSY")}
    assert [end["outcome"] for end in lost_ends(gone, records, 25, NOW_MS)] == (["busy"] if ended else [])
