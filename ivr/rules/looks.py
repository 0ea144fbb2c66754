"""Comparisons that stay true however often somebody looks at them while the calls come in."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, inf, log, sqrt

LEVEL = 0.05
"""At most so often something is said of a difference that is none, however often one looks."""


@dataclass(frozen=True, slots=True)
class Score:
    """A sum that is 0 on average where there is no difference. information: its variance then, which grows with calls.

    Both tests take it for a random walk that is looked at when `information` has passed, which a log-rank sum and a
    difference of means divided by its variance are in large samples.
    """

    value: float
    information: float

    @property
    def p_once(self) -> float:
        """How often chance alone goes so far, for who looks once, at a time chosen before."""
        return erfc(abs(self.value) / sqrt(2 * self.information)) if self.information > 0 else 1.0

    def p_always(self, sharpest: float) -> float:
        """How often chance alone ever goes so far, for who looks as often as he likes and stops when he likes.

        sharpest: the information at which a difference is to be found with the fewest calls.
        Source: H. Robbins, Annals of Mathematical Statistics 41 (1970) 1397-1409: a walk weighed against walks of every
        drift, spread about none.
        """
        prior = _prior(sharpest)
        whole = self.information + prior
        return min(1.0, exp(log(whole / prior) / 2 - self.value**2 / (2 * whole)))


def reach(information: float, level: float, sharpest: float) -> float:
    """How far an estimate of that information may be from the truth, at any look but for `level` of all cases."""
    if information <= 0:
        return inf
    prior = _prior(sharpest)
    whole = information + prior
    return sqrt(whole * (log(whole / prior) - 2 * log(level))) / information


def _prior(sharpest: float) -> float:
    """The spread of drifts for which the border is nearest at `sharpest`.

    Source: S. R. Howard et al., Annals of Statistics 49 (2021) 1055-1080, section 3.5.
    """
    far = -2 * log(LEVEL)
    return sharpest / (far + log(far + 1))
