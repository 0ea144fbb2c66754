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

KEEP_BEFORE_MS = 150
KEEP_AFTER_MS = 300
FADE_MS = 10
FRAME_MS = 10
QUIET_DB = 24.0
"""This far below the level of its loud parts, a recording is silent,"""
NOISE_DB = 8.0
"""or when it is hardly above its own noise,"""
ALWAYS_HEARD_DB = 10.0
"""but never when it is as near to the loud parts as this."""
CLICK_FRAMES, NEAR_FRAMES = 4, 12
"""Fewer loud frames than the first among the second are a click, and not where a voice begins."""


def trim_and_fade(pcm: Pcm16, rate_hz: int) -> Pcm16:
    """`pcm` with at most 0.15 s of silence before and 0.30 s after, beginning and ending without a click."""
    whole = AudioSegment(pcm.tobytes(), sample_width=2, frame_rate=rate_hz, channels=1)
    begin_ms, end_ms = heard_ms(pcm, rate_hz)
    cut = whole[max(0, begin_ms - KEEP_BEFORE_MS) : min(len(whole), end_ms + KEEP_AFTER_MS)]
    return _samples(cut.fade_in(FADE_MS).fade_out(FADE_MS))


def heard_ms(pcm: Pcm16, rate_hz: int) -> tuple[int, int]:
    """Where the sound begins and where it ends; silence is what is far below the voice, or its own noise."""
    frame = rate_hz * FRAME_MS // 1000
    frames = pcm[: len(pcm) // frame * frame].reshape(-1, frame).astype(np.float32)
    level_db = 10 * np.log10(np.einsum("ij,ij->i", frames, frames) / frame + 1e-9)
    if not len(level_db):
        return 0, len(pcm) * 1000 // rate_hz
    noise_db, loud_db = np.quantile(level_db, (0.05, 0.95))
    loud = level_db > min(max(loud_db - QUIET_DB, noise_db + NOISE_DB), loud_db - ALWAYS_HEARD_DB)
    counted = np.concatenate([[0], np.cumsum(loud)])
    near = np.minimum(np.arange(len(loud)) + NEAR_FRAMES, len(loud))
    begins = np.flatnonzero(loud & (counted[near] - counted[:-1] >= CLICK_FRAMES))
    far = np.maximum(np.arange(len(loud)) + 1 - NEAR_FRAMES, 0)
    ends = np.flatnonzero(loud & (counted[1:] - counted[far] >= CLICK_FRAMES))
    if not len(begins) or not len(ends):
        return 0, len(level_db) * FRAME_MS
    return int(begins[0]) * FRAME_MS, (int(ends[-1]) + 1) * FRAME_MS


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
