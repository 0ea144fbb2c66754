"""Sharing: whose turn a trunk's next call is, and how its channels are divided, when several campaigns run at once.

The turns solve the chairman assignment problem (R. Tijdeman, Discrete Mathematics 32, 1980): of those who are owed
enough of a call to be eligible, the one whose turn would be overdue first.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ivr.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Share:
    """A campaign's part. Nobody of a lower priority has a turn while one of a higher priority waits."""

    weight: float = 1.0
    priority: int = 0

    def __post_init__(self) -> None:
        """Raises BadSetting for a weight that gives no share."""
        if not (math.isfinite(self.weight) and 1e-6 <= self.weight <= 1e6):
            raise BadSetting(f"a campaign's weight is a number from 0.000001 to 1000000, not {self.weight:g}")


EQUAL = Share()


class Turns:
    """Whose turn the next call is. The same questions and calls in the same order give the same turns.

    While the same campaigns wait, each has had its exact share of the calls at any moment, give or take less than one
    call; so any span between two moments is within two. What a campaign that has nobody to call leaves goes to the
    others; it is not saved up.
    """

    def __init__(self) -> None:
        self._shares: dict[int, Share] = {}
        self._owed: dict[int, float] = {}  # parts of a call; below 0: it was ahead of its share

    def set_share(self, campaign: int, share: Share) -> None:
        """The campaign's weight and priority hold from the next turn on; one never set has weight 1, priority 0."""
        self._shares[campaign] = share

    def forget(self, campaign: int) -> None:
        """The campaign is over."""
        self._shares.pop(campaign, None)
        self._owed.pop(campaign, None)

    def next_campaign(self, waiting: Mapping[int, int]) -> int | None:
        """The campaign whose turn it is, of those with calls waiting; None without one. Changes nothing: see `took`."""
        ready = self._first_class(waiting)
        owed = self._after_accrual(ready)
        least = _eligible_from(len(ready))
        eligible = [campaign for campaign in ready if owed[campaign] >= least] or ready
        # Ties go to the lower id: nothing here hangs on the order of a mapping.
        return min(eligible, key=lambda one: ((1 - least - owed[one]) / self._share(one).weight, one), default=None)

    def took(self, campaign: int, waiting: Mapping[int, int]) -> None:
        """A call of the campaign was started; waiting: as it was given to `next_campaign`."""
        ready = self._first_class({**waiting, campaign: max(1, waiting.get(campaign, 0))})
        if campaign in ready:  # one started out of turn, of a lower class, costs nobody of this class anything
            self._owed |= self._after_accrual(ready)
            self._owed[campaign] -= 1

    def _share(self, campaign: int) -> Share:
        return self._shares.get(campaign, EQUAL)

    def _first_class(self, waiting: Mapping[int, int]) -> list[int]:
        ready = [campaign for campaign, count in waiting.items() if count > 0]
        highest = max((self._share(campaign).priority for campaign in ready), default=0)
        return sorted(campaign for campaign in ready if self._share(campaign).priority == highest)

    def _after_accrual(self, ready: Collection[int]) -> dict[int, float]:
        """What each would be owed if one more call is started now; the sum of one class grows by that call.

        One that is ahead and has nobody to call pays its debt off meanwhile, or a pause would cost it a turn later;
        what it is owed beyond that goes to those who wait.
        """
        if not ready:
            return {}
        rank = self._share(next(iter(ready))).priority
        behind_or_ahead = {one: owed for one, owed in self._owed.items() if self._share(one).priority == rank}
        owed = dict.fromkeys(ready, 0.0) | behind_or_ahead
        earning = {one: self._share(one).weight for one in owed if one in ready or owed[one] < 0}
        weights = sum(earning.values())
        for one, weight in earning.items():
            owed[one] += weight / weights
        left = sum(max(0.0, owed[one]) for one in owed if one not in ready)
        ready_weight = sum(earning[one] for one in ready)
        for one in owed:
            owed[one] = owed[one] + left * earning[one] / ready_weight if one in ready else min(0.0, owed[one])
        return owed


def _eligible_from(campaigns: int) -> float:
    return 1 / (2 * campaigns - 2) if campaigns > 1 else 0.0


def divide(total: int, wanted: Mapping[int, int], shares: Mapping[int, Share]) -> dict[int, int]:
    """How many of `total` channels (or orders) each campaign may have: at most what it wants, nothing left unused.

    Higher priorities are served first and in full; within one, what a campaign does not want goes to the others by
    weight, and single ones left over by rounding to whoever is furthest below its share. A campaign without a share
    has weight 1.
    """
    given = dict.fromkeys(wanted, 0)
    left = max(0, total)
    for priority in sorted({shares.get(campaign, EQUAL).priority for campaign in wanted}, reverse=True):
        group = {one: want for one, want in wanted.items() if shares.get(one, EQUAL).priority == priority and want > 0}
        part = _divide_by_weight(left, group, {one: shares.get(one, EQUAL).weight for one in group})
        given |= part
        left -= sum(part.values())
    return given


def _divide_by_weight(total: int, wanted: Mapping[int, int], weights: Mapping[int, float]) -> dict[int, int]:
    """Those who want less than their share have it in full, which raises the others' shares, until none is left."""
    given: dict[int, int] = {}
    hungry, left = sorted(wanted), total
    while hungry:
        weight = sum(weights[one] for one in hungry)
        content = [one for one in hungry if wanted[one] <= left * weights[one] / weight]
        if not content:
            return given | _round_down_and_fill(left, hungry, weights)
        given |= {one: wanted[one] for one in content}
        left -= sum(wanted[one] for one in content)
        hungry = [one for one in hungry if one not in given]
    return given


def _round_down_and_fill(total: int, hungry: list[int], weights: Mapping[int, float]) -> dict[int, int]:
    weight = sum(weights[one] for one in hungry)
    ideal = {one: total * weights[one] / weight for one in hungry}
    given = {one: math.floor(ideal[one]) for one in hungry}
    by_lack = sorted(hungry, key=lambda one: (given[one] - ideal[one], one))
    for one in by_lack[: total - sum(given.values())]:
        given[one] += 1
    return given
