"""The people of the tests: few, quick, and each for a reason."""

from __future__ import annotations

from dataclasses import replace

from ivr.rules.electorate import Behaviour, Person, PlannedKey, Voice
from ivr.rules.segments import EndedBy, Segment
from ivr.rules.states import Outcome

TONE_MS = 120


def listener(index: int, number: str, ring_ms: int = 300) -> Person:
    """Answers and waits for us to hang up."""
    return Person(
        index=index,
        number=number,
        territory="Île-de-France",
        behaviour=Behaviour.LISTENS,
        outcome=Outcome.ANSWERED,
        ended_by=EndedBy.US,
        ring_ms=ring_ms,
        sip_code=200,
        voice=Voice.HELLO,
        plan="listens to the end",
    )


def stopper(index: int, number: str, segment: Segment, within_ms: int) -> Person:
    """Presses 9 that long into the segment, and stays."""
    key = PlannedKey("9", segment, within_ms, TONE_MS)
    plan = f"presses 9 {within_ms} ms into {segment}"
    return replace(listener(index, number), behaviour=Behaviour.STOPS, keys=(key,), plan=plan)


def leaver(index: int, number: str, hang_up_ms: int) -> Person:
    """Hangs up that long after the answer."""
    plan = f"hangs up {hang_up_ms} ms after the answer"
    left = replace(listener(index, number), behaviour=Behaviour.HANGS_UP, ended_by=EndedBy.LISTENER)
    return replace(left, hang_up_ms=hang_up_ms, plan=plan)


def absent(index: int, number: str, code: int = 0) -> Person:
    """Is not there: refuses with a SIP code, or rings until given up."""
    outcome = {0: Outcome.NO_ANSWER, 486: Outcome.BUSY, 404: Outcome.INVALID_NUMBER, 503: Outcome.CONGESTION}[code]
    behaviour = {486: Behaviour.BUSY, 404: Behaviour.UNKNOWN_NUMBER, 503: Behaviour.CONGESTION}
    person = replace(listener(index, number), behaviour=behaviour.get(code, Behaviour.NO_ANSWER), voice=Voice.NONE)
    return replace(person, outcome=outcome, sip_code=code, ended_by=None, plan=f"refuses with {code}")


def crowd(numbers: list[tuple[int, str]]) -> list[Person]:
    """Half listen to the end; the rest press 9 in each segment, leave at any time, or are not there."""
    people = []
    for index, number in numbers:
        kinds = [
            listener(index, number, ring_ms=200 + 40 * (index % 20)),
            stopper(index, number, Segment.NOTICE, 500),
            listener(index, number),
            leaver(index, number, 400 + 137 * index % 4000),
            listener(index, number, ring_ms=900),
            stopper(index, number, Segment.MESSAGE, 60 + 97 * index % 2200),
            listener(index, number),
            absent(index, number, (486, 404, 0, 503)[index // 8 % 4]),
        ]
        people.append(kinds[index % len(kinds)])
    return people
