"""The truth: put together from what was noted, and the same after a way through its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ivr.adapters.carrier import files
from ivr.adapters.carrier.calllog import CallLog, parse
from ivr.adapters.carrier.scenario import ear_address
from ivr.errors import NotFound
from ivr.rules.electorate import SegmentLengths, called_again, electorate
from ivr.rules.segments import Segment
from ivr.rules.states import Outcome
from ivr.rules.truth import CallEvent, Hearing, Seen, TruthKey, TruthPlay, assemble

PEOPLE = electorate(3, 1, SegmentLengths(4000, 20000, 6000, 3000))
EVENTS = [
    CallEvent(Seen.INVITE, 1000.4, 0, "one", "127.0.0.1:4000"),
    CallEvent(Seen.ANSWER, 1100.0, 0, "one"),
    CallEvent(Seen.ACK, 1102.6, 0, "one"),
    CallEvent(Seen.INVITE, 1500.0, 1, "two", "127.0.0.1:4002"),
    CallEvent(Seen.REFUSED, 1600.0, 1, "two", "486"),
    CallEvent(Seen.BYE_SENT, 9000.0, 0, "one"),
    CallEvent(Seen.BYE_RECEIVED, 9001.0, 0, "one"),
    CallEvent(Seen.INVITE, 9500.0, 1, "again", "127.0.0.1:4004"),
    CallEvent(Seen.INVITE, 9500.0, None, "stranger", ""),
]
PLAYS = (
    TruthPlay(Segment.PREROLL, 4000, 3),
    TruthPlay(Segment.MESSAGE, 2500, 4003),
    TruthPlay(Segment.MESSAGE, 900, 6603),
)
HEARING = Hearing("one", PLAYS, (TruthKey("*", Segment.MESSAGE, 2400, 6400),), 1105.2, 8990.0, 1, 2, 3, 40)


def test_calls_and_hearings_make_one_row_a_person() -> None:
    first, second, third = assemble(PEOPLE, EVENTS, [Hearing("one"), HEARING])
    assert (first.called, first.outcome, first.ended_by) == (1, "answered", "listener")
    assert first.heard_ms[Segment.MESSAGE] == 2500
    assert first.total_ms[Segment.MESSAGE] == 3400
    assert (first.invited_ms, first.answered_ms, first.ended_ms, first.first_packet_ms) == (1000, 1103, 9000, 1105)
    assert (first.lost, first.duplicated, first.foreign, first.late_ms) == (1, 2, 3, 40)
    assert (second.called, second.outcome, second.ended_by, second.answered) == (2, "busy", "", False)
    assert (third.called, third.outcome, third.ended_ms) == (0, "", 0)


def test_of_several_calls_the_answered_one_tells_and_what_is_expected_goes_by_their_number() -> None:
    person = replace(PEOPLE[0], first=(486, 0), outcome=Outcome.ANSWERED)
    events = [
        CallEvent(Seen.INVITE, 1000, 0, "one"),
        CallEvent(Seen.REFUSED, 1100, 0, "one", "486"),
        CallEvent(Seen.INVITE, 2000, 0, "two"),
        CallEvent(Seen.CANCEL, 2900, 0, "two"),
        CallEvent(Seen.INVITE, 3000, 0, "three"),
        CallEvent(Seen.ACK, 3100, 0, "three"),
        CallEvent(Seen.BYE_RECEIVED, 4000, 0, "three"),
    ]
    for count, outcome in ((2, "busy"), (4, "no_answer"), (7, "answered")):
        (row,) = assemble([person], events[:count], [])
        assert row.outcome == row.expected == outcome
    assert (row.called, row.invited_ms, row.ended_ms, row.ended_by) == (3, 3000, 4000, "us")


def test_files_give_back_what_was_written(tmp_path: Path) -> None:
    rows = assemble(PEOPLE, EVENTS, [HEARING])
    files.write_truth(tmp_path / "truth.csv", rows)
    assert files.read_truth(tmp_path / "truth.csv") == rows
    everybody = called_again(electorate(300, 1, SegmentLengths(4000, 20000, 6000, 3000)), 0.3, 1)
    assert 50 < sum(bool(person.first) for person in everybody) < 130
    files.write_people(tmp_path / "people.csv", everybody)
    assert files.read_people(tmp_path / "people.csv") == everybody
    files.write_contacts(tmp_path / "contacts.csv", everybody)
    head, first, *_ = (tmp_path / "contacts.csv").read_text(encoding="utf-8").splitlines()
    assert (head, first) == ("numero;territoire", f"{everybody[0].number};{everybody[0].territory}")
    with pytest.raises(NotFound, match="ivr lab people"):
        files.read_truth(tmp_path / "none.csv")


def test_the_log_is_read_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "calls.log"
    log = CallLog(path)
    assert log.read() == []
    path.write_bytes(b"INVITE;1795404160.000000;51440.000000;1;x@y;127.0.0.1:4000\nACK;17954041")
    (invite,) = log.read()
    assert invite == CallEvent(Seen.INVITE, 1795404160051.44, 0, "x@y", "127.0.0.1:4000")
    with path.open("ab") as file:
        file.write(b"61.000000;0.000000;1;x@y;\nrubbish\nINVITE;;;-;a;\n")
    (ack,) = log.read()
    assert (ack.seen, ack.at_ms) == (Seen.ACK, 1795404161000.0)
    assert parse("INVITE;1.0;0;-;z;") == CallEvent(Seen.INVITE, 1000.0, None, "z", "")


def test_every_person_has_an_own_loopback_address() -> None:
    addresses = {ear_address(index) for index in range(50_000)}
    assert len(addresses) == 50_000
    for index in (0, 253, 254, 49_999):
        text = ear_address(index)
        assert text.startswith("127.")
        assert not text.endswith((".0", ".255"))
