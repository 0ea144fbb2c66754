"""Asterisk dies, the database is locked, or all processes die at once."""

from __future__ import annotations

import sqlite3
import time

import pytest

from ivr.rules.segments import Segment
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
    other = sqlite3.connect(stack.settings.var_dir / "portevoix.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    locked_s = time.monotonic()
    wait_for(lambda: time.monotonic() - locked_s > 3, "three seconds")
    other.execute("ROLLBACK")
    other.close()
    verdict = stack.finished(campaign)
    kept(verdict)
    assert len(verdict.stopped) == 30
    assert all(row.heard_ms[Segment.CONFIRMATION] > 0 for row, _ in verdict.pairs)


def test_all_processes_are_killed_at_once(stack: Stack) -> None:
    campaign = stack.start("all-killed", crowd(stack.new_numbers(40)))
    stack.wait_talking(10)
    on_line = len(stack.line.talking) + len(stack.line.ringing)
    stack.kill_all()
    assert not health.supervisor(stack.settings).is_up()
    stack.restart()
    verdict = stack.finished(campaign)
    kept(verdict, lines_cut=on_line + 8)
