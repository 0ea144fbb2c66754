"""In how many of 400 campaigns of known truth the true value lies within the interval that the report states.

`make bench-truth` (SEEDS=40 for a short look). A table for each kind of people, a line for each figure, a column for
each number of people called. In brackets: how many Wilson's interval of as many yes-or-no answers would hold, which at
some sizes is less than 95 %, as counts are whole; of a median and a difference 95 %. Marked with "!" is what is less
than that, and than 95 %, by more than chance explains: it fails the run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import looks
from known_truth import BETTER, KINDS, USUAL, Electorate, told, versions
from scipy.stats import binom

from ivr.rules.measures import Interval, wilson
from ivr.usecases.reporting import Report

TWO = {"first": USUAL, "second": BETTER}
SIZES = (15, 40, 150, 600)
"""People called."""
LEVEL = 0.95
CHANCE = 0.001
"""So rarely a count is as low by chance alone."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A figure of one report. expected: how often its interval holds the truth."""

    name: str
    held: bool
    expected: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=400)
    seeds = parser.parse_args().seeds
    short = 0
    for name, seen in (*((name, partial(one, kind)) for name, kind in KINDS.items()), ("two versions", two)):
        short += table(name, {people: [seen(people, seed) for seed in range(seeds)] for people in SIZES})
    short += looks.table(seeds)
    print(f"{short} figures fall short" if short else "no figure falls short")
    sys.exit(bool(short))


def one(kind: Electorate, people: int, seed: int) -> list[Seen]:
    return list(compared(kind.report(people, seed), kind.truth))


def two(people: int, seed: int) -> list[Seen]:
    """Of each version half of the people, and how far the second is above the first."""
    report = versions({name: (kind, people // 2) for name, kind in TWO.items()}, seed)
    found = [
        replace(seen, name=f"{name}: {seen.name}")
        for (name, kind), version in zip(TWO.items(), report.versions, strict=True)
        if not version.hidden
        for seen in compared(version, kind.truth)
    ]
    above = report.versions[1].gain
    true = BETTER.truth["listen_rate"] - USUAL.truth["listen_rate"]
    return [*found, Seen("gain", holds(above, true), LEVEL)] if above else found


def compared(report: Report, truth: Mapping[str, float]) -> Iterator[Seen]:
    counted = {one.id: one.denominator for one in report.measures}
    for name, interval in told(report).items():
        of = counted.get(name) or report.answered
        yield Seen(name, holds(interval, truth[name]), LEVEL if name == "median" else permitted(of, truth[name]))


def holds(interval: Interval, true: float) -> bool:
    return interval.low - 1e-9 <= true <= interval.high + 1e-9


@cache
def permitted(trials: int, share: float) -> float:
    """How often Wilson's interval of so many holds the share, exactly."""
    held = (hits for hits in range(trials + 1) if (found := wilson(hits, trials)) and holds(found, share))
    return float(sum(binom.pmf(hits, trials, share) for hits in held))


def table(title: str, by_people: Mapping[int, list[list[Seen]]]) -> int:
    """The table of one kind of people is printed; how many of its figures fall short."""
    print(f"\n{title}\n{'people called':24s}" + "".join(f"{people:>18,}" for people in by_people))
    columns = [sorted_by_figure(reports) for reports in by_people.values()]
    short = 0
    for name in dict.fromkeys(name for column in columns for name in column):
        cells = [cell(column.get(name, [])) for column in columns]
        short += sum("!" in written for written in cells)
        print(f"  {name:22s}" + "".join(f"{written:>18s}" for written in cells), flush=True)
    return short


def sorted_by_figure(reports: list[list[Seen]]) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = {}
    for seen in (seen for report in reports for seen in report):
        found.setdefault(seen.name, []).append(seen)
    return found


def cell(seen: list[Seen]) -> str:
    """How many of how many held the truth."""
    if not seen:
        return "–"
    held, expected = sum(one.held for one in seen), sum(one.expected for one in seen)
    rare = binom.cdf(held, len(seen), min(expected / len(seen), LEVEL)) < CHANCE
    return f"{'!' if rare else ''}{held}/{len(seen)} ({expected:.0f})"


if __name__ == "__main__":
    main()
