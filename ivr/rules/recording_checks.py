"""What is wrong with a recording, judged from what was measured of it: pure rules, each with its threshold's source.

A rule gives a name and numbers, never a sentence: the sentences, in each language, are in recording_words.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ivr.rules.recording_facts import RecordingFacts, Span, total

# Thresholds come from our trials on built defects (docs/decisions/0160) unless another source is named.
LONG_S = 90.0
FEW_SPEECH, SOME_SPEECH = 0.25, 0.4  # share of the recording; a slow speaker with pauses of 3 s is at 0.45
LONG_PAUSE_S = 4.0
NOISY_DB, TOO_NOISY_DB = 22.0, 12.0  # a recogniser and DNSMOS both fall between them; clean recordings are above 30
QUIET_DBOV = -48.0  # RFC 7874 allows 6 dB around -22: this needs 20 dB more, which raises its noise as much
FLAT_PER_S, MANY_FLAT_PER_S = 0.2, 12.0  # a human voice: 0.00; its peaks cut by 6 dB: 4 in a second, by 9 dB: 26
TONAL_SHARE = 0.5
CREST_DB, LOW_CREST_DB = 10.8, 8.0  # a human voice: 15 to 17, Pico: 11.3 to 13.9; cut by 12 dB: under 8, also as mp3
NARROW_HZ = 2800.0  # ITU-T G.712: a telephone carries 300 to 3400 Hz
HUM_DB = -26.0  # against the speech
SPREAD_DB = 6.0  # one speaker at one place: under 3
ECHO_STRENGTH = 0.1  # share of the voice, 40 ms late or more; clean speech: under 0.02
MUSIC_SHARE, MUSIC_ONLY_SHARE, SINGING_SHARE = 0.15, 0.5, 0.5
DEAD_SIDE_DB = 40.0
OPPOSITE, UNLIKE = -0.5, 0.3  # correlation of the two sides
CUT_DB, CUT_ABOVE_NOISE_DB = -22.0, 10.0  # a voice that begins by itself is 40 dB lower in its first 15 ms
POOR_MOS = 2.2  # relative, and so a note only: clean speech is at 2.6 to 3.4 (DNS-Challenge, issue 189)


class Severity(StrEnum):
    """What a finding means for the message, the worst first."""

    REFUSES = "refuses"
    WARNS = "warns"
    NOTES = "notes"


ORDER = tuple(Severity)
ACCEPTABLE = frozenset({"mostly_silence", "music_only", "no_voice", "saturated", "too_noisy"})
"""What refuses unless somebody answers for it. Length, silence and what cannot be read nobody can answer for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a recording. at_s, until_s: where, seconds; None when it is everywhere or nowhere.

    values: the numbers and names that its sentence tells.
    """

    name: str
    severity: Severity
    at_s: float | None = None
    until_s: float | None = None
    values: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a campaign's message may be, seconds."""

    min_s: float
    max_s: float


Rule = Callable[[RecordingFacts, Limits], Iterator[Finding]]


def judge(facts: RecordingFacts, limits: Limits) -> tuple[Finding, ...]:
    """Everything found, the worst first, then in the order in which it is heard."""
    found = [finding for rule in RULES for finding in rule(facts, limits)]
    return sorted_findings(found)


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, then in the order in which they are heard."""
    return tuple(sorted(findings, key=lambda one: (ORDER.index(one.severity), one.at_s or 0.0)))


def accepted(findings: tuple[Finding, ...], names: Collection[str]) -> tuple[Finding, ...]:
    """The same, those named no longer refusing: somebody answers for them. Only what is ACCEPTABLE is."""
    allowed = ACCEPTABLE.intersection(names)
    return sorted_findings(
        [replace(one, severity=Severity.WARNS) if one.severity is Severity.REFUSES and one.name in allowed else one
         for one in findings]
    )  # fmt: skip


def refuses(findings: tuple[Finding, ...]) -> bool:
    """Whether the recording cannot be used."""
    return any(finding.severity is Severity.REFUSES for finding in findings)


def _length(facts: RecordingFacts, limits: Limits) -> Iterator[Finding]:
    length = {"length_s": facts.length_s, "min_s": limits.min_s, "max_s": limits.max_s}
    spoken_s = facts.speech[-1][1] - facts.speech[0][0] if facts.speech else facts.length_s
    if facts.length_s > limits.max_s:
        yield Finding("too_long", Severity.REFUSES, limits.max_s, facts.length_s, length)
    elif facts.length_s > LONG_S:
        yield Finding("long", Severity.WARNS, LONG_S, facts.length_s, length)
    if min(facts.length_s, spoken_s) < limits.min_s:
        yield Finding("too_short", Severity.REFUSES, values=length | {"length_s": min(facts.length_s, spoken_s)})


def _silence(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if not facts.active_dbov > -100:
        yield Finding("silent", Severity.REFUSES, 0.0, facts.length_s)
        return
    share = facts.speech_s / max(0.001, facts.length_s)
    silent = max(_gaps(facts), key=lambda gap: gap[1] - gap[0])
    values = {"speech_s": facts.speech_s, "length_s": facts.length_s}
    if _is_music(facts) and not _is_test_signal(facts):
        yield Finding("music_only", Severity.REFUSES, *_around(facts.music + facts.singing), values)
    elif not facts.speech:
        yield _without_voice(facts, values)
    elif share < FEW_SPEECH:
        yield Finding("mostly_silence", Severity.REFUSES, *silent, values)
    elif share < SOME_SPEECH:
        yield Finding("much_silence", Severity.WARNS, *silent, values)


def _without_voice(facts: RecordingFacts, values: Mapping[str, float | str]) -> Finding:
    """A test signal is what an engineer may want to send down a line; noise is what nobody does."""
    if _is_test_signal(facts):
        return Finding("test_signal", Severity.WARNS, 0.0, facts.length_s, values)
    return Finding("no_voice", Severity.REFUSES, 0.0, facts.length_s, values)


def _is_test_signal(facts: RecordingFacts) -> bool:
    """Tones and sweeps nearly all the time: their peaks stand no higher above their level than those of cut speech."""
    return not facts.speech and facts.crest_db < LOW_CREST_DB and facts.tonal_share > TONAL_SHARE


def _is_music(facts: RecordingFacts) -> bool:
    """Music or song, and nearly nobody who speaks."""
    share = total(facts.music) / max(0.001, facts.length_s)
    return share > MUSIC_ONLY_SHARE and facts.speech_s < FEW_SPEECH * facts.length_s


def _gaps(facts: RecordingFacts) -> list[Span]:
    """Where nobody speaks, the whole when nobody does."""
    ends = [0.0, *(end for _, end in facts.speech)]
    begins = [*(begin for begin, _ in facts.speech), facts.length_s]
    return list(zip(ends, begins, strict=True))


def _pause(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    begin, end = facts.longest_pause
    if end - begin > LONG_PAUSE_S:
        yield Finding("long_pause", Severity.NOTES, begin, end, {"pause_s": end - begin})


def _music(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if _is_music(facts) or not facts.speech:
        return
    if total(facts.singing) > SINGING_SHARE * facts.length_s:
        yield Finding("singing", Severity.WARNS, *_around(facts.singing), {"music_s": total(facts.singing)})
    if total(facts.music) > MUSIC_SHARE * facts.length_s:
        yield Finding("music", Severity.WARNS, *_around(facts.music), {"music_s": total(facts.music)})


def _around(spans: tuple[Span, ...]) -> Span:
    return min(begin for begin, _ in spans), max(end for _, end in spans)


def _noise(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if not facts.speech:
        return
    values = {"snr_db": facts.snr_db}
    if facts.snr_db < TOO_NOISY_DB:
        yield Finding("too_noisy", Severity.REFUSES, facts.noisiest_s, values=values)
    elif facts.snr_db < NOISY_DB:
        yield Finding("noisy", Severity.WARNS, facts.noisiest_s, values=values)
    if facts.active_dbov < QUIET_DBOV:
        yield Finding("quiet", Severity.WARNS, values={"level_dbov": facts.active_dbov})
    if facts.hum_db > HUM_DB:
        yield Finding("hum", Severity.WARNS, values={"hum_db": facts.hum_db})


def _clipping(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if not facts.speech:
        return
    per_s = len(facts.flat_tops) / max(1.0, facts.length_s)
    first, last = (facts.flat_tops[0], facts.flat_tops[-1]) if per_s > FLAT_PER_S else (facts.loudest_s, None)
    values = {"per_s": per_s, "crest_db": facts.crest_db}
    if per_s > MANY_FLAT_PER_S or facts.crest_db < LOW_CREST_DB:
        yield Finding("saturated", Severity.REFUSES, first, last, values)
    elif per_s > FLAT_PER_S or facts.crest_db < CREST_DB:
        yield Finding("some_saturation", Severity.WARNS, first, last, values)


def _sound(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if not facts.speech:
        return
    if facts.bandwidth_hz < NARROW_HZ:
        yield Finding("narrow_band", Severity.WARNS, values={"bandwidth_hz": facts.bandwidth_hz})
    if facts.phrase_spread_db > SPREAD_DB:
        yield Finding("uneven", Severity.NOTES, values={"spread_db": facts.phrase_spread_db})
    if facts.echo and facts.echo.strength > ECHO_STRENGTH and not total(facts.music) > MUSIC_SHARE * facts.length_s:
        values = {"delay_ms": 1000 * facts.echo.delay_s, "strength": 100 * facts.echo.strength}
        yield Finding("echo", Severity.WARNS, facts.echo.at_s, values=values)
    if facts.quality and facts.quality.overall < POOR_MOS:
        yield Finding("poor_quality", Severity.NOTES, values={"mos": facts.quality.overall})


def _sides(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if facts.sides is None:
        return
    left, right = facts.sides.level_dbov
    if abs(left - right) > DEAD_SIDE_DB:
        yield Finding("dead_side", Severity.NOTES, values={"side": "right" if left > right else "left"})
    elif facts.sides.likeness < OPPOSITE:
        yield Finding("opposite_sides", Severity.NOTES, values={"likeness": facts.sides.likeness})
    elif facts.sides.likeness < UNLIKE:
        yield Finding("two_voices", Severity.WARNS, values={"likeness": facts.sides.likeness})


def _cut(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if not facts.speech:
        return
    above_noise = CUT_ABOVE_NOISE_DB - facts.snr_db
    if facts.opening_db > max(CUT_DB, above_noise) and facts.speech[0][0] < 0.5:
        yield Finding("cut_start", Severity.WARNS, 0.0)
    if facts.closing_db > max(CUT_DB, above_noise) and facts.length_s - facts.speech[-1][1] < 0.5:
        yield Finding("cut_end", Severity.WARNS, facts.length_s)


def _hearing(facts: RecordingFacts, _: Limits) -> Iterator[Finding]:
    if not facts.heard_by_model:
        yield Finding("music_unknown", Severity.NOTES)


RULES: tuple[Rule, ...] = (_length, _silence, _pause, _music, _noise, _clipping, _sound, _sides, _cut, _hearing)
