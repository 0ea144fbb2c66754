"""How loud speech is, and making it as loud as it should be.

Levels are in dBov: 0 dBov is the mean power of a full-scale square wave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

TARGET_DBOV = -22.0
"""RFC 7874, section 4 (mean power of 2,600 of 32,768), and within 1 dB of Asterisk's own French prompts."""
CEILING_DBFS = -3.0
LOOK_AHEAD_S = 0.005
CLOSE_DB = 0.05
PASSES = 6
SILENT_DBOV = -65.0
"""A whisper recorded far too low is at -60; below this there is no voice to bring up."""

_MARGIN_DB = 15.9  # ITU-T P.56, section 7: between the active level and the threshold
_HANGOVER_S = 0.2
_TIME_CONSTANT_S = 0.03
_THRESHOLDS = 2.0 ** np.arange(-15, 1)


def active_level_dbov(signal: Signal, rate_hz: int) -> float:
    """The level of the speech in `signal` without its pauses (ITU-T P.56, method B); -inf for silence."""
    energy = float(np.dot(signal, signal))
    if not energy:
        return -np.inf
    hangover = _running_max(_envelope(signal, rate_hz), round(_HANGOVER_S * rate_hz))[: len(signal)]
    active = np.array([np.count_nonzero(hangover >= threshold) for threshold in _THRESHOLDS])
    seen = active > 0
    if not seen.any():
        return 10 * float(np.log10(energy / len(signal)))
    level_db = 10 * np.log10(energy / active[seen])
    over_db = level_db - 20 * np.log10(_THRESHOLDS[seen])  # falls as the threshold rises
    return float(np.interp(-_MARGIN_DB, -over_db, level_db))


def _envelope(signal: Signal, rate_hz: int) -> Signal:
    """The magnitude smoothed by two equal one-pole filters, as one convolution with their joint response."""
    pole = np.exp(-1 / (rate_hz * _TIME_CONSTANT_S))
    steps = np.arange(int(rate_hz * _TIME_CONSTANT_S * 20))
    return _convolve(np.abs(signal), (1 - pole) ** 2 * (steps + 1) * pole**steps)[: len(signal)]


def _running_max(signal: Signal, width: int) -> Signal:
    """Sample n is the greatest of the `width` samples that end at n; longer than `signal` by width - 1."""
    reached = np.concatenate([np.zeros(width - 1), signal, np.zeros(width - 1)])
    span = 1
    while span < width:
        step = min(span, width - span)
        reached = np.maximum(reached[step:], reached[:-step])
        span += step
    return reached


def _convolve(signal: Signal, response: Signal) -> Signal:
    length = len(signal) + len(response) - 1
    size = 1 << (length - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[:length]


def high_pass(signal: Signal, rate_hz: int, cut_hz: float = 80.0) -> Signal:
    """`signal` without what lies below `cut_hz` (-6 dB there, under -60 dB at half of it), not delayed."""
    half = round(3.4 * rate_hz / cut_hz)
    steps = np.arange(-half, half + 1)
    low = 2 * cut_hz / rate_hz * np.sinc(2 * cut_hz / rate_hz * steps) * np.blackman(2 * half + 1)
    response = -low / low.sum()
    response[half] += 1
    return _convolve(signal, response)[half : half + len(signal)]


def limit(signal: Signal, rate_hz: int, ceiling_dbfs: float = CEILING_DBFS) -> Signal:
    """`signal` with no sample above the ceiling: the gain is lowered smoothly before each peak and raised after it."""
    ceiling, ahead = 10 ** (ceiling_dbfs / 20), round(LOOK_AHEAD_S * rate_hz)
    width = 2 * ahead + 1
    peaks = _running_max(np.abs(signal), width)[ahead : ahead + len(signal)]
    wanted = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-12))
    padded = np.pad(wanted, ahead, mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    limited: Signal = signal * (total[width:] - total[:-width]) / width
    return np.clip(limited, -ceiling, ceiling)


def bring_to_target(signal: Signal, rate_hz: int) -> Signal:
    """`signal`, which is not silent, with its speech at TARGET_DBOV and no sample above the ceiling."""
    gain_db, levelled = 0.0, signal
    for _ in range(PASSES):  # limiting lowers the level a little, so the gain is corrected by what came out
        missing_db = TARGET_DBOV - active_level_dbov(levelled, rate_hz)
        if abs(missing_db) < CLOSE_DB:
            break
        gain_db += missing_db
        levelled = limit(signal * 10 ** (gain_db / 20), rate_hz)
    return levelled
