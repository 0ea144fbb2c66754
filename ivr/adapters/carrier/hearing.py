"""What one ear hears: recognises the bytes of a call's sound as places in the files that were played.

A packet need not hold one frame of one file. Asterisk packs 20 ms whatever it reads, so a file whose length is no
multiple of 20 ms shares its last packet with the next file, and a playback resumed after a key starts at any sample.
The stream is therefore matched as bytes: it goes on where it is, or is looked for at any offset of every file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.rules.segments import Segment

SAMPLES_PER_MS = 8
ENOUGH = 48
"""Bytes that a search needs: fewer are found by chance."""
SAME_PLAY = 8_000
"""A jump of at most one second within a file is a resumed playback; a longer one, or to the start, is a new play."""
PATIENCE = 8_000
"""Bytes that are kept unrecognised while they fit several places, e.g. silence; then the first place is taken."""

_NEXT = {None: Segment.PREROLL, Segment.PREROLL: Segment.MESSAGE, Segment.MESSAGE: Segment.NOTICE}


@dataclass(slots=True, eq=False)
class HeardPlay:
    """One play of one segment as the far end received it: instants in seconds since the epoch, the rest in samples."""

    segment: Segment
    start: int
    first_s: float
    last_s: float
    end: int
    received: int = 0

    @property
    def heard(self) -> int:
        """Samples of the file that were heard, each counted once."""
        return min(self.received, self.end - self.start)


@dataclass(slots=True, eq=False)
class Ear:
    """The hearing of one stream of A-law sound. `sounds`: the files of the call, by segment."""

    sounds: Mapping[Segment, bytes]
    plays: list[HeardPlay] = field(default_factory=list)
    foreign: int = 0
    pos: int = 0
    data: bytes = b""
    pending: list[tuple[float, bytes]] = field(default_factory=list)
    recent: deque[tuple[float, bytes, HeardPlay]] = field(default_factory=lambda: deque(maxlen=64))

    def hear(self, at_s: float, payload: bytes, missing: int = 0) -> None:
        """`payload` is counted where it belongs. missing: bytes known to be lost just before it."""
        size = len(payload)
        if not self.pending and self.data[self.pos : self.pos + size] == payload:
            self._count(at_s, payload)
            return
        if missing and self.data[self.pos + missing : self.pos + missing + size] == payload:
            self.pos += missing
            self._count(at_s, payload)
            return
        if not self.pending:
            payload = self._go_on(at_s, payload)
        if payload:
            self.pending.append((at_s, payload))
            self._recognise()

    def finish(self) -> None:
        """What is still ambiguous is counted for the first place where it fits; the call is over."""
        self._recognise(last=True)

    def cut(self, at_s: float) -> int:
        """Sound that arrived after `at_s`, when the person had hung up, is not heard; returns its samples."""
        late = 0
        while self.recent and self.recent[-1][0] > at_s:
            _, payload, play = self.recent.pop()
            self._uncount(play, len(payload))
            late += len(payload)
        return late

    def _count(self, at_s: float, payload: bytes) -> None:
        play = self.plays[-1]
        self.pos += len(payload)
        play.received += len(payload)
        play.end = max(play.end, self.pos)
        play.last_s = at_s
        self.recent.append((at_s, payload, play))

    def _uncount(self, play: HeardPlay, samples: int) -> None:
        play.received -= samples
        play.end -= samples
        play.last_s = next((at_s for at_s, _, other in reversed(self.recent) if other is play), play.first_s)
        if play.received <= 0:
            self.plays[:] = [other for other in self.plays if other is not play]

    def _go_on(self, at_s: float, payload: bytes) -> bytes:
        """Counts the part of `payload` that continues the running file; returns the rest."""
        here = self.data[self.pos : self.pos + len(payload)]
        same = next((i for i, (a, b) in enumerate(zip(here, payload, strict=False)) if a != b), len(here))
        if same:
            self._count(at_s, payload[:same])
        return payload[same:]

    def _recognise(self, *, last: bool = False) -> None:
        whole = b"".join(payload for _, payload in self.pending)
        if not whole or (len(whole) < ENOUGH and not last):
            return
        place = self._place(whole, last or len(whole) >= PATIENCE)
        if place:
            self._begin(*place)
        elif place is None and len(self.pending) > 1:
            self.foreign += 1
            del self.pending[:-1]
            self._recognise(last=last)
        elif place is None and len(whole) >= ENOUGH and last:
            self.foreign += 1
            self.pending.clear()

    def _place(self, whole: bytes, impatient: bool) -> tuple[Segment, int] | tuple[()] | None:
        """Where `whole` is: its segment and offset; () while several fit; None if it is in no file."""
        expected = self._expected()
        if expected and self.sounds.get(expected, b"").startswith(whole):
            return expected, 0
        fits = [(segment, data.find(whole)) for segment, data in self.sounds.items()]
        fits = [(segment, offset) for segment, offset in fits if offset >= 0]
        if not fits:
            return None
        starts = [fit for fit in fits if fit[1] == 0]
        alone = len(fits) == 1 and self.sounds[fits[0][0]].find(whole, fits[0][1] + 1) < 0
        if alone or (len(fits) == 1 and starts) or impatient:
            return (starts or fits)[0]
        return ()

    def _expected(self) -> Segment | None:
        """The segment that comes next when nobody touches a key, once the running one is over."""
        if not self.plays:
            return Segment.PREROLL
        return _NEXT.get(self.plays[-1].segment) if self.pos >= len(self.data) else None

    def _begin(self, segment: Segment, offset: int) -> None:
        """The pending sound is `segment` from `offset` on: a resumed play, or a new one."""
        pending, self.pending = self.pending, []
        head = self.sounds[segment][:offset]
        if not self._resumes(segment, head):
            moved = self._taken_back(head)
            offset -= sum(len(payload) for _, payload in moved)
            pending = moved + pending
            self.plays.append(HeardPlay(segment, offset, pending[0][0], pending[0][0], offset))
        self.data, self.pos = self.sounds[segment], offset
        for at_s, payload in pending:
            self._count(at_s, payload)

    def _resumes(self, segment: Segment, head: bytes) -> bool:
        """Whether the running play jumps to the end of `head`, rather than that a new play began with all of `head`."""
        running = self.plays[-1] if self.plays else None
        if running is None or running.segment is not segment or not head or abs(len(head) - self.pos) > SAME_PLAY:
            return False
        return running.received >= len(head) or not self._just_heard(head)

    def _just_heard(self, head: bytes) -> bool:
        return b"".join(payload for _, payload, _ in self.recent).endswith(head)

    def _taken_back(self, head: bytes) -> list[tuple[float, bytes]]:
        """The sound just heard, if it was the beginning of the file that is now known to play.

        Silence at the end of what a key interrupted and at the start of what follows is the same; a new play begins
        at 0, so the silence belongs to it.
        """
        if not head or not self._just_heard(head):
            return []
        back: list[tuple[float, bytes]] = []
        wanted = len(head)
        while wanted:
            at_s, payload, play = self.recent.pop()
            taken = payload[-wanted:]
            if len(taken) < len(payload):
                self.recent.append((at_s, payload[: -len(taken)], play))
            back.insert(0, (at_s, taken))
            self._uncount(play, len(taken))
            wanted -= len(taken)
        return back
