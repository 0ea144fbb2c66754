"""Calls on the line are ended at once when somebody asks for it, and the notice is heard all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ivr.rules.segments import EndedBy, Segment
from ivr.usecases import campaigns
from tests.crowd import listener
from tests.stack import LENGTHS_MS, Stack, Verdict, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]

EXACT_MS = 100


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("release")) as up:
        yield up


def test_who_is_on_the_line_hears_the_notice_and_nothing_else_any_more(stack: Stack) -> None:
    """Some are in the pre-roll, some in the message, some in the notice, some ring: 300 ms for most, 3 s for a few."""
    numbers = stack.new_numbers(40)
    campaign = stack.start("released", [listener(i, number, 3000 if i % 8 == 5 else 300) for i, number in numbers])
    stack.wait_talking(14)
    asked_ms = campaigns.now_ms()
    campaigns.pause(stack.store, campaign.name)
    stack.store.campaigns.release_calls(campaign.id, asked_ms)
    wait_for(lambda: stack.store.campaigns.books(campaign.id).in_progress == 0, "the end of every call", 15)

    wait_for(lambda: _noticed(stack.verdict(campaign)), "the notice in the listen of everybody who answered", 15)
    verdict = stack.verdict(campaign)
    assert verdict.books.balance
    # Somebody may take up the telephone in the very moment in which it is taken back.
    crossed = [(row, one) for row, one in verdict.pairs if one.outcome and one.outcome != row.outcome]
    assert all({row.outcome, one.outcome} == {"answered", "no_answer"} for row, one in crossed), crossed
    assert len(crossed) <= 3
    assert verdict.greatest_error_ms() <= EXACT_MS
    cut = [result for _, result in verdict.measured_by("dialplan")]
    assert len(cut) >= 8
    for result in cut:
        assert result.listen is not None
        assert result.listen.ended_by is EndedBy.US
        assert result.listen.heard_ms(Segment.NOTICE) >= LENGTHS_MS[Segment.NOTICE] - 60
        assert not result.listen.error
    in_message = [one for one in cut if one.listen and one.listen.heard_ms(Segment.MESSAGE) < 2300]
    assert len(in_message) >= 4, "who was in the pre-roll or the message hears no more of it"
    unanswered = [result for _, result in verdict.outcomes("no_answer")]
    assert unanswered, "those whose telephone rang are taken back"
    assert {result.dialled for result in [*cut, *unanswered]} == {1}


def test_a_call_whose_script_is_dead_is_released_too(stack: Stack) -> None:
    campaign = stack.start("released-fallback", [listener(*one) for one in stack.new_numbers(12)])
    stack.wait_talking(6)
    stack.kill("agi")
    stack.store.campaigns.release_calls(campaign.id, campaigns.now_ms())
    campaigns.pause(stack.store, campaign.name)
    wait_for(lambda: stack.store.campaigns.books(campaign.id).in_progress == 0, "the end of every call", 15)
    wait_for(lambda: _noticed(stack.verdict(campaign)), "the notice in the listen of everybody who answered", 15)
    verdict = stack.verdict(campaign)
    assert verdict.books.balance
    listens = [one.listen for _, one in verdict.outcomes("answered") if one.listen]
    heard_ms = [one.heard_ms(Segment.NOTICE) for one in listens if one.measured_by != "none"]
    assert len(heard_ms) >= 5
    assert min(heard_ms) >= LENGTHS_MS[Segment.NOTICE] - 150


def _noticed(verdict: Verdict) -> bool:
    """Whether every listen that somebody measured has the whole notice: the dialplan tells of it after the script."""
    listens = [one.listen for _, one in verdict.outcomes("answered")]
    known = [one for one in listens if one and one.measured_by != "none"]
    return len(known) >= 5 and all(one.heard_ms(Segment.NOTICE) >= LENGTHS_MS[Segment.NOTICE] - 60 for one in known)
