"""Whether what is spoken around a message says all that must be said, in order, and can be understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ivr.rules.recording_checks import Finding, Severity

FASTEST_WPM = 175.0
"""Heard once and by telephone, a text spoken faster is not followed (the usual limit of read announcements)."""
SLOWEST_WPM = 70.0
"""A studio recording below it does not fit its text."""
LOUDNESS_LU = 2.0
"""At most so far from the message: nobody should reach for the volume."""
NO_MESSAGES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Spoken:
    """One prompt as it is heard. part: "preroll", "notice". text: as written; words: as spoken."""

    part: str
    text: str
    words: int
    length_ms: int
    loudness_lufs: float

    @property
    def words_per_minute(self) -> float:
        """How fast it is spoken."""
        return 60_000 * self.words / max(1, self.length_ms)


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be heard in a prompt. elements: by name, in order, each with the words that show it.

    stop_within_s: at most so long after the sponsor's name it is said how to stop; None: no such rule.
    """

    elements: Sequence[tuple[str, Sequence[str]]]
    longest_s: float
    stop_within_s: float | None = None


def judge(spoken: Spoken, needs: Needs, messages_lufs: Mapping[str, float] = NO_MESSAGES) -> list[Finding]:
    """Everything wrong with the prompt. messages_lufs: by name, of each message that may follow it.

    A prompt is one for all versions of a message, so the version farthest from it decides.
    """
    part: Mapping[str, str] = {"part": spoken.part}
    found = [*_elements(spoken, needs), *_pace(spoken)]
    if spoken.length_ms > 1000 * needs.longest_s:
        length = {"length_s": spoken.length_ms / 1000, "longest_s": needs.longest_s}
        found.append(Finding("spoken_too_long", Severity.REFUSES, values={**part, **length}))
    return [*found, *_loudness(spoken, messages_lufs)]


def _loudness(spoken: Spoken, messages_lufs: Mapping[str, float]) -> Iterator[Finding]:
    """The message that is farthest from the prompt, when it is too far."""
    away = {name: spoken.loudness_lufs - lufs for name, lufs in messages_lufs.items()}
    farthest = max(away, key=lambda name: abs(away[name]), default="")
    if farthest and abs(away[farthest]) > LOUDNESS_LU:
        values: dict[str, float | str] = {"part": spoken.part, "message": farthest, "difference_lu": away[farthest]}
        yield Finding("loudness", Severity.WARNS, values=values)


def _elements(spoken: Spoken, needs: Needs) -> Iterator[Finding]:
    """Each element after the one before it."""
    text, reached, ends = spoken.text.casefold(), 0, {}
    begins: dict[str, int] = {}
    for name, shows in needs.elements:
        values = {"part": spoken.part, "element": name}
        begin, length = _find(text, shows, reached)
        if begin < 0:
            anywhere = _find(text, shows, 0)[0] >= 0
            yield Finding("out_of_order" if anywhere else "missing_element", Severity.REFUSES, values=values)
            continue
        begins[name], ends[name] = begin, begin + length
        reached = begin + length
    if needs.stop_within_s is not None and "stop" in begins and "sponsor" in ends:
        sentence = max(ends["sponsor"], text.rfind(". ", 0, begins["stop"]) + 2)  # "To stop these calls, press 9"
        share = (sentence - ends["sponsor"]) / max(1, len(text))
        gap_s = share * spoken.length_ms / 1000
        if gap_s > needs.stop_within_s:
            told = {"gap_s": gap_s, "stop_within_s": needs.stop_within_s}
            yield Finding("stop_late", Severity.REFUSES, values={"part": spoken.part, **told})


def _find(text: str, shows: Sequence[str], begin: int) -> tuple[int, int]:
    """Where the first of the words that show an element is, and how long; -1 when none is there."""
    found = [(at, len(words)) for words in shows if words and (at := text.find(words.casefold(), begin)) >= 0]
    return min(found, default=(-1, 0))


def _pace(spoken: Spoken) -> Iterator[Finding]:
    values: dict[str, float | str] = {"part": spoken.part, "wpm": spoken.words_per_minute}
    if spoken.words_per_minute > FASTEST_WPM:
        yield Finding("too_fast", Severity.WARNS, values=values)
    elif spoken.words_per_minute < SLOWEST_WPM:
        yield Finding("too_slow", Severity.WARNS, values=values)
