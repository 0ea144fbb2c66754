"""The controller dies with calls ringing and talking: nobody is called twice, and the books know or say `unknown`."""

from __future__ import annotations

import pytest

from tests.crowd import crowd
from tests.faults.promises import kept
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(90)]


def test_killed_twice_with_calls_ringing_and_talking(stack: Stack) -> None:
    campaign = stack.start("controller-killed", crowd(stack.new_numbers(48)))
    for talking in (8, 12):
        wait_for(lambda: stack.line.ringing and len(stack.line.talking) >= talking, "calls ringing and talking")  # noqa: B023
        stack.kill("controller")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.outcome_mismatches == len(verdict.outcomes("unknown")) + len(verdict.outcomes("failed"))
