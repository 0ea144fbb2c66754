"""The carrier with a real SIPp, called by a caller of our own that knows to the byte what it sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ivr.adapters.carrier import files
from ivr.adapters.carrier.orders import PEOPLE
from ivr.adapters.carrier.sipp import Carrier, Ports
from ivr.adapters.pbx.programs import Program
from ivr.errors import PortInUse
from ivr.rules.electorate import EDGES, Behaviour, Person, SegmentLengths, after, electorate
from ivr.rules.segments import Segment
from ivr.rules.states import Outcome
from ivr.rules.truth import TruthRow
from tests.integration.lab.conftest import LENGTHS_MS

LIMIT_MS = 20
RING_LIMIT_S = 8.0
GRACE_S = 1.5


@dataclass
class Sent:
    """What the caller's side knows of one call."""

    code: int = 0
    ms: dict[Segment, float] = field(default_factory=dict)
    keys: str = ""
    hung_up: bool = False
    sound_packets: int = 0


@pytest.fixture
def running(
    tmp_path: Path, sipp: Program, ports: Ports, sounds: dict[Segment, Path]
) -> Iterator[Callable[[list[Person]], Carrier]]:
    """Call it with people, and a carrier serves them."""
    carriers: list[Carrier] = []

    def start(people: list[Person]) -> Carrier:
        files.write_people(tmp_path / PEOPLE, people)
        carriers.append(Carrier(tmp_path, sipp, ports, sounds))
        carriers[-1].start()
        return carriers[-1]

    yield start
    for carrier in carriers:
        carrier.stop()


def people_of(count: int, sounds: dict[Segment, Path]) -> list[Person]:
    lengths = {f"{segment}_ms": path.stat().st_size // 8 for segment, path in sounds.items()}
    return electorate(count, 1, SegmentLengths(**lengths))


def converse(call, sound: dict[Segment, bytes], sent: Sent) -> None:  # type: ignore[no-untyped-def]
    """The flow of a call as the product has it: 9 stops, * and 1 repeat, other keys mean nothing."""
    order, offset = [Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE], 0
    while order and not call.hung_up:
        segment, known = order[0], len(call.keys)
        played = call.play(sound[segment][offset:], until_key=segment is not Segment.CONFIRMATION)
        sent.ms[segment] = sent.ms.get(segment, 0) + played / 8
        if segment is Segment.NOTICE and len(call.keys) == known and not call.hung_up:
            call.wait(GRACE_S)
        key = call.keys[known][0] if len(call.keys) > known else ""
        offset = offset + played if key and key not in "9*1" else 0
        if segment is Segment.CONFIRMATION or not key:
            order.pop(0)
        elif key == "9":
            order = [Segment.CONFIRMATION]
        elif key in "*1":
            order = [Segment.MESSAGE, Segment.NOTICE]
    call.hang_up()


def place(carrier_port: int, person: Person, sound: dict[Segment, bytes], caller) -> Sent:  # type: ignore[no-untyped-def]
    sent = Sent()
    spelling = person.number if person.index % 2 else "0" + person.number.removeprefix("+33")
    call = caller(carrier_port, spelling)
    try:
        sent.code = call.dial(RING_LIMIT_S)
        if sent.code == 200:
            converse(call, sound, sent)
    finally:
        sent.keys = "".join(key for key, _ in call.keys)
        sent.hung_up, sent.sound_packets = call.hung_up, call.sound_packets
        call.close()
    return sent


@pytest.mark.timeout(90)
def test_every_edge_case_is_noted_as_it_happened(running, ports, sounds, caller, in_threads) -> None:  # type: ignore[no-untyped-def]
    people = people_of(len(EDGES), sounds)
    carrier = running(people)
    sound = {segment: path.read_bytes() for segment, path in sounds.items()}
    sent: dict[int, Sent] = {}

    def call(person: Person) -> None:
        sent[person.index] = place(ports.sip, person, sound, caller)

    for person in people:
        in_threads.append(threading.Thread(target=call, args=(person,)))
        in_threads[-1].start()
        time.sleep(0.04)  # 25 calls/s: the pace, not a wait
    for thread in in_threads:
        thread.join(30)
    carrier.stop()
    rows = carrier.truth()
    assert len(rows) == len(people)
    for person, row in zip(people, rows, strict=True):
        compare(person, row, sent[person.index])


def compare(person: Person, row: TruthRow, sent: Sent) -> None:
    assert (row.called, row.outcome, row.number) == (1, person.outcome, person.number), person.plan
    assert (row.lost, row.duplicated, row.foreign) == (0, 0, 0), person.plan
    assert row.ended_by == (person.ended_by or ""), person.plan
    assert sent.code == person.sip_code, person.plan
    for segment in Segment:
        error_ms = abs(row.total_ms[segment] - sent.ms.get(segment, 0))
        assert error_ms <= LIMIT_MS, f"{person.plan}: {segment} off by {error_ms} ms"
    assert "".join(key.key for key in row.keys) == sent.keys == "".join(key.key for key in person.keys), person.plan
    for wanted, pressed in zip(person.keys, row.keys, strict=True):
        assert pressed.segment is wanted.segment, person.plan
        assert 0 <= pressed.within_ms - wanted.within_ms <= 60, person.plan
    if person.outcome is Outcome.ANSWERED:
        assert (sent.sound_packets > 0) == (person.behaviour is not Behaviour.SILENT) or row.total_ms[
            Segment.MESSAGE
        ] == 0
        assert row.invited_ms < row.answered_ms <= row.first_packet_ms + LIMIT_MS <= row.last_packet_ms + LIMIT_MS
        assert row.answered_ms - row.invited_ms >= person.ring_ms


def test_a_second_call_is_seen_also_after_a_restart_and_a_stranger_is_refused(  # type: ignore[no-untyped-def]
    running, ports, sounds, caller
) -> None:
    people = [p for p in people_of(len(EDGES), sounds) if p.behaviour is Behaviour.CONGESTION][:1]
    (person,) = [type(p)(**{**{f: getattr(p, f) for f in p.__slots__}, "index": 0}) for p in people]
    for _ in range(2):
        carrier = running([person])
        assert place(ports.sip, person, {}, caller).code == 503
        stranger = caller(ports.sip, "+33199009999")
        assert stranger.dial() == 404
        stranger.close()
        carrier.stop()
    (row,) = carrier.truth()
    assert (row.called, row.outcome) == (2, "congestion")


def test_a_person_may_answer_only_a_later_call(running, ports, sounds, caller, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tests.integration.lab.test_carrier.RING_LIMIT_S", 0.6)
    leaver = next(p for p in people_of(200, sounds) if p.behaviour is Behaviour.LISTENS)
    slow, busy = replace(after(leaver, (486, 0, 503)), index=0), replace(after(leaver, (486,)), index=1, ring_ms=100)
    busy = replace(busy, number="+33199001234")
    carrier = running([replace(slow, ring_ms=100), busy])
    sound = {segment: path.read_bytes() for segment, path in sounds.items()}
    codes = [place(ports.sip, slow, sound, caller).code for _ in range(4)]
    assert codes == [486, 0, 503, 200]
    assert place(ports.sip, busy, sound, caller).code == 486
    carrier.stop()
    first, second = carrier.truth()
    assert (first.called, first.expected, first.outcome) == (4, "answered", "answered")
    assert first.heard_ms[Segment.MESSAGE] == LENGTHS_MS[Segment.MESSAGE]
    assert (second.called, second.expected, second.outcome) == (1, "busy", "busy")


def test_stopping_with_people_on_the_line_keeps_what_they_heard(running, ports, sounds, caller) -> None:  # type: ignore[no-untyped-def]
    listener = next(p for p in people_of(200, sounds) if p.behaviour is Behaviour.LISTENS)
    carrier = running(people_of(200, sounds))
    call = caller(ports.sip, listener.number)
    assert call.dial() == 200
    sent = call.play(sounds[Segment.PREROLL].read_bytes()[:3200])
    carrier.stop()
    call.close()
    row = carrier.truth()[listener.index]
    assert (row.outcome, row.ended_by, row.heard_ms[Segment.PREROLL]) == ("answered", "", sent // 8)


def test_a_port_in_use_is_said_and_nothing_is_left_running(tmp_path, sipp, ports, sounds) -> None:  # type: ignore[no-untyped-def]
    files.write_people(tmp_path / PEOPLE, people_of(3, sounds))
    for taken, setting in ((ports.sip, "lab.sip_port"), (ports.media, "lab.media_port")):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", taken))
            carrier = Carrier(tmp_path, sipp, ports, sounds)
            with pytest.raises(PortInUse, match=setting):
                carrier.start()
            assert not carrier.alive()
