"""The people of the matrix: everybody the lab knows, most of them patient: 20 calls a second are 200 at once."""

from __future__ import annotations

from dataclasses import replace

from ivr.rules.electorate import Behaviour, Person, SegmentLengths, electorate
from tests.matrix.installation import LENGTHS_MS

MIX = {
    Behaviour.LISTENS: 0.52,
    Behaviour.HANGS_UP: 0.12,
    Behaviour.STOPS: 0.06,
    Behaviour.STOPS_AND_LEAVES: 0.03,
    Behaviour.REPEATS: 0.04,
    Behaviour.REPEATS_AND_LEAVES: 0.01,
    Behaviour.OTHER_KEYS: 0.03,
    Behaviour.LATE: 0.04,
    Behaviour.SILENT: 0.03,
    Behaviour.MACHINE: 0.03,
    Behaviour.BUSY: 0.02,
    Behaviour.NO_ANSWER: 0.04,
    Behaviour.UNAVAILABLE: 0.01,
    Behaviour.UNKNOWN_NUMBER: 0.01,
    Behaviour.CONGESTION: 0.01,
}
"""Beside each edge case of the lab, once."""


def people(numbers: list[tuple[int, str]], seed: int) -> list[Person]:
    """One person for each number, all behaviours among them."""
    lengths = SegmentLengths(**{f"{segment}_ms": length_ms for segment, length_ms in LENGTHS_MS.items()})
    drawn = electorate(len(numbers), seed, lengths, MIX)
    return [replace(person, number=number) for person, (_, number) in zip(drawn, numbers, strict=True)]
