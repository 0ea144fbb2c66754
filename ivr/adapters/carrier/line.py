"""One call at its far end: an ear, a mouth, the keys still to press and the account of the packets."""

from __future__ import annotations

from dataclasses import dataclass, field

from ivr.adapters.carrier.hearing import SAMPLES_PER_MS, Ear
from ivr.adapters.carrier.mouth import ALAW_TYPE, FRAME, FRAME_MS, Mouth
from ivr.rules.electorate import PlannedKey
from ivr.rules.truth import Hearing, TruthKey, TruthPlay

HEADER = 12
LONGEST_GAP = 50
"""Packets: a greater jump of the sequence number is a new stream, not a loss."""


@dataclass(slots=True, eq=False)
class Line:
    """One call of one person. remote: where its sound comes from and goes to."""

    call_id: str
    ear: Ear
    mouth: Mouth
    keys: list[PlannedKey]
    ancillary: list[tuple[int, int, bytes]]
    remote: tuple[str, int]
    answered_s: float = 0
    first_s: float = 0
    last_s: float = 0
    lost: int = 0
    duplicated: int = 0
    pressed: list[tuple[TruthKey, float]] = field(default_factory=list)  # and when its tone is over
    gap_s: float = 0
    _source: bytes = b""
    _sequence: int = 0

    def packet(self, at_s: float, data: bytes) -> None:
        """One RTP packet of the caller is heard; what is no A-law sound is passed over."""
        if len(data) <= HEADER or data[0] != 0x80 or data[1] & 0x7F != ALAW_TYPE:
            return
        missing = 0
        sequence = data[2] << 8 | data[3]
        step = (sequence - self._sequence) & 0xFFFF
        if data[8:12] != self._source:
            self._source = data[8:12]
        elif step == 0 or step > 0xFFFF - LONGEST_GAP:
            self.duplicated += 1
            return
        elif 1 < step <= LONGEST_GAP:
            self.lost += step - 1
            missing = (step - 1) * FRAME
        self._sequence = sequence
        self.first_s = self.first_s or at_s
        self.gap_s = max(self.gap_s, at_s - (self.last_s or self.answered_s or at_s))
        self.last_s = at_s
        self.ear.hear(at_s, data[HEADER:], missing)

    def due_key(self) -> tuple[PlannedKey, float] | None:
        """The next key if the sound it waits for has arrived, with the instant it is due; it is then off the list."""
        wanted = self.keys[0]
        plays = [play for play in self.ear.plays if play.segment is wanted.segment]
        if len(plays) < wanted.play:
            return None
        play = plays[wanted.play - 1]
        at, length = wanted.within_ms * SAMPLES_PER_MS, len(self.ear.sounds[wanted.segment])
        if play.end < min(at, length):
            return None
        self.keys.pop(0)
        return wanted, play.last_s + max(0, at - length) / SAMPLES_PER_MS / 1000

    def note_press(self, key: str, now_s: float, until_s: float) -> None:
        """The key is on the books with its instant in the sound that had arrived, or after its end.

        until_s: when its tone is over. Who hangs up before that has pressed no key.
        """
        play = self.ear.plays[-1]
        silent_ms = (now_s - play.last_s) * 1000
        within_ms = self.ear.pos / SAMPLES_PER_MS + (silent_ms if silent_ms > 2 * FRAME_MS else 0)
        pressed = TruthKey(key, play.segment, round(within_ms), round((now_s - self.answered_s) * 1000))
        self.pressed.append((pressed, until_s))

    def _silence_s(self, ended_s: float | None) -> float:
        """The longest time without sound between the answer and the end, if there was an end yet."""
        tail_s = ended_s - (self.last_s or self.answered_s) if ended_s else 0.0
        return max(self.gap_s, tail_s)

    def hearing(self, ended_s: float | None, *, hung_up: bool) -> Hearing:
        """The final account. ended_s: when the call ended, if it did; after the person hung_up nothing was heard."""
        self.ear.finish()
        late = self.ear.cut(ended_s) if ended_s is not None and hung_up else 0
        plays = tuple(
            TruthPlay(play.segment, round(play.heard / SAMPLES_PER_MS), round((play.first_s - self.answered_s) * 1000))
            for play in self.ear.plays
        )
        return Hearing(
            call_id=self.call_id,
            plays=plays,
            keys=tuple(key for key, until_s in self.pressed if ended_s is None or until_s <= ended_s),
            first_packet_ms=self.first_s * 1000,
            last_packet_ms=self.last_s * 1000,
            lost=self.lost,
            duplicated=self.duplicated,
            foreign=self.ear.foreign,
            late_ms=round(late / SAMPLES_PER_MS),
            silence_ms=round(self._silence_s(ended_s) * 1000),
        )
