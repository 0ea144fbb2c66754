"""Campaigns with versions that somebody looks at every day: how often a difference is told where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from known_truth import BETTER, KINDS, USUAL, Electorate, daily

from ivr.rules.difference import Verdict
from ivr.usecases.reporting import Report

DAYS, PEOPLE_A_DAY = 14, 30
"""People called of each version."""
ALIKE = {
    "usual": (USUAL, USUAL),
    "three versions": (USUAL, USUAL, USUAL),
    **{name: (KINDS[name], KINDS[name]) for name in ("loved: 2 % leave", "rejected: 97 % leave at once")},
    "most cut, late more than early": (KINDS["most cut, late more than early"],) * 2,
}
UNLIKE = (USUAL, BETTER)


@dataclass(frozen=True, slots=True)
class Course:
    """What a campaign's daily looks told. first_day: of the first difference told, None if none was.

    right: that it was the true one. once: whether the tests for a single look told one at any look.
    """

    first_day: int | None
    right: bool
    once: bool


def course(kinds: Sequence[Electorate], seed: int) -> Course:
    looks = list(daily(kinds, (DAYS, PEOPLE_A_DAY), seed))
    told = [day for day, report in enumerate(looks, 1) if _verdicts(report)]
    right = bool(told) and _verdicts(looks[told[0] - 1]) <= {Verdict.MORE, Verdict.LATER}
    return Course(told[0] if told else None, right, any(_once(report) for report in looks))


def _verdicts(report: Report) -> set[Verdict]:
    found = {one.difference.verdict for one in report.versions if one.difference}
    return found - {Verdict.UNKNOWN}


def _once(report: Report) -> bool:
    return any(
        one.difference.p_once < 0.05 or not one.gain.low <= 0 <= one.gain.high
        for one in report.versions
        if one.difference and one.gain
    )


def table(seeds: int) -> int:
    """What daily looks told of so many campaigns is printed; how many kinds had more than 5 % of false alarms."""
    print(f"\nversions that are alike, looked at on {DAYS} days, {PEOPLE_A_DAY} people of each called a day")
    print(f"{'people':34s}{'a difference told':>18s}{'by tests for one look':>24s}")
    short = 0
    for name, kinds in ALIKE.items():
        courses = [course(kinds, seed) for seed in range(seeds)]
        alarms, once = sum(one.first_day is not None for one in courses), sum(one.once for one in courses)
        short += alarms > 0.05 * seeds
        print(f"  {name:32s}{f'{alarms}/{seeds}':>18s}{f'{once}/{seeds}':>24s}", flush=True)
    true = UNLIKE[1].truth["listen_rate"] - UNLIKE[0].truth["listen_rate"]
    found = [one.first_day for one in (course(UNLIKE, seed) for seed in range(seeds)) if one.first_day and one.right]
    half = sorted(found)[len(found) // 2] if found else 0
    print(f"  a true difference of {100 * true:.1f} points: told of {len(found)}/{seeds}, half of them by day {half}")
    return short
