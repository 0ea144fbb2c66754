"""The facts of a recording that its checks judge, from the sound as it came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr

from ivr.adapters.sound import defects, dnsmos, editing, level, voice
from ivr.adapters.sound.decoding import Pcm
from ivr.rules.recording_facts import RecordingFacts, Span

LEAST_PAUSE_S = 0.2
PHRASE_S = 0.8
QUIETEST_DBOV = -100.0
PAUSE_MARGIN_S = 0.05
DIFFERENT_DB = 10.0


def measure(pcm: Pcm, with_quality: bool = False) -> RecordingFacts:
    """What can be measured of `pcm`. with_quality: also what a listening panel would say, some seconds of work."""
    centred = pcm.samples.astype(np.float64) - pcm.samples.mean()
    wide = soxr.resample(centred, pcm.rate_hz, voice.RATE_HZ, "HQ")
    filtered = level.high_pass(wide, voice.RATE_HZ) if len(wide) else wide
    active_dbov = level.active_level_dbov(filtered, voice.RATE_HZ)
    if not active_dbov > level.SILENT_DBOV:
        return _silence(pcm)
    heard = voice.heard(wide)
    pauses = _pauses(filtered, heard.speech)
    return RecordingFacts(
        length_s=pcm.length_s,
        speech=heard.speech,
        music=heard.music,
        singing=heard.singing,
        active_dbov=active_dbov,
        noise_dbov=_noise_dbov(filtered, pauses),
        hum_db=defects.hum_db(_pauses(wide, heard.speech), voice.RATE_HZ, active_dbov),
        crest_db=defects.crest_db(filtered, active_dbov),
        flat_tops=_flat_tops(pcm),
        loudest_s=float(np.argmax(np.abs(centred))) / pcm.rate_hz,
        noisiest_s=_noisiest_s(filtered, heard.speech),
        bandwidth_hz=defects.bandwidth_hz(wide, voice.RATE_HZ),
        phrase_spread_db=_phrase_spread_db(filtered, heard.speech),
        opening_db=defects.opening_db(filtered, voice.RATE_HZ, active_dbov),
        closing_db=defects.opening_db(filtered[::-1], voice.RATE_HZ, active_dbov),
        echo=defects.echo(filtered, voice.RATE_HZ, active_dbov),
        sides=None if pcm.sides is None else defects.sides(pcm.sides),
        quality=dnsmos.quality(wide) if with_quality else None,
        heard_by_model=heard.by_model,
        kept_from_s=_kept_from_s(filtered),
        tonal_share=defects.tonal_share(filtered),
    )


def _kept_from_s(signal: level.Signal) -> float:
    """Where the rendering begins: a moment before the first sound."""
    loudest = max(1e-9, float(np.abs(signal).max()))
    begin_ms, _ = editing.heard_ms((signal / loudest * 32767).astype(np.int16), voice.RATE_HZ)
    return max(0, begin_ms - editing.KEEP_BEFORE_MS) / 1000


def _silence(pcm: Pcm) -> RecordingFacts:
    """The facts of a recording in which nothing can be heard."""
    none = -np.inf
    return RecordingFacts(pcm.length_s, (), (), (), none, none, none, 0.0, (), 0.0, None, 0.0, 0.0, none, none)


def _pauses(signal: level.Signal, speech: Sequence[Span]) -> level.Signal:
    """What is heard where nobody speaks, a little away from the words."""
    silent = np.ones(len(signal), bool)
    for begin, end in speech:
        first = max(0, round((begin - PAUSE_MARGIN_S) * voice.RATE_HZ))
        silent[first : round((end + PAUSE_MARGIN_S) * voice.RATE_HZ)] = False
    return signal[silent]


def _noise_dbov(signal: level.Signal, pauses: level.Signal) -> float:
    """The level of the pauses, or of the quietest twentieth where that is lower: a short pause may hold a breath."""
    levels = voice.frame_levels(signal, voice.RATE_HZ)
    noise = _audible(np.sort(levels)[: max(5, len(levels) // 20)])
    if len(pauses) >= LEAST_PAUSE_S * voice.RATE_HZ:
        noise = min(noise, _audible(voice.frame_levels(pauses, voice.RATE_HZ)))
    return noise


def _audible(levels: level.Signal) -> float:
    """The median of what is not digital silence."""
    heard = levels[levels > QUIETEST_DBOV]
    return float(np.median(heard)) if len(heard) >= 5 else QUIETEST_DBOV


def _noisiest_s(signal: level.Signal, speech: Sequence[Span]) -> float | None:
    """The beginning of the noisiest pause, when it is much noisier than the quietest; None when all are alike."""
    ends = [0.0, *(end for _, end in speech)]
    begins = [*(begin for begin, _ in speech), len(signal) / voice.RATE_HZ]
    pauses = []
    for begin, end in zip(ends, begins, strict=True):
        inside = signal[round((begin + PAUSE_MARGIN_S) * voice.RATE_HZ) : round((end - PAUSE_MARGIN_S) * voice.RATE_HZ)]
        if len(inside) >= LEAST_PAUSE_S * voice.RATE_HZ / 2:
            pauses.append((float(np.median(voice.frame_levels(inside, voice.RATE_HZ))), begin))
    if not pauses or max(pauses)[0] - min(pauses)[0] < DIFFERENT_DB:
        return None
    return float(max(pauses)[1])


def _flat_tops(pcm: Pcm) -> tuple[float, ...]:
    """The instants at which the wave is cut flat, on the side where it is worse: a mean of two would hide it."""
    each = (pcm.samples,) if pcm.sides is None else tuple(pcm.sides.T)
    worst = max((defects.flat_tops(side, pcm.rate_hz) for side in each), key=len)
    return tuple(worst.tolist())


def _phrase_spread_db(signal: level.Signal, speech: Sequence[Span]) -> float:
    """How much the level differs from phrase to phrase: somebody who walks away from the microphone."""
    levels = []
    for begin, end in speech:
        phrase = signal[round(begin * voice.RATE_HZ) : round(end * voice.RATE_HZ)]
        if end - begin >= PHRASE_S and len(phrase):
            levels.append(10 * np.log10((phrase**2).mean() + 1e-12))
    return float(np.std(levels)) if len(levels) > 2 else 0.0
