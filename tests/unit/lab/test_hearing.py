"""What an ear recognises, packet by packet."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from ivr.adapters.carrier.hearing import Ear
from ivr.rules.segments import Segment

SILENCE = b"\xd5"
P, M, N, C = Segment


def noise(seed: int, length_ms: int, head_ms: int = 0, tail_ms: int = 0) -> bytes:
    middle = random.Random(seed).randbytes((length_ms - head_ms - tail_ms) * 8)
    return SILENCE * (head_ms * 8) + middle + SILENCE * (tail_ms * 8)


SPOKEN = {P: noise(1, 703, 60, 100), M: noise(2, 2001, 100, 200), N: noise(3, 800, 80, 150), C: noise(4, 600, 140, 60)}
"""Like speech: silence at both ends, lengths that are no multiple of a packet."""


def packets(stream: bytes) -> Iterable[bytes]:
    """As Asterisk packs: 20 ms whatever the files' ends, the rest last."""
    return (stream[i : i + 160] for i in range(0, len(stream), 160))


def heard(stream: bytes, sounds: dict[Segment, bytes] | None = None) -> list[tuple[Segment, float]]:
    ear = Ear(sounds or SPOKEN)
    for count, packet in enumerate(packets(stream)):
        ear.hear(count * 0.02, packet)
    ear.finish()
    assert ear.foreign == 0
    return [(play.segment, play.heard / 8) for play in ear.plays]


def test_three_files_whose_ends_share_packets_are_told_apart_to_the_sample() -> None:
    assert heard(SPOKEN[P] + SPOKEN[M] + SPOKEN[N]) == [(P, 703), (M, 2001), (N, 800)]


@pytest.mark.parametrize("at_ms", [20, 100, 140, 700, 1790, 1801, 1900, 1960, 2000])
def test_a_nine_in_the_message_brings_the_confirmation_also_out_of_silence(at_ms: int) -> None:
    stream = SPOKEN[P] + SPOKEN[M][: at_ms * 8] + SPOKEN[C]
    assert heard(stream) == [(P, 703), (M, at_ms), (C, 600)]


@pytest.mark.parametrize("at_ms", [120, 400, 610, 660, 700])
def test_a_repeat_begins_the_message_anew(at_ms: int) -> None:
    stream = SPOKEN[P][: at_ms * 8] + SPOKEN[M] + SPOKEN[N]
    assert heard(stream) == [(P, at_ms), (M, 2001), (N, 800)]
    stream = SPOKEN[P] + SPOKEN[M][: at_ms * 8] + SPOKEN[M] + SPOKEN[N]
    assert heard(stream) == [(P, 703), (M, at_ms), (M, 2001), (N, 800)]


@pytest.mark.parametrize(("left", "resumed"), [(4000, 4000), (4000, 4123), (4001, 3903), (8000, 7999)])
def test_a_playback_resumed_at_any_sample_is_one_play(left: int, resumed: int) -> None:
    stream = SPOKEN[P] + SPOKEN[M][:left] + SPOKEN[M][resumed:] + SPOKEN[N]
    (first, second, third) = heard(stream)
    assert (first, third) == ((P, 703), (N, 800))
    assert second == (M, min(2001, (left + len(SPOKEN[M]) - resumed) / 8))


@pytest.mark.parametrize("at_ms", [5, 20, 60, 100, 333, 1999])
def test_a_hang_up_counts_what_arrived(at_ms: int) -> None:
    found = heard(SPOKEN[P] + SPOKEN[M][: at_ms * 8])
    assert found == [(P, 703), (M, at_ms)]


def test_sound_after_the_hang_up_is_not_heard() -> None:
    ear = Ear(SPOKEN)
    for count, packet in enumerate(packets(SPOKEN[P][:3200] + SPOKEN[C][:1600])):
        ear.hear(count * 0.02, packet)
    ear.finish()
    assert ear.cut(0.15) == (3200 + 1600) - 8 * 160
    assert [(play.segment, play.heard) for play in ear.plays] == [(P, 1280)]
    assert ear.plays[0].last_s == pytest.approx(0.14)


def test_a_lost_packet_is_not_heard_and_the_rest_is() -> None:
    ear = Ear(SPOKEN)
    stream = list(packets(SPOKEN[M]))
    for count, packet in enumerate(stream):
        if count == 30:
            continue
        ear.hear(count * 0.02, packet, missing=160 if count == 31 else 0)
    ear.finish()
    assert [(play.segment, play.heard / 8) for play in ear.plays] == [(M, 1981)]


def test_sound_of_no_file_is_shown_and_the_file_is_found_again() -> None:
    ear = Ear(SPOKEN)
    stream = [*packets(SPOKEN[P][:1600]), *packets(noise(99, 100)), *packets(SPOKEN[P][1600:])]
    for count, packet in enumerate(stream):
        ear.hear(count * 0.02, packet)
    ear.finish()
    assert ear.foreign == 5
    assert [(play.segment, play.heard / 8) for play in ear.plays] == [(P, 703)]


def test_a_tone_whose_packets_are_all_alike_is_counted_in_order() -> None:
    period = bytes(range(8))
    tones = {segment: bytes((b + 8 * n) for b in period) * 2000 for n, segment in enumerate(Segment)}
    assert heard(tones[P] + tones[M][:8000] + tones[C], tones) == [(P, 2000), (M, 1000), (C, 2000)]


def test_the_instants_of_a_play_are_those_of_its_packets() -> None:
    ear = Ear(SPOKEN)
    for count, packet in enumerate(packets(SPOKEN[P] + SPOKEN[M])):
        ear.hear(10 + count * 0.02, packet)
    ear.finish()
    first, second = ear.plays
    assert first.first_s == 10
    assert second.first_s == pytest.approx(10.70)  # shares the packet with the pre-roll's last 3 ms
    assert second.last_s == pytest.approx(10 + 135 * 0.02)
