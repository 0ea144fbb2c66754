"""The files of the lab: the plan (people.csv), the list to import (contacts.csv) and the truth (truth.csv)."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ivr.errors import NotFound
from ivr.rules.electorate import Behaviour, Person, PlannedKey, Voice
from ivr.rules.segments import EndedBy, Segment
from ivr.rules.states import Outcome
from ivr.rules.truth import TruthKey, TruthPlay, TruthRow

_PLAIN = ("lost", "duplicated", "foreign", "late_ms", "silence_ms", "version")
_INSTANTS = ("invited_ms", "answered_ms", "first_packet_ms", "last_packet_ms", "ended_ms")


def write_people(path: Path, people: Iterable[Person]) -> None:
    """`path` holds the plan, one line a person."""
    _write(path, [_person_row(person) for person in people])


def read_people(path: Path) -> list[Person]:
    """The plan that `write_people` wrote. Raises NotFound if there is none."""
    return [_person(row) for row in _read(path)]


def write_contacts(path: Path, people: Iterable[Person]) -> None:
    """`path` holds the list a user would import: number and territory."""
    _write(path, [{"numero": person.number, "territoire": person.territory} for person in people])


def write_truth(path: Path, rows: Iterable[TruthRow]) -> None:
    """`path` holds the truth, one line a person; replaced at one blow, so that it can be read at any time."""
    _write(path, [_truth_row(row) for row in rows])


def read_truth(path: Path) -> list[TruthRow]:
    """The truth that `write_truth` wrote. Raises NotFound if there is none."""
    return [_truth(row) for row in _read(path)]


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    new = path.with_suffix(".new")
    with new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(new, path)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise NotFound(
            f"{path} does not exist: `ivr lab people` plans the electorate, `ivr lab carrier` writes the truth"
        )
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=";"))


def _person_row(person: Person) -> dict[str, object]:
    keys = " ".join(f"{k.key}:{k.segment}:{k.within_ms}:{k.tone_ms}:{k.play}" for k in person.keys)
    return {
        "index": person.index,
        "number": person.number,
        "territory": person.territory,
        "behaviour": person.behaviour,
        "outcome": person.outcome,
        "ended_by": person.ended_by or "",
        "ring_ms": person.ring_ms,
        "sip_code": person.sip_code,
        "hang_up_ms": person.hang_up_ms or "",
        "keys": keys,
        "voice": person.voice,
        "plan": person.plan,
        "first": " ".join(map(str, person.first)),
        "version": person.version,
    }


def _person(row: Mapping[str, str]) -> Person:
    return Person(
        index=int(row["index"]),
        number=row["number"],
        territory=row["territory"],
        behaviour=Behaviour(row["behaviour"]),
        outcome=Outcome(row["outcome"]),
        ended_by=EndedBy(row["ended_by"]) if row["ended_by"] else None,
        ring_ms=int(row["ring_ms"]),
        sip_code=int(row["sip_code"]),
        hang_up_ms=int(row["hang_up_ms"]) if row["hang_up_ms"] else None,
        keys=tuple(_planned(text) for text in row["keys"].split()),
        voice=Voice(row["voice"]),
        plan=row["plan"],
        first=tuple(int(code) for code in row["first"].split()),
        version=int(row["version"]),
    )


def _planned(text: str) -> PlannedKey:
    key, segment, within_ms, tone_ms, play = text.split(":")
    return PlannedKey(key, Segment(segment), int(within_ms), int(tone_ms), int(play))


def _truth_row(row: TruthRow) -> dict[str, object]:
    return {
        "number": row.number,
        "behaviour": row.behaviour,
        "expected": row.expected,
        "outcome": row.outcome,
        "called": row.called,
        "ended_by": row.ended_by,
        **{f"{segment}_ms": row.heard_ms.get(segment, 0) for segment in Segment},
        **{f"{segment}_total_ms": row.total_ms.get(segment, 0) for segment in Segment},
        "plays": " ".join(f"{p.segment}:{p.heard_ms}:{p.at_ms}" for p in row.plays),
        "keys": " ".join(f"{k.key}:{k.segment}:{k.within_ms}:{k.at_ms}" for k in row.keys),
        **{name: getattr(row, name) for name in (*_INSTANTS, *_PLAIN)},
        "plan": row.plan,
    }


def _truth(row: Mapping[str, str]) -> TruthRow:
    numbers = {name: int(row[name]) for name in (*_INSTANTS, *_PLAIN, "called")}
    return TruthRow(
        number=row["number"],
        behaviour=Behaviour(row["behaviour"]),
        expected=Outcome(row["expected"]),
        plan=row["plan"],
        outcome=row["outcome"],
        ended_by=row["ended_by"],
        heard_ms={segment: int(row[f"{segment}_ms"]) for segment in Segment},
        total_ms={segment: int(row[f"{segment}_total_ms"]) for segment in Segment},
        plays=tuple(_play(text) for text in row["plays"].split()),
        keys=tuple(_key(text) for text in row["keys"].split()),
        **numbers,
    )


def _play(text: str) -> TruthPlay:
    segment, heard_ms, at_ms = text.split(":")
    return TruthPlay(Segment(segment), int(heard_ms), int(at_ms))


def _key(text: str) -> TruthKey:
    key, segment, within_ms, at_ms = text.split(":")
    return TruthKey(key, Segment(segment), int(within_ms), int(at_ms))
