"""The controller dies with calls ringing and talking: nobody is called twice, and the books know or say `unknown`."""

from __future__ import annotations

import pytest

from tests.crowd import crowd
from tests.faults.promises import kept
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(90)]


def test_killed_with_calls_ringing_and_talking(stack: Stack) -> None:
    campaign = stack.start("controller-killed", crowd(stack.new_numbers(48)))
    wait_for(lambda: len(stack.line.talking) >= 8 and len(stack.line.ringing) >= 2, "calls ringing and talking")
    stack.kill("controller")
    verdict = stack.finished(campaign)
    kept(verdict)
    print("controller killed:", verdict.check.outcome_mismatches, verdict.greatest_error_ms(), verdict.books)


def test_killed_again_and_again(stack: Stack) -> None:
    campaign = stack.start("controller-killed-often", crowd(stack.new_numbers(40)))
    for count in (2, 12, 24):
        stack.wait_called(count)
        stack.kill("controller")
    verdict = stack.finished(campaign)
    kept(verdict)
    print("controller killed often:", verdict.check.outcome_mismatches, verdict.greatest_error_ms(), verdict.books)
