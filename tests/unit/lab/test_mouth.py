"""What a person sends: the voice in A-law, and keys as RFC 4733 writes them."""

from __future__ import annotations

import struct

import pytest

from ivr.adapters.carrier.mouth import Mouth, alaw, voice_frames
from ivr.rules.electorate import Voice


@pytest.mark.parametrize(
    ("sample", "code"),
    [(0, 0xD5), (8, 0xD5), (-1, 0x55), (1000, 0xFA), (-1000, 0x7A), (32767, 0xAA), (-32768, 0x2A), (20000, 0xA6)],
)
def test_a_law_codes_are_those_of_g711(sample: int, code: int) -> None:
    assert alaw(sample) == code


def test_a_key_is_a_telephone_event_whose_end_comes_three_times() -> None:
    mouth = Mouth(Voice.HELLO, 77)
    assert mouth.speak(5.0) is not None
    schedule = mouth.press("*", 120, 5.5)
    assert [after_ms for after_ms, _ in schedule] == [20, 40, 60, 80, 100, 120]
    sent = [packet for _, packets in schedule for packet in packets]
    assert len(sent) == 8
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in sent]
    events = [struct.unpack("!BBH", packet[12:]) for packet in sent]
    assert {head[3] for head in heads} == {4000}  # one event, one timestamp: 0.5 s after the first packet
    assert [head[2] for head in heads] == list(range(heads[0][2], heads[0][2] + 8))
    assert [head[1] for head in heads] == [101 | 0x80, *[101] * 7]
    assert [event[0] for event in events] == [10] * 8
    assert [bool(event[1] & 0x80) for event in events] == [False] * 5 + [True] * 3
    assert [event[2] for event in events] == [160, 320, 480, 640, 800, 960, 960, 960]


def test_a_voice_ends_and_a_key_ends_it() -> None:
    mouth = Mouth(Voice.HELLO, 1)
    said = [mouth.speak(count * 0.02) for count in range(len(voice_frames(Voice.HELLO)) + 3)]
    assert said[-3:] == [None] * 3
    assert all(packet and len(packet) == 172 for packet in said[:-3])
    pressed = Mouth(Voice.GREETING, 1)
    pressed.press("9", 100, 0.0)
    assert pressed.speak(0.2) is None
    assert Mouth(Voice.NONE, 1).speak(0.0) is None
