"""The AGI server dies, or was never there: the person on the line still hears the notice, and 9 still stops."""

from __future__ import annotations

import os
import signal

import pytest

from ivr.rules.segments import EndedBy, Segment
from ivr.usecases import health
from tests.crowd import crowd, leaver, listener, stopper
from tests.faults.promises import HEARD_ENOUGH_MS, kept
from tests.stack import LENGTHS_MS, Stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(90)]


def test_killed_in_mid_campaign(stack: Stack) -> None:
    campaign = stack.start("agi-killed", crowd(stack.new_numbers(48)))
    stack.wait_talking(16)
    stack.kill("agi")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.outcome_mismatches == 0
    spoken_to = verdict.measured_by("dialplan")
    assert len(spoken_to) >= 8
    for row, result in spoken_to:
        assert result.listen is not None
        assert "dialplan" in result.listen.error
        assert row.ended_by == EndedBy.LISTENER or row.heard_ms[Segment.NOTICE] >= HEARD_ENOUGH_MS or row.stopped
    stopped = [row for row, _ in spoken_to if row.stopped]
    assert stopped, "nobody pressed 9 while the dialplan spoke"
    assert all(row.heard_ms[Segment.CONFIRMATION] >= LENGTHS_MS[Segment.CONFIRMATION] - 100 for row in stopped)
    print("agi killed:", verdict.greatest_error_ms(), "ms;", len(spoken_to), "by the dialplan")
    last = max(verdict.pairs, key=lambda pair: pair[0].invited_ms)[1]
    ordinary = [r for _, r in verdict.pairs if r.listen and r.listen.measured_by == "agi" and r.dialed_at_ms]
    assert len(ordinary) >= 8
    assert last.listen is None or last.listen.measured_by == "agi"


def test_absent_from_the_start(stack: Stack) -> None:
    numbers = stack.new_numbers(12)
    people = [
        (
            listener(index, number),
            stopper(index, number, Segment.PREROLL, 300),
            stopper(index, number, Segment.NOTICE, 700),
            leaver(index, number, 500 + 150 * index),
        )[index % 4]
        for index, number in numbers
    ]
    health.supervisor(stack.settings).stop_process("agi")
    try:
        verdict = stack.finished(stack.start("agi-absent", people))
    finally:
        stack.begin("agi")
    kept(verdict)
    assert verdict.check.outcome_mismatches == 0
    for row, result in verdict.pairs:
        assert result.listen is not None
        assert result.listen.measured_by == "dialplan"
        assert row.heard_ms[Segment.MESSAGE] == 0
        if row.ended_by == EndedBy.US and not row.stopped:
            assert row.heard_ms[Segment.PREROLL] >= LENGTHS_MS[Segment.PREROLL] - 40
            assert row.heard_ms[Segment.NOTICE] >= LENGTHS_MS[Segment.NOTICE] - 40
    print("agi absent:", verdict.greatest_error_ms(), "ms")


def test_told_to_end_it_lets_the_calls_on_the_line_end(stack: Stack) -> None:
    campaign = stack.start("agi-ended", [listener(index, number) for index, number in stack.new_numbers(32)])
    stack.wait_talking(12)
    old = stack.pid("agi")
    os.kill(old, signal.SIGTERM)
    wait_for(lambda: stack.pid("agi") not in {0, old}, "another agi", 20)
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.outcome_mismatches == 0
    by_script = verdict.measured_by("agi")
    assert len(by_script) >= 12, "what the script had measured of the calls on the line did not leave"
    print("agi ended:", verdict.greatest_error_ms(), "ms")


def test_a_server_that_hangs_is_replaced_and_the_notice_heard(stack: Stack) -> None:
    """Stopped, not dead: its connections stay open, and Asterisk would wait for it in silence."""
    people = [listener(index, number) for index, number in stack.new_numbers(24)]
    campaign = stack.start("agi-hangs", people)
    stack.wait_talking(8)
    hung = stack.pid("agi")
    stack.hold("agi")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert stack.pid("agi") != hung
    assert verdict.check.outcome_mismatches == 0
    assert len(verdict.measured_by("dialplan")) >= 4
    for row, _ in verdict.pairs:
        assert row.heard_ms[Segment.NOTICE] >= HEARD_ENOUGH_MS
    print("agi hangs:", verdict.greatest_error_ms(), "ms")


def test_a_file_of_the_campaign_disappears(stack: Stack) -> None:
    people = [listener(index, number) for index, number in stack.new_numbers(24)]
    campaign = stack.start("file-gone", people)
    stack.wait_talking(4)
    gone = list(stack.settings.sounds_dir.glob(f"{campaign.message.sound}.*"))
    moved = [path.rename(path.with_name(f"away-{path.name}")) for path in gone]
    try:
        verdict = stack.finished(campaign)
    finally:
        for path in moved:
            path.rename(path.with_name(path.name.removeprefix("away-")))
    kept(verdict)
    missed = [(row, result.listen) for row, result in verdict.pairs if result.listen and result.listen.error]
    assert len(missed) >= 8
    for row, listen in missed:
        assert "message is missing" in listen.error
        assert listen.measured_by == "agi+dialplan"
        assert row.heard_ms[Segment.MESSAGE] == 0
        assert row.heard_ms[Segment.NOTICE] >= HEARD_ENOUGH_MS
