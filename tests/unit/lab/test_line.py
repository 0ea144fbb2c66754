"""One line at its far end: the longest time without sound, wherever in the call it lies."""

from __future__ import annotations

import random
import struct

import pytest

from ivr.adapters.carrier.hearing import Ear
from ivr.adapters.carrier.line import Line
from ivr.adapters.carrier.mouth import Mouth
from ivr.rules.electorate import Voice
from ivr.rules.segments import Segment

ANSWERED_S = 1000.0
PREROLL = random.Random(1).randbytes(8000)


def line() -> Line:
    sounds = {Segment.PREROLL: PREROLL}
    return Line("a call", Ear(sounds), Mouth(Voice.NONE, 1), [], [], ("127.0.0.1", 4000), answered_s=ANSWERED_S)


def packet(count: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 8, count, count * 160, 7) + PREROLL[count * 160 : count * 160 + 160]


@pytest.mark.parametrize(
    ("heard_s", "ended_s", "silence_ms"),
    [
        ([0.02, 0.04, 0.06], 0.08, 20),
        ([1.5, 1.52, 1.54], 1.56, 1500),
        ([0.02, 0.04, 2.1], 2.12, 2060),
        ([0.02, 0.04, 0.06], 3.06, 3000),
        ([0.02, 0.04, 0.06], None, 20),
        ([], 0.7, 700),
        ([], None, 0),
    ],
    ids=["none", "before", "within", "after", "no end yet", "nothing heard", "nothing known"],
)
def test_the_longest_silence(heard_s: list[float], ended_s: float | None, silence_ms: int) -> None:
    one = line()
    for count, at_s in enumerate(heard_s):
        one.packet(ANSWERED_S + at_s, packet(count))
    end_s = None if ended_s is None else ANSWERED_S + ended_s
    assert one.hearing(end_s, hung_up=False).silence_ms == silence_ms


@pytest.mark.parametrize(("ended_s", "keys"), [(0.3, "9"), (0.25, ""), (None, "9")], ids=["after", "within", "no end"])
def test_who_hangs_up_within_the_tone_has_pressed_no_key(ended_s: float | None, keys: str) -> None:
    one = line()
    one.packet(ANSWERED_S + 0.02, packet(0))
    one.note_press("9", ANSWERED_S + 0.1, ANSWERED_S + 0.26)
    heard = one.hearing(None if ended_s is None else ANSWERED_S + ended_s, hung_up=True)
    assert "".join(key.key for key in heard.keys) == keys


def test_what_comes_after_the_person_hung_up_is_not_heard() -> None:
    one = line()
    for count in range(10):
        one.packet(ANSWERED_S + 0.02 * count, packet(count))
    assert one.hearing(ANSWERED_S + 0.1, hung_up=True).late_ms == 80
