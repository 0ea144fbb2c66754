"""Asterisk dies, the database is locked, or all processes die at once."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from ivr.rules.segments import EndedBy, Segment
from ivr.rules.states import CampaignState
from ivr.usecases import health
from tests.crowd import crowd, stopper
from tests.faults.promises import kept
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(90)]


def test_asterisk_is_killed(stack: Stack) -> None:
    campaign = stack.start("asterisk-killed", crowd(stack.new_numbers(40)))
    stack.wait_talking(10)
    on_line = len(stack.line.talking) + len(stack.line.ringing)
    stack.kill("asterisk")
    wait_for(lambda: stack.state(campaign) is CampaignState.FINISHED, "the end of the campaign")
    stack.hang_up_everybody()
    verdict = stack.finished(campaign)
    kept(verdict, lines_cut=on_line + 8)
    assert len(stack.line.called) >= 40 - 8


def test_the_database_is_locked_while_9_is_pressed(stack: Stack) -> None:
    people = [stopper(index, number, Segment.MESSAGE, 900) for index, number in stack.new_numbers(30)]
    campaign = stack.start("locked", people)
    stack.wait_talking(8)
    with stack.database_locked():
        locked_s = time.monotonic()
        wait_for(lambda: time.monotonic() - locked_s > 3, "three seconds")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert len(verdict.stopped) == 30
    assert all(row.heard_ms[Segment.CONFIRMATION] > 0 for row, _ in verdict.pairs)


def test_the_agi_server_dies_while_a_9_waits_for_the_database(stack: Stack) -> None:
    numbers = stack.new_numbers(24)
    people = [stopper(index, number, Segment.PREROLL, 500) for index, number in numbers]
    people = [replace(p, hang_up_ms=900, ended_by=EndedBy.LISTENER) if p.index % 3 == 2 else p for p in people]
    campaign = stack.start("locked-and-killed", people)
    stack.wait_talking(4)
    with stack.database_locked():
        locked_s = time.monotonic()
        wait_for(lambda: time.monotonic() - locked_s > 1.5, "one and a half seconds")
        stack.kill("agi")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert len(verdict.stopped) == 24
    assert len(verdict.measured_by("dialplan")) >= 4


def test_all_processes_are_killed_at_once(stack: Stack) -> None:
    campaign = stack.start("all-killed", crowd(stack.new_numbers(40)))
    stack.wait_talking(10)
    on_line = len(stack.line.talking) + len(stack.line.ringing)
    stack.kill_all()
    assert not health.supervisor(stack.settings).is_up()
    stack.restart()
    verdict = stack.finished(campaign)
    kept(verdict, lines_cut=on_line + 8)
