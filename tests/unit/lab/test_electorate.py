"""The electorate: the same for the same seed, with every edge case, on numbers of fiction."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import phonenumbers
import pytest

from ivr.errors import Refused
from ivr.rules.electorate import EDGES, Behaviour, SegmentLengths, as_drawn, electorate
from ivr.rules.segments import EndedBy, Segment
from ivr.rules.states import Outcome

LENGTHS = SegmentLengths(4000, 20000, 6000, 3000)


def test_the_same_seed_makes_the_same_people_and_another_seed_others() -> None:
    assert electorate(300, 7, LENGTHS) == electorate(300, 7, LENGTHS)
    assert electorate(300, 7, LENGTHS) != electorate(300, 8, LENGTHS)


def test_numbers_do_not_depend_on_what_is_played() -> None:
    """The list is imported before the campaign exists, the behaviour is planned after."""
    other = SegmentLengths(1000, 1000, 1000, 1000)
    assert [p.number for p in electorate(300, 7, LENGTHS)] == [p.number for p in electorate(300, 7, other)]


def test_who_hears_another_version_behaves_by_its_length() -> None:
    longer = SegmentLengths(4000, 40000, 6000, 3000)
    first, second = electorate(300, 7, LENGTHS), electorate(300, 7, longer)
    drawn = {person.number: person.index % 2 for person in first[:200]}
    people = as_drawn([first, second], drawn)
    assert [person.version for person in people] == [index % 2 if index < 200 else 0 for index in range(300)]
    for person in people:
        assert person == replace((first, second)[person.version][person.index], version=person.version)
    assert any("message" in second[one.index].plan and one.plan != first[one.index].plan for one in people)


def test_every_number_is_once_and_valid() -> None:
    numbers = [person.number for person in electorate(5000, 3, LENGTHS)]
    assert len(set(numbers)) == 5000
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)


@pytest.mark.parametrize("seed", range(5))
def test_three_hundred_people_show_every_behaviour_and_edge(seed: int) -> None:
    people = electorate(300, seed, LENGTHS)
    assert {person.behaviour for person in people} == set(Behaviour)
    plans = {person.plan for person in people}
    for edge in (
        "hangs up 60 ms into preroll",
        "hangs up 20 ms into message",
        "hangs up 900 ms into message",
        "hangs up 20000 ms into message",  # exactly at its end
        "hangs up 6000 ms into notice",
        "presses 9 20 ms into preroll",
        "presses 9 19980 ms into message",
        "presses 9 in message and again in the confirmation",
        "presses * 6500 ms into notice",  # while only keys are awaited
    ):
        assert edge in plans
    assert any("into the confirmation" in plan and "presses 9" in plan for plan in plans)


def test_a_tiny_electorate_is_cut_not_refused() -> None:
    assert len(electorate(1, 1, LENGTHS)) == 1
    assert len(electorate(len(EDGES) - 1, 1, LENGTHS)) == len(EDGES) - 1


@pytest.mark.parametrize("count", [0, -1, 50_001])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(Refused, match="50000"):
        electorate(count, 1, LENGTHS)


def test_shares_follow_the_mix() -> None:
    people = electorate(20_000, 1, LENGTHS, {Behaviour.LISTENS: 0.75, Behaviour.BUSY: 0.25})
    counts = Counter(person.behaviour for person in people)
    assert counts[Behaviour.BUSY] / 20_000 == pytest.approx(0.25, abs=0.01)


def test_what_must_come_of_each_behaviour() -> None:
    expected = {
        Behaviour.BUSY: (486, Outcome.BUSY),
        Behaviour.NO_ANSWER: (0, Outcome.NO_ANSWER),
        Behaviour.UNAVAILABLE: (480, Outcome.NO_ANSWER),
        Behaviour.UNKNOWN_NUMBER: (404, Outcome.INVALID_NUMBER),
        Behaviour.CONGESTION: (503, Outcome.CONGESTION),
    }
    for person in electorate(300, 1, LENGTHS):
        assert (person.sip_code, person.outcome) == expected.get(person.behaviour, (200, Outcome.ANSWERED))
        leaves = person.hang_up_ms is not None
        answers = person.outcome is Outcome.ANSWERED
        assert person.ended_by == (EndedBy.LISTENER if leaves else EndedBy.US if answers else None)


def test_a_hang_up_during_the_confirmation_falls_into_it() -> None:
    people = [p for p in electorate(300, 1, LENGTHS) if p.behaviour is Behaviour.STOPS_AND_LEAVES]
    assert people
    for person in people:
        (key,) = person.keys
        began_ms = LENGTHS.began(key.segment) + key.within_ms + key.tone_ms
        assert person.hang_up_ms is not None
        assert began_ms < person.hang_up_ms < began_ms + LENGTHS.of(Segment.CONFIRMATION)
