"""What one person sends: a voice in A-law, and keys as telephone-events (RFC 4733), on one RTP stream."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import cache

from ivr.rules.electorate import Voice

FRAME_MS = 20
FRAME = 160
EVENT_TYPE = 101
ALAW_TYPE = 8
END_PACKETS = 3
_EVENTS = {key: code for code, key in enumerate("0123456789*#")}
_VOLUME = 10  # -dBm0, RFC 4733 §2.3.4
_SYLLABLES_HZ = (180, 240, 210, 160, 260, 200)


def alaw(sample: int) -> int:
    """One 16-bit linear sample in A-law (G.711), even bits inverted as on the wire."""
    mask = 0xD5 if sample >= 0 else 0x55
    level = min(sample if sample >= 0 else -sample - 1, 32767) >> 4
    if level < 32:
        return level ^ mask
    segment = level.bit_length() - 4
    return ((segment << 4) | ((level >> (segment - 1)) & 0x0F)) ^ mask


def _tone(hertz: int, length_ms: int, loud: bool) -> bytes:
    peak = 9000 if loud else 0
    steps = range(length_ms * 8)
    return bytes(alaw(round(peak * math.sin(2 * math.pi * hertz * i / 8000))) for i in steps)


@cache
def voice_frames(voice: Voice) -> tuple[bytes, ...]:
    """The 20-ms frames that `voice` says once: a greeting of speech-like bursts, for a machine with a beep."""
    if voice is Voice.NONE:
        return ()
    syllables = _SYLLABLES_HZ[:2] if voice is Voice.HELLO else _SYLLABLES_HZ * 2
    sound = b"".join(_tone(hertz, 180, True) + _tone(hertz, 80, False) for hertz in syllables)
    if voice is Voice.GREETING:
        sound += _tone(0, 400, False) + _tone(1000, 400, True)
    return tuple(sound[i : i + FRAME] for i in range(0, len(sound) // FRAME * FRAME, FRAME))


class Mouth:
    """One RTP stream to the caller; every method returns packets, the caller sends them."""

    def __init__(self, voice: Voice, ssrc: int) -> None:
        self._frames: Iterator[bytes] = iter(voice_frames(voice))
        self._ssrc = ssrc
        self._sequence = ssrc & 0x7FFF
        self._began_s: float | None = None

    def speak(self, now_s: float) -> bytes | None:
        """The next 20 ms of the voice, or None when all is said."""
        frame = next(self._frames, None)
        return frame and self._packet(ALAW_TYPE, self._time(now_s), frame)

    def press(self, key: str, tone_ms: int, now_s: float) -> list[tuple[int, list[bytes]]]:
        """The packets of one key press: pairs of (milliseconds from now, packets), the last sent three times.

        A voice that was speaking falls silent.
        """
        self._frames = iter(())
        stamp = self._time(now_s)
        last = tone_ms // FRAME_MS
        schedule = []
        for step in range(1, last + 1):
            end = step == last
            event = struct.pack("!BBH", _EVENTS[key], (0x80 if end else 0) | _VOLUME, step * FRAME)
            copies = [self._packet(EVENT_TYPE, stamp, event, step == 1) for _ in range(END_PACKETS if end else 1)]
            schedule.append((step * FRAME_MS, copies))
        return schedule

    def _time(self, now_s: float) -> int:
        if self._began_s is None:
            self._began_s = now_s
        return int((now_s - self._began_s) * 8000) & 0xFFFFFFFF

    def _packet(self, kind: int, stamp: int, payload: bytes, marker: bool = False) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self._sequence, stamp, self._ssrc)
        return header + payload
