"""Whether more people ask to stop than a campaign should bear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ivr.rules.measures import SMALL, wilson
from ivr.rules.tally import Sums


@dataclass(frozen=True, slots=True)
class OptOuts:
    """Requests to stop per 1,000 answered calls; above: beyond the alarm line, and not by chance."""

    stopped: int
    heard: int
    per_thousand: float
    above: bool


def stopped_of_heard(versions: Iterable[Sums]) -> tuple[int, int]:
    """Requests to stop, and answered calls that were heard of, of all versions of a campaign together."""
    sums = list(versions)
    return sum(one["stopped"] for one in sums), sum(one["heard"] for one in sums)


def opt_outs(stopped: int, heard: int, line_per_thousand: float) -> OptOuts | None:
    """What is to be said of `stopped` requests in `heard` answered calls; None before the first.

    Above the line is who is above it with the whole 95 % interval (Wilson), of 20 answered calls at least: one 9 in the
    first call of a campaign is no alarm.
    """
    found = wilson(stopped, heard)
    if found is None:
        return None
    return OptOuts(stopped, heard, 1000 * found.value, heard >= SMALL and 1000 * found.low > line_per_thousand)
