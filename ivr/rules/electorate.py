"""The simulated electorate: who they are, how each behaves on the telephone, and what must come of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ivr.errors import Refused
from ivr.rules.segments import EndedBy, Segment
from ivr.rules.states import Outcome

TERRITORIES = {
    "+3319900": "Île-de-France",
    "+3326191": "Nord-Ouest",
    "+3335301": "Nord-Est",
    "+3346571": "Sud-Est",
    "+3353649": "Sud-Ouest",
}
"""The fixed-line ranges that ARCEP reserves for fiction, before four digits (phonenumbers lacks its mobile range)."""

NUMBERS_PER_RANGE = 10_000
MOST_PEOPLE = len(TERRITORIES) * NUMBERS_PER_RANGE
LATE_MS = 6_000
KEY_REACTION_MS = 20
"""What Asterisk needs to act on the end of a key, roughly: the plan of a hang-up needs no better."""


class Behaviour(StrEnum):
    """What a person does when called."""

    LISTENS = "listens"
    HANGS_UP = "hangs_up"
    STOPS = "stops"  # presses 9 and stays
    STOPS_AND_LEAVES = "stops_and_leaves"  # presses 9 and hangs up during the confirmation
    REPEATS = "repeats"
    REPEATS_AND_LEAVES = "repeats_and_leaves"
    OTHER_KEYS = "other_keys"
    LATE = "late"  # answers after a long ring
    SILENT = "silent"  # answers and never sends a packet
    MACHINE = "machine"  # an answering machine
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNAVAILABLE = "unavailable"
    UNKNOWN_NUMBER = "unknown_number"
    CONGESTION = "congestion"


class Voice(StrEnum):
    """What the far end says."""

    NONE = "none"
    HELLO = "hello"
    GREETING = "greeting"


@dataclass(frozen=True, slots=True)
class SegmentLengths:
    """The nominal length of each segment, milliseconds."""

    preroll_ms: int
    message_ms: int
    notice_ms: int
    confirmation_ms: int

    def of(self, segment: Segment) -> int:
        """The length of `segment`, milliseconds."""
        return {
            Segment.PREROLL: self.preroll_ms,
            Segment.MESSAGE: self.message_ms,
            Segment.NOTICE: self.notice_ms,
            Segment.CONFIRMATION: self.confirmation_ms,
        }[segment]

    def began(self, segment: Segment) -> int:
        """When `segment` begins in a call without keys, milliseconds after the answer."""
        before = {
            Segment.PREROLL: 0,
            Segment.MESSAGE: self.preroll_ms,
            Segment.NOTICE: self.preroll_ms + self.message_ms,
        }
        return before[segment]


@dataclass(frozen=True, slots=True)
class PlannedKey:
    """A key to press `within_ms` after the beginning of the `play`-th play of `segment` (from 1), for `tone_ms`.

    A `within_ms` beyond the segment's length means that long after its end.
    """

    key: str
    segment: Segment
    within_ms: int
    tone_ms: int
    play: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """One number, its behaviour, and what the books must say of it.

    sip_code: the final answer, 0: rings until given up. hang_up_ms: after the answer, None: waits for us to hang up.
    plan: the instant of the hang-up or keys, in words. first: the final answers to the first calls, one each, before
    the behaviour shows. version: of the message, from 0, that they drew.
    """

    index: int
    number: str
    territory: str
    behaviour: Behaviour
    outcome: Outcome
    ended_by: EndedBy | None
    ring_ms: int
    sip_code: int
    hang_up_ms: int | None = None
    keys: tuple[PlannedKey, ...] = ()
    voice: Voice = Voice.NONE
    plan: str = ""
    first: tuple[int, ...] = ()
    version: int = 0

    def expected(self, calls: int) -> Outcome:
        """What the books must say after so many calls."""
        return REFUSALS[self.first[calls - 1]] if 0 < calls <= len(self.first) else self.outcome

    @property
    def stops(self) -> bool:
        """Whether the plan is to press 9."""
        return any(key.key == "9" for key in self.keys)


REFUSALS = {
    486: Outcome.BUSY,
    0: Outcome.NO_ANSWER,
    480: Outcome.NO_ANSWER,
    404: Outcome.INVALID_NUMBER,
    503: Outcome.CONGESTION,
}
"""What a final answer of the lab's carrier stands for; 0: none came before the call was given up."""
FIRST_ANSWERS = ((486,), (0,), (503,), (486, 0), (503, 503, 486))
"""What people say to their first calls who are reached by a later one."""
MOST_FIRST = 3

DEFAULT_MIX = {
    Behaviour.LISTENS: 0.30,
    Behaviour.HANGS_UP: 0.24,
    Behaviour.STOPS: 0.04,
    Behaviour.STOPS_AND_LEAVES: 0.02,
    Behaviour.REPEATS: 0.02,
    Behaviour.REPEATS_AND_LEAVES: 0.01,
    Behaviour.OTHER_KEYS: 0.02,
    Behaviour.LATE: 0.02,
    Behaviour.SILENT: 0.02,
    Behaviour.MACHINE: 0.12,
    Behaviour.BUSY: 0.06,
    Behaviour.NO_ANSWER: 0.07,
    Behaviour.UNAVAILABLE: 0.02,
    Behaviour.UNKNOWN_NUMBER: 0.03,
    Behaviour.CONGESTION: 0.01,
}
"""Shares of an invented electorate; each edge of EDGES comes on top of them, once."""

_FAILURES = {
    Behaviour.BUSY: 486,
    Behaviour.NO_ANSWER: 0,
    Behaviour.UNAVAILABLE: 480,
    Behaviour.UNKNOWN_NUMBER: 404,
    Behaviour.CONGESTION: 503,
}

P, M, N, C = Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE, Segment.CONFIRMATION
_SPOKEN = (P, M, N)

Recipe = tuple[Behaviour, Segment, int | float, str]
"""A behaviour, a segment, the instant in it (int: ms, negative: before its end; float: share of its length), a key."""

EDGES: tuple[Recipe, ...] = (
    *((Behaviour.HANGS_UP, P, at, "") for at in (60, 300, 900, 0.5)),
    *((Behaviour.HANGS_UP, M, at, "") for at in (20, 100, 250, 500, 900, 0.5, 0.98)),
    *((Behaviour.HANGS_UP, N, at, "") for at in (20, 400, 0.5)),
    *((Behaviour.HANGS_UP, segment, 1.0, "") for segment in _SPOKEN),
    *((Behaviour.HANGS_UP, segment, -40, "") for segment in _SPOKEN),
    *((Behaviour.STOPS, segment, at, "9") for segment in _SPOKEN for at in (20, 0.5)),
    *((Behaviour.STOPS, segment, -20, "9") for segment in _SPOKEN),
    (Behaviour.STOPS, C, 0.4, "9"),
    *((Behaviour.STOPS_AND_LEAVES, segment, at, "9") for segment in _SPOKEN for at in (0.3, 0.7)),
    (Behaviour.STOPS_AND_LEAVES, N, 1.0, "9"),
    *(
        (Behaviour.REPEATS, segment, at, key)
        for segment, at, key in ((M, 0.3, "*"), (N, 0.5, "1"), (P, 0.8, "*"), (N, 1.0, "*"))
    ),
    *((Behaviour.REPEATS_AND_LEAVES, segment, 0.5, key) for segment, key in ((M, "1"), (N, "*"))),
    *((Behaviour.OTHER_KEYS, segment, 0.4, key) for segment, key in ((P, "5"), (M, "0"), (M, "#"), (N, "7"))),
    *(
        (behaviour, M, 0.5, "")
        for behaviour in (Behaviour.LISTENS, Behaviour.LATE, Behaviour.SILENT, Behaviour.MACHINE)
    ),
    *((behaviour, M, 0.0, "") for behaviour in _FAILURES),
)
"""Every edge case; an electorate has each at least once as soon as it has that many people."""


def electorate(
    count: int, seed: int, lengths: SegmentLengths, mix: dict[Behaviour, float] | None = None
) -> list[Person]:
    """`count` people, the same for the same arguments: the edge cases first, the rest drawn from `mix`, all shuffled.

    Numbers are of ranges reserved for fiction. Raises Refused if `count` is not in 1…50,000.
    """
    if not 1 <= count <= MOST_PEOPLE:
        raise Refused(
            f"an electorate has 1 to {MOST_PEOPLE} people: {count} asked for (the number ranges of fiction end there)"
        )
    draw = random.Random(seed)  # noqa: S311 - a repeatable draw, nothing secret
    recipes = list(EDGES[:count])
    shares = mix or DEFAULT_MIX
    drawn = draw.choices(list(shares), weights=list(shares.values()), k=count - len(recipes))
    recipes += [_draw_recipe(draw, behaviour) for behaviour in drawn]
    draw.shuffle(recipes)
    numbers = _numbers(draw, count)
    return [_person(draw, index, numbers[index], recipe, lengths) for index, recipe in enumerate(recipes)]


def as_drawn(planned: Sequence[Sequence[Person]], drawn: Mapping[str, int]) -> list[Person]:
    """The people as each behaves who hears the version that they drew.

    planned: for each version the whole electorate, planned by its length. drawn: the version by number; who drew none
    hears the first one.
    """
    versions = [drawn.get(person.number, 0) for person in planned[0]]
    return [replace(planned[version][index], version=version) for index, version in enumerate(versions)]


def called_again(people: list[Person], share: float, seed: int) -> list[Person]:
    """The same people, of whom about that share do not answer their first calls."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable draw, nothing secret
    return [after(person, draw.choice(FIRST_ANSWERS)) if draw.random() < share else person for person in people]


def after(person: Person, first: tuple[int, ...]) -> Person:
    """The person, whose first calls get those final answers."""
    told = ", then ".join(f"refuses with {code}" if code else "rings until given up" for code in first)
    return replace(person, first=first, plan=f"{told}, then {person.plan}")


def _numbers(draw: random.Random, count: int) -> list[str]:
    ranges = list(TERRITORIES)
    taken = draw.sample(range(MOST_PEOPLE), count)
    return [f"{ranges[i // NUMBERS_PER_RANGE]}{i % NUMBERS_PER_RANGE:04d}" for i in taken]


def _draw_recipe(draw: random.Random, behaviour: Behaviour) -> Recipe:
    """A recipe at a random instant; early hang-ups are the most frequent, as on the telephone."""
    segment = draw.choices(_SPOKEN, weights=(3, 6, 1))[0]
    at = draw.betavariate(0.8, 1.6) if behaviour is Behaviour.HANGS_UP else draw.uniform(0.05, 0.95)
    keys = {Behaviour.REPEATS: "*1", Behaviour.REPEATS_AND_LEAVES: "*1", Behaviour.OTHER_KEYS: "0#2345678"}
    return behaviour, segment, at, draw.choice(keys.get(behaviour, "9"))


def _person(draw: random.Random, index: int, number: str, recipe: Recipe, lengths: SegmentLengths) -> Person:
    behaviour = recipe[0]
    blank = Person(
        index=index,
        number=number,
        territory=TERRITORIES[number[:8]],
        behaviour=behaviour,
        outcome=Outcome.ANSWERED,
        ended_by=EndedBy.US,
        ring_ms=draw.randrange(100, 1500, 10),
        sip_code=200,
        voice=Voice.HELLO,
    )
    if behaviour in _FAILURES:
        code = _FAILURES[behaviour]
        plan = f"refuses with {code}" if code else "rings until given up"
        return replace(blank, sip_code=code, outcome=REFUSALS[code], ended_by=None, voice=Voice.NONE, plan=plan)
    return _CONDUCT[behaviour](blank, recipe, lengths, draw.randrange(100, 161, 20))


def _instant(recipe: Recipe, lengths: SegmentLengths) -> int:
    """The instant of a recipe within its segment, milliseconds."""
    _, segment, at, _ = recipe
    length_ms = lengths.of(segment)
    wanted = round(at * length_ms) if isinstance(at, float) else at if at >= 0 else length_ms + at
    return max(20, min(length_ms, wanted))


def _stays(person: Person, *_: object) -> Person:
    return replace(person, plan="listens to the end")


def _late(person: Person, *_: object) -> Person:
    return replace(person, ring_ms=LATE_MS, plan=f"answers after {LATE_MS} ms")


def _silent(person: Person, *_: object) -> Person:
    return replace(person, voice=Voice.NONE, plan="sends no sound, listens to the end")


def _leaves(person: Person, at_ms: int, plan: str) -> Person:
    return replace(person, hang_up_ms=max(20, at_ms), ended_by=EndedBy.LISTENER, plan=plan)


def _hangs_up(person: Person, recipe: Recipe, lengths: SegmentLengths, _: int) -> Person:
    at_ms = _instant(recipe, lengths)
    return _leaves(person, lengths.began(recipe[1]) + at_ms, f"hangs up {at_ms} ms into {recipe[1]}")


def _machine(person: Person, recipe: Recipe, lengths: SegmentLengths, _: int) -> Person:
    at_ms = _instant((recipe[0], M, recipe[2], ""), lengths)
    machine = replace(person, voice=Voice.GREETING)
    return _leaves(machine, lengths.began(M) + at_ms, f"a machine, hangs up {at_ms} ms into message")


def _presses(person: Person, recipe: Recipe, lengths: SegmentLengths, tone_ms: int) -> Person:
    """One key; at the very end of the notice it comes while only keys are awaited."""
    _, segment, at, key = recipe
    within_ms = _instant(recipe, lengths)
    if segment is N and at == 1.0:
        within_ms += 500
    press = PlannedKey(key, segment, within_ms, tone_ms)
    return replace(person, keys=(press,), plan=f"presses {key} {within_ms} ms into {segment}")


def _stops(person: Person, recipe: Recipe, lengths: SegmentLengths, tone_ms: int) -> Person:
    if recipe[1] is not C:
        return _presses(person, recipe, lengths, tone_ms)
    first = PlannedKey("9", M, lengths.message_ms // 2, tone_ms)
    again = PlannedKey("9", C, _instant(recipe, lengths), tone_ms)
    return replace(person, keys=(first, again), plan="presses 9 in message and again in the confirmation")


def _after_key_ms(person: Person, lengths: SegmentLengths) -> int:
    """When what a key brings begins, milliseconds after the answer."""
    (press,) = person.keys
    return lengths.began(press.segment) + press.within_ms + press.tone_ms + KEY_REACTION_MS


def _stops_and_leaves(person: Person, recipe: Recipe, lengths: SegmentLengths, tone_ms: int) -> Person:
    stopping = _presses(person, recipe, lengths, tone_ms)
    within_ms = lengths.confirmation_ms * (1 if recipe[2] == 0.3 else 4) // 5
    plan = f"{stopping.plan}, hangs up {within_ms} ms into the confirmation"
    return _leaves(stopping, _after_key_ms(stopping, lengths) + within_ms, plan)


def _repeats_and_leaves(person: Person, recipe: Recipe, lengths: SegmentLengths, tone_ms: int) -> Person:
    repeating = _presses(person, recipe, lengths, tone_ms)
    within_ms = lengths.message_ms // 3
    plan = f"{repeating.plan}, hangs up {within_ms} ms into what follows"
    return _leaves(repeating, _after_key_ms(repeating, lengths) + within_ms, plan)


_CONDUCT: dict[Behaviour, Callable[[Person, Recipe, SegmentLengths, int], Person]] = {
    Behaviour.LISTENS: _stays,
    Behaviour.LATE: _late,
    Behaviour.SILENT: _silent,
    Behaviour.MACHINE: _machine,
    Behaviour.HANGS_UP: _hangs_up,
    Behaviour.STOPS: _stops,
    Behaviour.STOPS_AND_LEAVES: _stops_and_leaves,
    Behaviour.REPEATS: _presses,
    Behaviour.REPEATS_AND_LEAVES: _repeats_and_leaves,
    Behaviour.OTHER_KEYS: _presses,
}
