"""A voice that comes and goes, as of somebody who moves away from the microphone, made steady: slowly, and not wholly.

Offline, so it looks ahead as far as back. What is steady within DEAD_DB is left as it is, to the sample.
"""

from __future__ import annotations

import numpy as np

from ivr.adapters.sound import level

HOP_S, WINDOW_S = 0.1, 2.0
DEAD_DB = 2.0
"""Speech that rises and falls by so much over seconds does so for its meaning."""
MOST_UP_DB, MOST_DOWN_DB = 9.0, 6.0
SLOPE_DB_PER_S = 3.0
"""Slower than any syllable: nothing pumps."""
GATE_DB, OVER_NOISE_DB = 22.0, 8.0
LEAST_SPEECH = 1.5
"""Of a window's weight, tenths of seconds: with less speech in it the gain is that of its neighbours."""


def steadied(signal: level.Signal, rate_hz: int) -> level.Signal:
    """`signal` with what was said far from the microphone brought near what was said close to it."""
    gain_db = gains_db(signal, rate_hz)
    if not gain_db.any():
        return signal
    at_s = (np.arange(len(gain_db)) + 0.5) * HOP_S
    followed = np.interp(np.arange(len(signal)) / rate_hz, at_s, gain_db)
    return signal * (10 ** (followed / 20)).astype(signal.dtype)


def gains_db(signal: level.Signal, rate_hz: int) -> level.Signal:
    """The gain of each tenth of a second, whose slope is bounded."""
    hop = round(HOP_S * rate_hz)
    powers = (signal[: len(signal) // hop * hop].astype(np.float64).reshape(-1, hop) ** 2).mean(axis=1) + 1e-12
    if len(powers) < 2 * WINDOW_S / HOP_S:
        return np.zeros(1)
    noise_db = 10 * float(np.log10(np.quantile(powers, 0.05)))
    gate_db = max(level.active_level_dbov(signal, rate_hz) - GATE_DB, noise_db + OVER_NOISE_DB)
    spoken = powers * (10 * np.log10(powers) > gate_db)
    if not spoken.any():
        return np.zeros(1)
    usual_db = 10 * np.log10(spoken.sum() / np.count_nonzero(spoken))
    away_db = usual_db - _around_db(spoken)
    wanted = np.clip(np.sign(away_db) * np.maximum(np.abs(away_db) - DEAD_DB, 0), -MOST_DOWN_DB, MOST_UP_DB)
    return _slowly(wanted)


def _around_db(spoken: level.Signal) -> level.Signal:
    """The level of the speech within some seconds of each tenth; where there is none, that of its neighbours."""
    window = np.hanning(2 * round(WINDOW_S / HOP_S) + 1)
    power = np.convolve(spoken, window, "same")
    weight = np.convolve((spoken > 0).astype(np.float64), window, "same")
    known = np.flatnonzero(weight > LEAST_SPEECH)
    if not len(known):
        known = np.array([int(np.argmax(weight))])
    levels_db = 10 * np.log10(power[known] / weight[known])
    around: level.Signal = np.interp(np.arange(len(spoken)), known, levels_db)
    return around


def _slowly(wanted_db: level.Signal) -> level.Signal:
    """As near to what is wanted as the slope allows, from both sides."""
    step = SLOPE_DB_PER_S * HOP_S
    gain_db = wanted_db.copy()
    for way in (gain_db, gain_db[::-1]):
        for at in range(1, len(way)):
            way[at] = min(max(way[at], way[at - 1] - step), way[at - 1] + step)
    return gain_db
