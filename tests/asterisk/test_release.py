"""Calls on the line are ended at once when somebody asks for it, and the notice is heard all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ivr.rules.electorate import Person, PlannedKey
from ivr.rules.segments import CallResult, EndedBy, Segment
from ivr.rules.truth import TruthRow
from ivr.usecases import campaigns
from tests.crowd import TONE_MS, listener, stopper
from tests.stack import LENGTHS_MS, SETTINGS, Stack, Verdict, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]

EXACT_MS = 100
LONG_MS = {Segment.PREROLL: 300, Segment.MESSAGE: 1000, Segment.NOTICE: 4500, Segment.CONFIRMATION: 3000}
LONG_RING_MS = 5000


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
    assert [row for row, _ in verdict.pairs if _times(row, Segment.PREROLL) > 1] == [], (
        "nobody hears the pre-roll again"
    )


def test_a_call_whose_script_is_dead_is_released_too(stack: Stack) -> None:
    campaign = stack.start("released-fallback", [listener(*one) for one in stack.new_numbers(12)])
    stack.wait_talking(6)
    killed_ms = campaigns.now_ms()
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
    noticed = [row for row, _ in verdict.pairs if row.answered and not _began(row, Segment.NOTICE, killed_ms)]
    assert len(noticed) >= 5
    assert [row for row in noticed if _times(row, Segment.NOTICE) != 1] == [], "the dialplan's notice is not begun anew"


@pytest.fixture(scope="module")
def long_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its last words take so long that a busy machine has come to each of them before the next."""
    text = SETTINGS.replace("grace_s = 0.6", "grace_s = 6").replace("ring_timeout_s = 4", "ring_timeout_s = 20")
    with running_stack(tmp_path_factory.mktemp("release-last"), text=text, lengths_ms=LONG_MS) as up:
        yield up


def starred(person: Person, within_ms: int) -> Person:
    """The person presses * that long after the notice began."""
    return replace(person, keys=(PlannedKey("*", Segment.NOTICE, within_ms, TONE_MS),))


@pytest.mark.timeout(180)
def test_last_words_are_said_once_and_to_their_end(long_stack: Stack) -> None:
    """Some are in the grace time then, some in the notice, some in the confirmation; some ask for a repeat after it."""
    stack, numbers = long_stack, long_stack.new_numbers(16)
    after = LONG_MS[Segment.NOTICE] + 5000
    kinds = {
        "grace": [listener(*one) for one in numbers[:2]] + [starred(listener(*one), after) for one in numbers[2:4]],
        "notice": [listener(*one, ring_ms=LONG_RING_MS) for one in numbers[4:8]],
        "starred": [starred(listener(*one, ring_ms=LONG_RING_MS), 4000) for one in numbers[8:12]],
        "stopped": [replace(stopper(*one, Segment.NOTICE, 200), ring_ms=LONG_RING_MS) for one in numbers[12:]],
    }
    campaign = stack.start("released-last-words", [person for people in kinds.values() for person in people])
    asked = [person.number for person in kinds["stopped"]]
    wait_for(lambda: len(stack.store.suppressions.blocked_among(asked, campaign.sponsor_id)) == 4, "four stops", 40)
    campaigns.pause(stack.store, campaign.name)
    stack.store.campaigns.release_calls(campaign.id, campaigns.now_ms())
    wait_for(lambda: stack.store.campaigns.books(campaign.id).in_progress == 0, "the end of every call", 40)
    wait_for(lambda: all(one.listen for _, one in stack.verdict(campaign).pairs), "every listen", 20)

    verdict = stack.verdict(campaign)
    found = {row.number: (row, result) for row, result in verdict.pairs}
    told = {kind: [found[person.number] for person in people] for kind, people in kinds.items()}
    assert verdict.stopped == set(asked)
    assert verdict.greatest_error_ms() <= EXACT_MS
    for row, result in found.values():
        _is_the_scripts(row, result)
        last = Segment.CONFIRMATION if row.stopped else Segment.NOTICE
        assert row.heard_ms[last] >= LONG_MS[last] - EXACT_MS, row
    assert {result.listen.keys[0].key for _, result in told["starred"] if result.listen} == {"*"}


def _is_the_scripts(row: TruthRow, result: CallResult) -> None:
    """Each segment was heard once, and the script told it to the end: nobody redirected the call."""
    assert result.listen is not None
    assert (result.listen.measured_by, result.listen.ended_by) == ("agi", EndedBy.US)
    assert {_times(row, segment) for segment in (Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE)} == {1}, row
    assert _times(row, Segment.CONFIRMATION) == row.stopped, row


def _times(row: TruthRow, segment: Segment) -> int:
    """How often the far end heard the segment begin."""
    return sum(play.segment is segment for play in row.plays)


def _began(row: TruthRow, segment: Segment, before_ms: int) -> bool:
    """Whether the far end heard the segment begin before that instant."""
    return any(play.segment is segment and row.answered_ms + play.at_ms < before_ms for play in row.plays)


def _noticed(verdict: Verdict) -> bool:
    """Whether every listen that somebody measured has the whole notice: the dialplan tells of it after the script."""
    listens = [one.listen for _, one in verdict.outcomes("answered")]
    known = [one for one in listens if one and one.measured_by != "none"]
    return len(known) >= 5 and all(one.heard_ms(Segment.NOTICE) >= LENGTHS_MS[Segment.NOTICE] - 60 for one in known)
