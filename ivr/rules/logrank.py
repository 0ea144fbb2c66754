"""Whether the people of two groups leave at the same moments: the log-rank test, from how many left when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.rules.looks import Score

Counts = Mapping[int, int]
"""How many calls at each instant, in milliseconds of the message."""


@dataclass(frozen=True, slots=True)
class Ends:
    """When the calls of a group ended. left: people's own leaving; over: whatever else ended the watching."""

    left: Counts
    over: Counts


def logrank(one: Ends, other: Ends, until_ms: int) -> Score:
    """How many more of the other group left until then than if both left alike, and the variance of that number.

    At equal instants leaving comes before whatever else ends the watching.
    Source: N. Mantel, Cancer Chemotherapy Reports 50 (1966) 163-170.
    """
    times = np.array(sorted(at for at in {*one.left, *other.left} if at <= until_ms), dtype=np.int64)
    (gone, there), (more, beside) = _at(one, times), _at(other, times)
    left, risk = gone + more, there + beside
    expected = left * beside / np.maximum(risk, 1)
    spread = left * (there / np.maximum(risk, 1)) * (beside / np.maximum(risk, 1))
    variance = spread * (risk - left) / np.maximum(risk - 1, 1)
    return Score(float((more - expected).sum()), float(variance.sum()))


def _at(group: Ends, times: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many of the group left at each instant, and how many were there just before it."""
    gone = np.array([group.left.get(int(at), 0) for at in times], dtype=np.float64)
    ends = sorted({*group.left, *group.over})
    calls = np.cumsum([0, *(group.left.get(at, 0) + group.over.get(at, 0) for at in ends)], dtype=np.float64)
    return gone, calls[-1] - calls[np.searchsorted(np.array(ends, dtype=np.int64), times, side="left")]
