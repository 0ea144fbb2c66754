"""Whether one version of a message is listened to more than another: what can be said of it at any look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ivr.rules.looks import LEVEL, Score, reach
from ivr.rules.measures import Z95, Interval

SHARPEST_RATES = 1250.0
"""The information of two versions of 400 answered calls each, whose shares scatter by 0.4."""
SHARPEST_LEAVING = 100.0
"""The information of a log-rank sum once 400 people left, with as many hearing either version."""


class Verdict(StrEnum):
    """What can be said of a version beside the first one."""

    MORE = "more"  # it is listened to more
    LESS = "less"
    LATER = "later"  # people leave it later, though no difference of the listen rates can be shown
    EARLIER = "earlier"
    UNKNOWN = "unknown"  # no difference can be shown


@dataclass(frozen=True, slots=True)
class Difference:
    """A version beside the first one. gain: of the listen rates, with the interval that holds at every look.

    p_rates, p_leaving: how often chance alone ever goes so far, in any of the `questions` that were asked, two of each
    version; p_once: of the log-rank test for who asks it alone and looks once.
    """

    verdict: Verdict
    gain: Interval
    p_rates: float
    p_leaving: float
    p_once: float
    questions: int


def difference(rate: Interval, first: Interval, leaving: Score, questions: int) -> Difference:
    """What can be said of a version by its listen rate, that of the first one, and how many more left it than that."""
    above = rate.value - first.value
    information = 1 / (_variance(rate) + _variance(first))
    within = reach(information, LEVEL / questions, SHARPEST_RATES)
    rates = min(1.0, questions * Score(above * information, information).p_always(SHARPEST_RATES))
    left = min(1.0, questions * leaving.p_always(SHARPEST_LEAVING))
    return Difference(
        _verdict(above if rates <= LEVEL else 0.0, leaving.value if left <= LEVEL else 0.0),
        Interval(above, max(above - within, -1.0), min(above + within, 1.0)),
        rates,
        left,
        leaving.p_once,
        questions,
    )


def _variance(rate: Interval) -> float:
    """Of the estimate, from its interval: that one never claims certainty of a few equal shares."""
    return ((rate.high - rate.low) / (2 * Z95)) ** 2


def _verdict(above: float, more_left: float) -> Verdict:
    """Of the two differences, each 0 where it cannot be shown."""
    if above:
        return Verdict.MORE if above > 0 else Verdict.LESS
    if more_left:
        return Verdict.EARLIER if more_left > 0 else Verdict.LATER
    return Verdict.UNKNOWN
