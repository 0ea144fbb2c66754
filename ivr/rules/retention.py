"""Who was still listening, second by second: the product-limit estimate of Kaplan and Meier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.rules.measures import Z95, Interval, mean_within

Times = NDArray[np.int64]
Shares = NDArray[np.float64]
Counts = Mapping[int, int]
"""How many calls at each instant, in milliseconds of the message."""


@dataclass(frozen=True, slots=True)
class Point:
    """The curve at `at_ms` of the message.

    share: who still listens after this instant, 0…1, None once nobody is observed any more. low, high: its 95 % band,
    for this instant alone. at_risk: calls observed until this instant. left, cut: since the point before (at 0: before
    the message began).
    """

    at_ms: int
    share: float | None
    low: float | None
    high: float | None
    at_risk: int
    left: int
    cut: int


@dataclass(frozen=True, slots=True)
class Median:
    """When half had left, in milliseconds of the message; None: later than its end."""

    at_ms: int | None
    low_ms: int | None
    high_ms: int | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The retention curve at each whole second and at the message's end.

    mean: the share of the message that would be heard if no call were cut, which is the area under the curve; None
    where nobody was observed to its end.
    """

    points: tuple[Point, ...]
    median: Median
    mean: Interval | None = None


@dataclass(frozen=True, slots=True)
class _Steps:
    """The exact curve: after times[i] it is share[i], with its band. variance: what each step adds to Greenwood's."""

    times: Times
    share: Shares
    low: Shares
    high: Shares
    variance: Shares


@dataclass(frozen=True, slots=True)
class _Ends:
    """Instants, ascending, with how many calls were over by each; all: how many there are."""

    times: Times
    by: Times

    @property
    def all(self) -> int:
        return int(self.by[-1]) if len(self.by) else 0

    def until(self, at: Times) -> Times:
        """How many were over at each instant of `at`, or before it."""
        return self._count(np.searchsorted(self.times, at, side="right"))

    def before(self, at: Times) -> Times:
        """How many were over before each instant of `at`."""
        return self._count(np.searchsorted(self.times, at, side="left"))

    def _count(self, places: NDArray[np.intp]) -> Times:
        return np.concatenate([np.zeros(1, dtype=np.int64), self.by])[places]


def retention(left: Counts, cut: Counts, stayed: int, length_ms: int) -> Curve | None:
    """The curve of a message of `length_ms`; None without calls or without a length.

    left, cut: when people left or were cut, since the message's beginning; 0: before it. stayed: how many
    heard its end. A cut call is observed until its cut and then says nothing more. At equal
    instants leaving comes before cutting.
    Source: Kaplan and Meier, JASA 53 (1958) 457-481.
    """
    if length_ms <= 0 or sum(left.values()) + sum(cut.values()) + stayed == 0:
        return None
    leaving, cutting = _ends([left], length_ms), _ends([cut], length_ms)
    ends = _ends([left, cut, {length_ms: stayed}], length_ms)
    steps = _steps(np.union1d([0], _ends([left, cut], length_ms).times), leaving, ends)
    at = np.unique(np.append(np.arange(0, length_ms + 1, 1000), length_ms))
    uncut = leaving.all + stayed
    mean = _mean(steps, ends, uncut, length_ms)
    return Curve(_points(at, steps, (leaving, cutting, ends)), _median(steps, ends), mean)


def _ends(counted: Sequence[Counts], length_ms: int) -> _Ends:
    together: Counter[int] = Counter()
    for counts in counted:
        for at_ms, calls in counts.items():
            together[min(at_ms, length_ms)] += calls
    times = sorted(at_ms for at_ms, calls in together.items() if calls)
    by = np.cumsum([together[at_ms] for at_ms in times], dtype=np.int64)
    return _Ends(np.array(times, dtype=np.int64), by)


def _steps(times: Times, left: _Ends, ends: _Ends) -> _Steps:
    gone = left.until(times) - left.before(times)
    risk = ends.all - ends.before(times)
    share = np.cumprod(1 - gone / risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(risk > gone, gone / (risk * (risk - gone)), 0.0)
    low, high = _band(share, variance, left.all)
    return _Steps(times, share, low, high, variance)


def _band(share: Shares, variance: Shares, left: int) -> tuple[Shares, Shares]:
    """Greenwood's variance on the log-log scale (Kalbfleisch and Prentice), so that it stays within 0…1.

    Where everybody has left, that scale ends: the high edge is then Wilson's for none of the `left`.
    """
    inner = (share > 0) & (share < 1)
    safe = np.where(inner, share, 0.5)
    width = Z95 * np.sqrt(np.cumsum(variance)) / np.abs(np.log(safe))
    low = np.where(inner, safe ** np.exp(width), share)
    high = np.where(inner, safe ** np.exp(-width), np.where(share > 0, 1.0, _room(np.array(left))))
    return low, high


def _room(calls: Times) -> Shares:
    """The share that may do what none of so many calls did: the high end of Wilson's interval of none."""
    return np.asarray(Z95**2 / (calls + Z95**2), dtype=np.float64)


def _points(at: Times, steps: _Steps, counted: tuple[_Ends, _Ends, _Ends]) -> tuple[Point, ...]:
    left, cut, ends = counted
    risk = ends.all - ends.before(at)
    step = np.searchsorted(steps.times, at, side="right") - 1
    share, high = steps.share[step], steps.high[step]
    low = _as_few(steps.low[step], share, risk)
    left_since, cut_since = (np.diff(some.until(at), prepend=0) for some in (left, cut))
    told = zip(at, share, low, high, risk, left_since, cut_since, strict=True)
    return tuple(_point(*map(float, one)) for one in told)


def _point(*told: float) -> Point:
    """Of an instant; no share once nobody is observed any more and not everybody has left."""
    at_ms, share, low, high = told[:4]
    risk, left, cut = (int(count) for count in told[4:])
    if risk == 0 and share > 0:
        return Point(int(at_ms), None, None, None, 0, left, cut)
    return Point(int(at_ms), share, low, high, risk, left, cut)


def _as_few(low: Shares, share: Shares, risk: Times) -> Shares:
    """The low edge where many were cut and nobody left since: as few may be there as the few observed leave room for.

    Greenwood's variance knows of those who left alone, and would claim certainty until the first of them.
    """
    return np.minimum(low, share * (1 - _room(risk)))


def _mean(steps: _Steps, ends: _Ends, uncut: int, length_ms: int) -> Interval | None:
    """The area under the curve with Greenwood's variance. uncut: calls that nobody cut.

    Source: Klein and Moeschberger, Survival Analysis (2003), section 4.5.
    """
    share = np.append(1.0, steps.share)
    if share[-1] > 0 and (len(ends.times) == 0 or ends.times[-1] < length_ms):
        return None
    areas = share * np.diff(steps.times, prepend=0, append=length_ms) / length_ms
    after = np.flip(np.cumsum(np.flip(areas)))[1:]
    return mean_within(float(areas.sum()), float(np.sum(after**2 * steps.variance)), uncut)


def _median(steps: _Steps, ends: _Ends) -> Median:
    """Where the curve, and each edge of its band, first comes down to one half (Brookmeyer and Crowley's interval)."""
    low = _as_few(steps.low, steps.share, ends.all - ends.until(steps.times))
    return Median(*(_first_half(steps.times, edge) for edge in (steps.share, low, steps.high)))


def _first_half(times: Times, edge: Shares) -> int | None:
    below = np.flatnonzero(edge <= 0.5)
    return int(times[below[0]]) if len(below) else None
