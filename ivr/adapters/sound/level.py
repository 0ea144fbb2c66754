"""How loud speech is, and making it as loud as it should be.

Levels are in dBov: 0 dBov is the mean power of a full-scale square wave. Loudness is in LUFS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ivr.adapters.sound.limiter import limit
from ivr.adapters.sound.loudness import Signal, loudness_lufs

__all__ = ["SILENT_DBOV", "TARGET_DBOV", "TARGET_LUFS", "Signal", "active_level_dbov", "bring_to_target", "high_pass"]

TARGET_LUFS = -22.5
"""What speech has at -22 dBov of active level (RFC 7874, section 4: mean power of 2,600 of 32,768) by telephone."""
TARGET_DBOV = -22.0
CLOSE_DB = 0.05
PASSES = 6
SURE_GAIN_DB = 20.0
"""What is quieter is near the gate of -70 LUFS, which is not louder when the sound is: it is measured again."""
SILENT_DBOV = -65.0
"""A whisper recorded far too low is at -60; below this there is no voice to bring up."""

_MARGIN_DB = 15.9  # ITU-T P.56, section 7: between the active level and the threshold
_HANGOVER_S = 0.2
_TIME_CONSTANT_S = 0.03
_STEP_S = 0.001
"""The envelope moves in tens of milliseconds: it is followed millisecond by millisecond, not sample by sample."""
_THRESHOLDS = 2.0 ** np.arange(-15, 1)
_CONVOLUTION = 8192


def active_level_dbov(signal: Signal, rate_hz: int) -> float:
    """The level of the speech in `signal` without its pauses (ITU-T P.56, method B); -inf for silence."""
    energy = float(np.dot(signal, signal))
    if not energy:
        return -np.inf
    step = max(1, round(_STEP_S * rate_hz))
    followed = running_max(_envelope(signal, step, rate_hz), round(_HANGOVER_S * rate_hz / step))
    active = np.array([step * np.count_nonzero(followed >= threshold) for threshold in _THRESHOLDS])
    seen = active > 0
    if not seen.any():
        return 10 * float(np.log10(energy / len(signal)))
    level_db = 10 * np.log10(energy / active[seen])
    over_db = level_db - 20 * np.log10(_THRESHOLDS[seen])
    # It falls as the threshold rises, but near the peaks it may rise again: the first crossing counts.
    under = np.flatnonzero(over_db <= _MARGIN_DB)
    around = slice(max(0, under[0] - 1), under[0] + 1) if len(under) else slice(-1, None)
    return float(np.interp(-_MARGIN_DB, -over_db[around], level_db[around]))


def _envelope(signal: Signal, step: int, rate_hz: int) -> Signal:
    """The magnitude, smoothed by two equal one-pole filters, of each `step` samples."""
    whole = np.abs(np.pad(signal, (0, -len(signal) % step))).reshape(-1, step).mean(axis=1, dtype=np.float64)
    pole = np.exp(-step / (rate_hz * _TIME_CONSTANT_S))
    steps = np.arange(int(20 * rate_hz * _TIME_CONSTANT_S / step) + 1)
    return convolve(whole, (1 - pole) ** 2 * (steps + 1) * pole**steps)[: len(whole)]


def running_max(signal: Signal, width: int) -> Signal:
    """Sample n is the greatest of the `width` samples that end at n."""
    reached = np.concatenate([np.zeros(width - 1), signal])
    span = 1
    while span < width:
        step = min(span, width - span)
        reached = np.maximum(reached[step:], reached[:-step])
        span += step
    return reached


def convolve(signal: Signal, response: NDArray[np.float64]) -> Signal:
    """The whole convolution, block by block (overlap and add), in the precision of `signal`."""
    size = max(_CONVOLUTION, 1 << (4 * len(response) - 1).bit_length())
    fresh = size - len(response) + 1
    length = len(signal) + len(response) - 1
    blocks = np.pad(signal, (0, -len(signal) % fresh)).reshape(-1, fresh)
    spectrum = np.fft.rfft(response.astype(signal.dtype), size)
    parts = np.fft.irfft(np.fft.rfft(blocks, size, axis=1) * spectrum, size, axis=1)
    whole = np.zeros(len(parts) * fresh + size - fresh, signal.dtype)
    whole[: len(parts) * fresh] = parts[:, :fresh].reshape(-1)
    for index, tail in enumerate(parts[:, fresh:], 1):
        whole[index * fresh : index * fresh + len(tail)] += tail
    return whole[:length]


def high_pass(signal: Signal, rate_hz: int, cut_hz: float = 80.0) -> Signal:
    """`signal` without what lies below `cut_hz` (-6 dB there, under -60 dB at half of it), not delayed."""
    half = round(3.4 * rate_hz / cut_hz)
    steps = np.arange(-half, half + 1)
    low = 2 * cut_hz / rate_hz * np.sinc(2 * cut_hz / rate_hz * steps) * np.blackman(2 * half + 1)
    response = -low / low.sum()
    response[half] += 1
    return convolve(signal, response)[half : half + len(signal)]


def bring_to_target(signal: Signal, rate_hz: int) -> Signal:
    """`signal`, which is not silent, at TARGET_LUFS with no peak above the ceiling."""
    gain_db = TARGET_LUFS - _loudness(signal, rate_hz)
    for _ in range(PASSES):  # limiting lowers the loudness a little, so the gain is corrected by what came out
        louder = signal * signal.dtype.type(10 ** (gain_db / 20))
        levelled = limit(louder, rate_hz)
        if levelled is louder and gain_db < SURE_GAIN_DB:
            break
        missing_db = TARGET_LUFS - _loudness(levelled, rate_hz)
        if abs(missing_db) < CLOSE_DB:
            break
        gain_db += missing_db
    return levelled


def roughly_to_target(signal: Signal, rate_hz: int) -> Signal:
    """`signal` so loud that 16 bits hold it well: at TARGET_LUFS, or up to 12 dB below when its peaks need the room."""
    gain = 10 ** ((TARGET_LUFS - _loudness(signal, rate_hz)) / 20)
    room = 1 / max(float(np.abs(signal).max()), 1e-12)
    return signal * signal.dtype.type(max(min(gain, room), gain / 4))


def _loudness(signal: Signal, rate_hz: int) -> float:
    """In LUFS; of what is too short or too quiet for its gates, what its level makes likely."""
    lufs = loudness_lufs(signal, rate_hz)
    return lufs if np.isfinite(lufs) else active_level_dbov(signal, rate_hz) + TARGET_LUFS - TARGET_DBOV
