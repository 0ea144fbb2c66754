"""Versions of a message compared: the report of the whole campaign, with one of each version in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import hypot

from ivr.rules.difference import Difference, difference
from ivr.rules.logrank import Ends, logrank
from ivr.rules.measures import COMPLETE_SHARE, SMALL, Fate, Interval
from ivr.rules.tally import Tally, together
from ivr.usecases.reporting import CampaignFacts, Measure, Report, build


def compare(facts: CampaignFacts, tallies: Sequence[Tally], versions: Sequence[CampaignFacts]) -> Report:
    """The report of the whole, in which each version has its own. tallies, versions: of each, in their order."""
    alone = (build(mine, tally) for mine, tally in zip(versions, tallies, strict=True))
    parts = [replace(part, breakdowns=()) for part in alone]
    lengths_ms = [mine.message_ms for mine in versions]
    whole = build(facts, together(tallies, lengths_ms))
    if min(lengths_ms) < max(lengths_ms):  # a curve over unlike lengths has no share of one message under it
        whole = replace(whole, measures=tuple(one for one in whole.measures if one.id != "uncut"))
    if min(part.answered for part in parts) < SMALL:
        return replace(whole, versions=tuple(_hidden(part) for part in parts))
    beside = (_beside(parts, tallies, number) for number in range(1, len(parts)))
    return replace(whole, versions=(parts[0], *beside))


def _beside(parts: Sequence[Report], tallies: Sequence[Tally], number: int) -> Report:
    """The report of that version with what distinguishes it from the first; two questions are asked of each."""
    first, part = parts[0], parts[number]
    rates = part.measure("listen_rate"), first.measure("listen_rate")
    until_ms = int(COMPLETE_SHARE * min(part.facts.message_ms, first.facts.message_ms))
    leaving = logrank(_ends(tallies[0]), _ends(tallies[number]), until_ms)
    found: Difference = difference(_interval(rates[0]), _interval(rates[1]), leaving, 2 * (len(parts) - 1))
    return replace(part, gain=gain(*rates), difference=found)


def _interval(rate: Measure) -> Interval:
    value, low, high = (0.0 if end is None else end for end in (rate.value, rate.low, rate.high))
    return Interval(value, low, high)


def _ends(tally: Tally) -> Ends:
    left, over = Counter[int](), Counter[int]()
    for (fate, at_ms), calls in tally.instants.items():
        (left if fate == Fate.LEFT else over)[at_ms] += calls
    return Ends(left, over)


def gain(one: Measure, other: Measure) -> Interval | None:
    """By how much a share is above another, with the 95 % interval; None where either is not known.

    From the intervals of the two, which need not be symmetric.
    Source: R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890.
    """
    ends = (one.value, one.low, one.high, other.value, other.low, other.high)
    value, low, high, from_value, from_low, from_high = (0.0 if end is None else end for end in ends)
    if None in ends:
        return None
    above = value - from_value
    return Interval(
        above, above - hypot(value - low, from_high - from_value), above + hypot(high - value, from_value - from_low)
    )


def _hidden(report: Report) -> Report:
    """Its books and how many calls there were, and nothing of what was heard in them."""
    return replace(
        report,
        measures=tuple(one if one.kind == "count" else _untold(one) for one in report.measures),
        curve=None,
        answered_by=(),
        fates=(),
        opt_outs=(),
        opt_out_seconds={},
        dips=(),
        hidden=True,
    )


def _untold(one: Measure) -> Measure:
    return replace(one, numerator=None, value=None, low=None, high=None)
