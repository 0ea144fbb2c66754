"""Reports as they are seen at every stage of a campaign, of made-up people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from bench.known_truth import BETTER, KINDS, USUAL, facts, versions
from ivr.rules.tally import Tally
from ivr.usecases.reporting import Report, build
from tests.unit.report.conftest import Maker
from tests.unit.report.test_groups import report_of


def nothing_yet() -> Report:
    return build(facts(120, {}), Tally())


def few_answers() -> Report:
    return USUAL.report(12, seed=1)


def two_versions() -> Report:
    cut = replace(USUAL, cut=KINDS["a third cut, evenly"].cut)
    return versions({"Réunion, version courte": (cut, 250), "Réunion, version longue": (BETTER, 250)}, seed=3)


def whole_campaign() -> Report:
    return replace(report_of(Maker()), waveform=tuple(abs(math.sin(part / 3)) for part in range(200)))


REPORTS: Mapping[str, Callable[[], Report]] = {
    "nothing yet": nothing_yet,
    "few answers": few_answers,
    "two versions": two_versions,
    "whole campaign": whole_campaign,
}
