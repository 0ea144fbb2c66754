"""The seconds of a message at which more people leave than in the seconds around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ivr.rules.retention import Curve, Point

AROUND = 5
"""Seconds on either side with which a second is compared, as many on both: people leave less and less."""
SIDE = 3
"""As many must be there on each side: the beginning, at which people leave anyway, is compared with nothing."""
TIMES, SIGMAS, FEWEST = 1.5, 4.0, 20
"""How often more must leave than expected, how far beyond chance, and how many at least: fewer are not told."""


@dataclass(frozen=True, slots=True)
class Dip:
    """In the second that ends at `at_ms` of the message `left` people left, of `observed`; `expected` as around it."""

    at_ms: int
    left: int
    observed: int
    expected: float


def dips(curve: Curve) -> tuple[Dip, ...]:
    """The dips in the order of the message.

    Expected is the median of the leaving rates of the seconds around. Beyond chance: more than 4 standard deviations
    of a binomial count, as every second of a message is looked at.
    """
    seconds = [_second(before, point) for before, point in zip(curve.points, curve.points[1:], strict=False)]
    found = (_dip(seconds, place) for place in range(SIDE, len(seconds) - SIDE))
    return tuple(one for one in found if one)


def _second(before: Point, point: Point) -> Dip:
    """How many left since the point before, of those still observed after it."""
    observed = min(before.at_risk, point.at_risk + point.left + point.cut)
    return Dip(point.at_ms, point.left, observed, 0.0)


def _dip(seconds: Sequence[Dip], place: int) -> Dip | None:
    one = seconds[place]
    reach = min(AROUND, place, len(seconds) - 1 - place)
    around = [*seconds[place - reach : place], *seconds[place + 1 : place + 1 + reach]]
    rates = [other.left / other.observed for other in around if other.observed]
    if one.left < FEWEST or not rates:
        return None
    rate = max(median(rates), 1 / (AROUND * one.observed))  # nobody left around it: that is no proof of never
    expected = rate * one.observed
    beyond = (one.left - expected) / math.sqrt(expected * max(1 - rate, 1 / one.observed))
    return Dip(one.at_ms, one.left, one.observed, expected) if one.left > TIMES * expected and beyond > SIGMAS else None
