"""Cutting, joining and fading what we made ourselves: pydub's part.

pydub never sees a file that somebody sent, and never resamples: its resampler has no filter, and folds sibilants
down into the telephone's band (docs/decisions/0031).
"""

from __future__ import annotations

import warnings

import numpy as np

from ivr.adapters.sound.g711 import Pcm16

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore"
    )  # it warns of a missing ffmpeg on $PATH, which it is not asked to use, and of its own syntax
    from pydub import AudioSegment
    from pydub.silence import detect_leading_silence

QUIET_DBFS = -46.0
KEEP_BEFORE_MS = 150
KEEP_AFTER_MS = 300
FADE_MS = 10


def trim_and_fade(pcm: Pcm16, rate_hz: int) -> Pcm16:
    """`pcm` with at most 0.15 s of silence before and 0.30 s after, beginning and ending without a click."""
    whole = AudioSegment(pcm.tobytes(), sample_width=2, frame_rate=rate_hz, channels=1)
    before_ms = detect_leading_silence(whole, QUIET_DBFS)
    after_ms = detect_leading_silence(whole.reverse(), QUIET_DBFS)
    cut = whole[max(0, before_ms - KEEP_BEFORE_MS) : len(whole) - max(0, after_ms - KEEP_AFTER_MS)]
    return _samples(cut.fade_in(FADE_MS).fade_out(FADE_MS))


def join(parts: list[Pcm16], rate_hz: int, pause_ms: int) -> Pcm16:
    """The parts one after another with `pause_ms` of silence between them."""
    pause = AudioSegment.silent(pause_ms, frame_rate=rate_hz)
    joined = AudioSegment.empty()
    for index, part in enumerate(parts):
        segment = AudioSegment(part.tobytes(), sample_width=2, frame_rate=rate_hz, channels=1)
        joined = segment if not index else joined + pause + segment
    return _samples(joined)


def _samples(segment: AudioSegment) -> Pcm16:
    return np.frombuffer(segment.raw_data, dtype=np.int16).copy()
