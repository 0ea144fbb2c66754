"""No peak above a ceiling, between the samples either: the gain sinks smoothly before each peak and rises after it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ivr.adapters.sound.loudness import Signal

CEILING_DBFS = -3.0
LOOK_AHEAD_S = 0.005
_STEP_S = 0.001
_OVERSHOOT_DB = 4.0
"""Between samples this far below the ceiling there can be a peak above it."""
_TAPS = 24
_PLACES = (0.25, 0.5, 0.75)


def limit(signal: Signal, rate_hz: int, ceiling_dbfs: float = CEILING_DBFS) -> Signal:
    """`signal` with no peak above the ceiling."""
    ceiling, step = 10 ** (ceiling_dbfs / 20), max(1, round(_STEP_S * rate_hz))
    peaks = true_peaks(signal, ceiling * 10 ** (-_OVERSHOOT_DB / 20))
    steps = np.pad(peaks, (0, -len(peaks) % step)).reshape(-1, step).max(axis=1)
    if not len(steps) or steps.max() <= ceiling:
        return signal
    wanted = np.minimum(1.0, ceiling / np.maximum(steps, 1e-12))
    gain = _smoothed(wanted, round(LOOK_AHEAD_S / _STEP_S))
    centres = (np.arange(len(gain)) + 0.5) * step - 0.5
    limited: Signal = signal * np.interp(np.arange(len(signal)), centres, gain).astype(signal.dtype)
    return np.clip(limited, -ceiling, ceiling)


def true_peaks(signal: Signal, least: float) -> Signal:
    """The magnitude at each sample, and, near those above `least`, the greatest up to the next (ITU-R BS.1770)."""
    peaks: Signal = np.abs(signal)
    loud = peaks > least
    loud[:-1] |= loud[1:]
    near = np.flatnonzero(loud)
    if len(near):
        around = np.pad(signal, _TAPS // 2)[near[:, None] + np.arange(1, _TAPS + 1)]
        between = np.abs(around @ _between().astype(signal.dtype)).max(axis=1)
        peaks[near] = np.maximum(peaks[near], between)
    return peaks


def _between() -> NDArray[np.float64]:
    """What gives the values a quarter, a half and three quarters of the way to the next sample."""
    away = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - np.array(_PLACES)
    weights = np.sinc(away) * np.cos(np.pi * away / (_TAPS + 2)) ** 2
    normalised: NDArray[np.float64] = weights / weights.sum(axis=0)
    return normalised


def _smoothed(wanted: NDArray[np.float64], ahead: int) -> NDArray[np.float64]:
    """Never above `wanted` nor its neighbours, and moving over `2 * ahead` steps, not at once."""
    reach, width = ahead + 1, 2 * ahead + 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(wanted, reach, mode="edge"), 2 * reach + 1)
    lowest = np.pad(windows.min(axis=1), ahead, mode="edge")
    return np.convolve(lowest, np.full(width, 1 / width), "valid")
