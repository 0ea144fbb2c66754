"""The typical retention curve of earlier messages of about the same length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from ivr.rules.retention import Curve

PLACES = 20
"""Parts of a message at whose ends curves are compared: messages of unlike lengths are by their share."""
FEWEST, MOST = 3, 10
"""Messages of which something typical can be said; the latest so many are taken."""
ABOUT = 0.2
"""By how much of this message's length theirs may differ."""


@dataclass(frozen=True, slots=True)
class Place:
    """At `share` of a message, 0…1, who still listened: the least, the median and the most of the earlier messages."""

    share: float
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Typical:
    """What earlier messages were listened to. messages: how many they are."""

    messages: int
    places: tuple[Place, ...]


def about_as_long(one_ms: int, other_ms: int) -> bool:
    """Whether the other length is near enough to be compared with."""
    return abs(other_ms - one_ms) <= ABOUT * one_ms


def typical(curves: Sequence[Curve]) -> Typical | None:
    """The typical curve; None of fewer than three messages."""
    if len(curves) < FEWEST:
        return None
    at = np.linspace(0.0, 1.0, PLACES + 1)
    shares = [_shares(curve, at) for curve in curves]
    places = (Place(float(where), min(seen), median(seen), max(seen)) for where, *seen in zip(at, *shares, strict=True))
    return Typical(len(curves), tuple(places))


def _shares(curve: Curve, at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    drawn = [(point.at_ms, point.share) for point in curve.points if point.share is not None]
    where = [at_ms / curve.points[-1].at_ms for at_ms, _ in drawn]
    return [float(share) for share in np.interp(at, where, [share for _, share in drawn])]
