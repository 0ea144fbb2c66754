"""A small campaign from end to end, on a real Asterisk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from ivr.adapters.pbx import instance, sip_capture
from ivr.errors import BadTransition, Refused
from ivr.rules.auditing import Kind
from ivr.rules.findings import Weight
from ivr.rules.segments import Segment
from ivr.rules.states import CampaignState
from ivr.usecases import auditing, campaigns, doctoring, halting, health, reports, tracing
from tests.crowd import crowd, leaver, listener, stopper
from tests.stack import Stack, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("campaign")) as up:
        yield up


def test_a_campaign_is_called_and_told_truly(stack: Stack) -> None:
    campaign = stack.start("whole", crowd(stack.new_numbers(32)))
    with pytest.raises(Refused, match="runs already"):
        campaigns.start(stack.store, stack.settings, campaign.name)
    verdict = stack.finished(campaign)
    assert verdict.check.ok, verdict.check
    assert verdict.check.targets == 32
    assert verdict.books.balance
    assert verdict.books.due == verdict.books.in_progress == 0
    report = reports.report_of(stack.store, verdict.campaign)
    assert report.books.balance
    assert not report.books.doubts
    assert all(result.listen.measured_by == "agi" for _, result in verdict.pairs if result.listen)
    worst = health.worst_second(stack.settings)
    assert worst is not None
    assert worst <= 10
    with pytest.raises(BadTransition, match="finished"):
        campaigns.start(stack.store, stack.settings, campaign.name)
    (pbx,) = auditing.audit_of(stack.store, stack.settings, campaign.name).verdicts
    assert (pbx.calls, pbx.compared) == (32, report.answered), "Asterisk saw every call, and how long it lasted"
    slow = [one for one in pbx.disagreements if one.kind is Kind.CALL_LONGER]  # a busy machine answers before it speaks
    assert list(pbx.disagreements) == slow


def test_the_story_of_a_call_is_told_by_every_witness_but_not_the_listener(stack: Stack) -> None:
    person = stopper(*stack.new_numbers(1)[0], Segment.NOTICE, 300)
    with sip_capture.capturing(stack.settings):
        verdict = stack.finished(stack.start("traced", [person]))
    (attempt,) = (result.listen.attempt for _, result in verdict.pairs if result.listen)
    story = tracing.traced(stack.store, stack.settings, attempt)
    assert (story.missing, story.outcome) == (("logs",), "answered")
    ladder = [(step.sent, step.says.split(" ", 1)[1]) for step in story.steps if step.witness == "sip"]
    assert next(line for sent, line in ladder if sent).startswith("INVITE [PCMA/8000")
    assert {line.partition(" [")[0] for sent, line in ladder if not sent} >= {"200 OK (INVITE)"}
    assert any(line.startswith("BYE") for _, line in ladder)
    shown = json.dumps(asdict(story))
    assert person.number not in shown
    assert "heard" not in shown
    assert [step.witness for step in story.steps[:2]] == ["books", "books"]


def test_pause_lets_no_call_out_a_second_later_and_stop_is_final(stack: Stack) -> None:
    people = [listener(index, number) for index, number in stack.new_numbers(40)]
    campaign = stack.start("halted", people)
    wait_for(lambda: len(stack.line.called) >= 6, "six calls")
    campaigns.pause(stack.store, campaign.name)
    late = _invited_after(stack, time.time() * 1000 + 1000)
    assert not late
    paused = len(stack.line.called)
    assert 6 <= paused < 30
    assert stack.store.campaigns.books(campaign.id).balance
    campaigns.start(stack.store, stack.settings, campaign.name)
    wait_for(lambda: len(stack.line.called) >= paused + 5, "calls after the pause")
    campaigns.stop(stack.store, campaign.name)
    late = _invited_after(stack, time.time() * 1000 + 1000)
    assert not late
    with pytest.raises(BadTransition, match="stopped"):
        campaigns.start(stack.store, stack.settings, campaign.name)
    wait_for(lambda: stack.store.campaigns.books(campaign.id).in_progress == 0, "the end of the last calls")
    verdict = stack.verdict(campaign)
    assert verdict.campaign.state is CampaignState.STOPPED
    assert verdict.books.balance
    assert verdict.books.due == 40 - len(stack.line.called) > 0
    assert verdict.check.called_twice == 0
    assert verdict.greatest_error_ms() <= 100


def _invited_after(stack: Stack, limit_ms: float) -> list[float]:
    """The calls that came later than that instant, seen when all have left the line, 1.5 s after it at least."""
    wait_for(lambda: time.time() * 1000 > limit_ms + 1500 and not stack.line.talking, "an empty line")
    return [at_ms for at_ms in stack.line.invited_ms if at_ms > limit_ms]


def test_who_pressed_9_is_not_called_by_that_sponsor_again(stack: Stack) -> None:
    numbers = stack.new_numbers(16)
    people = [
        stopper(index, number, tuple(Segment)[index % 3], 300) if index % 2 else listener(index, number)
        for index, number in numbers
    ]
    first = stack.finished(stack.start("first", people, sponsor="the same sponsor"))
    pressed = {row.number for row, _ in first.pairs if row.stopped}
    assert len(pressed) == 8 == len(first.stopped)

    everybody = [leaver(index, number, 400) for index, number in numbers]
    second = stack.finished(stack.start("second", everybody, sponsor="the same sponsor"))
    assert {row.number for row, _ in second.pairs if row.called} == {number for _, number in numbers} - pressed
    assert second.books.not_allowed == {"suppressed": 8}
    assert second.books.balance

    other = stack.finished(stack.start("other", everybody, sponsor="another sponsor"))
    assert sum(row.called for row, _ in other.pairs) == 16


def test_a_halt_lets_no_call_out_a_second_later_and_loses_nobody(stack: Stack) -> None:
    campaign = stack.start("kill-switch", [listener(index, number) for index, number in stack.new_numbers(24)])
    wait_for(lambda: len(stack.line.called) >= 6, "six calls")
    halting.halt(stack.store, "a test")
    try:
        limit_ms = time.time() * 1000 + 1000
        assert instance.uniqueids(stack.settings) & set(stack.store.attempts.open_on("pbx1")), "people on the line"
        found = doctoring.examine(stack.settings, None, 3_600_000)
        assert [one for one in found if one.weight is Weight.WRONG] == []
        assert {"halt", "witnesses", "redis", "parts"} <= {one.name for one in found}
        assert not _invited_after(stack, limit_ms)
        assert 6 <= len(stack.line.called) < 24
        assert stack.state(campaign) is CampaignState.RUNNING
    finally:
        halting.unhalt(stack.store)
    verdict = stack.finished(campaign)
    assert verdict.check.ok, verdict.check
    assert verdict.books.outcomes == {"answered": 24}
    assert set(stack.line.called.values()) == {1}
