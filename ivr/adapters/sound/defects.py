"""What is wrong with a wave itself: cut peaks, an echo, hum, what its first and last moments are.

Each function measures one thing and judges nothing; thresholds are in ivr/rules/recording_checks.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ivr.adapters.sound import level
from ivr.adapters.sound.channels import Samples
from ivr.adapters.sound.voice import BELOW_SPEECH_DB, frame_levels
from ivr.rules.recording_facts import Echo, Sides

CEILING_SHARE = 0.98
LEAST_PEAK = 0.05
FLAT_STEP = 5e-5  # a bit and a half of 16
FLAT_RUN_S = 1 / 16000
EDGE_S = 0.015
ECHO_FROM_S, ECHO_TO_S = 0.04, 1.0
ECHO_WINDOW_S, ECHO_SAME_S, ECHO_SPOKEN = 8.0, 0.002, 0.3
HUM_HZ = (50, 100, 150, 200, 250, 300, 60, 120, 180, 240)
SPECTRUM_SIZE = 2048
AUDIBLE_DB = 60.0
TONAL_POWER, AUDIBLE_POWER = 0.9, 1e-4


def flat_tops(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """The instants at which `samples` is cut flat at its own ceiling: several equal samples in a row, at the peak.

    At the rate of the file itself: resampling and lossy codecs round what was flat.
    """
    magnitude = np.abs(samples)
    peak = float(magnitude.max(initial=0.0))
    if peak < LEAST_PEAK:
        return np.zeros(0)
    run = max(3, round(rate_hz * FLAT_RUN_S))
    at_top = magnitude >= CEILING_SHARE * peak
    level_with_next = at_top[:-1] & at_top[1:] & (np.abs(np.diff(samples)) < FLAT_STEP)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], level_with_next.astype(np.int8), [0]])))
    begins, ends = edges[::2], edges[1::2]
    return begins[ends - begins >= run - 1] / rate_hz


def crest_db(signal: level.Signal, active_dbov: float) -> float:
    """How far the peaks stand above the speech: 15 to 20 dB by nature, less when they were cut, even before an mp3."""
    return 20 * float(np.log10(np.quantile(np.abs(signal), 0.9999) + 1e-9)) - active_dbov


def opening_db(signal: level.Signal, rate_hz: int, active_dbov: float) -> float:
    """The level of the very first moment against the speech; a voice that begins by itself begins softly."""
    power = float((signal[: round(EDGE_S * rate_hz)] ** 2).mean()) if len(signal) else 0.0
    return 10 * float(np.log10(power + 1e-20)) - active_dbov


def hum_db(pauses: level.Signal, rate_hz: int, active_dbov: float) -> float:
    """Mains hum in the pauses against the speech: the power in the lines of 50 and 60 Hz that stand out of the rest."""
    power, step_hz = _spectrum(pauses, rate_hz)
    if not len(power):
        return -np.inf
    humming = 0.0
    for line_hz in HUM_HZ:
        around = power[max(0, round((line_hz - 45) / step_hz)) : round((line_hz + 45) / step_hz) + 1]
        line = power[max(0, round((line_hz - 8) / step_hz)) : round((line_hz + 8) / step_hz) + 1]
        if len(line) and line.max() > 100 * np.median(around):
            humming += float(line.sum())
    return 10 * float(np.log10(humming + 1e-20)) - active_dbov


def bandwidth_hz(signal: level.Signal, rate_hz: int) -> float:
    """The highest frequency whose mean power is within 60 dB of the strongest."""
    power, step_hz = _spectrum(signal, rate_hz)
    heard = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (-AUDIBLE_DB / 10))
    return float(heard[-1] * step_hz) if len(heard) else 0.0


def tonal_share(signal: level.Signal) -> float:
    """The share of the recording in which tones are heard: a quarter of all frequencies hold nearly all of the power.

    Of noise a quarter holds about 60 %, whatever its loudness; of a click too, and what is silent around it is no tone.
    """
    frames = signal[: len(signal) // SPECTRUM_SIZE * SPECTRUM_SIZE].reshape(-1, SPECTRUM_SIZE)
    if not len(frames):
        return 0.0
    power = np.sort(np.abs(np.fft.rfft(frames * np.hanning(SPECTRUM_SIZE), axis=1)) ** 2, axis=1)
    whole, strongest = power.sum(axis=1), power[:, -(SPECTRUM_SIZE // 8) :].sum(axis=1)
    return float(((strongest > TONAL_POWER * whole) & (whole > AUDIBLE_POWER * whole.max())).mean())


def _spectrum(signal: level.Signal, rate_hz: int) -> tuple[level.Signal, float]:
    """The mean power by frequency, in sum the power of the signal, and the step between two of them, Hz."""
    frames = signal[: len(signal) // SPECTRUM_SIZE * SPECTRUM_SIZE].reshape(-1, SPECTRUM_SIZE)
    if not len(frames):
        return np.zeros(0), rate_hz / SPECTRUM_SIZE
    window = np.hanning(SPECTRUM_SIZE)
    power = 2 * np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 / (SPECTRUM_SIZE * (window**2).sum())
    return power.mean(axis=0), rate_hz / SPECTRUM_SIZE


def echo(signal: level.Signal, rate_hz: int, active_dbov: float) -> Echo | None:
    """The strongest late copy of the voice that half of what is spoken has at the same delay; None when none has.

    A copy is a ripple of the spectrum, and so a peak of the cepstrum. A sentence that is said again is none.
    """
    window = round(ECHO_WINDOW_S * rate_hz)
    begins = range(0, max(1, len(signal) - window // 2), window // 2)
    windows = [(begin / rate_hz, signal[begin : begin + window]) for begin in begins]
    spoken = [(begin_s, part) for begin_s, part in windows if _is_spoken(part, rate_hz, active_dbov)]
    copies = [(*_copy(part, rate_hz), begin_s) for begin_s, part in spoken]
    strongest = max(copies, default=(0.0, 0.0, 0.0))
    alike = [copy for copy in copies if abs(copy[1] - strongest[1]) < ECHO_SAME_S]
    if 2 * len(alike) < len(copies) or not strongest[0]:
        return None
    return Echo(strongest[1], float(np.median([strength for strength, _, _ in alike])), alike[0][2])


def _is_spoken(part: level.Signal, rate_hz: int, active_dbov: float) -> bool:
    """Whether there is enough speech to hear an echo by: a word alone has peaks of its own."""
    levels = frame_levels(part, rate_hz)
    return bool(len(levels)) and float((levels > active_dbov - BELOW_SPEECH_DB).mean()) > ECHO_SPOKEN


def _copy(signal: level.Signal, rate_hz: int) -> tuple[float, float]:
    """Strength and delay of the strongest copy of `signal` in itself; (0, 0) when it is too short to tell.

    It is faded in and out over its whole length: else what is repeated exactly has echoes of its echoes everywhere.
    """
    first, last = round(ECHO_FROM_S * rate_hz), round(ECHO_TO_S * rate_hz)
    if len(signal) < 3 * last:
        return 0.0, 0.0
    size = 1 << (len(signal) + last - 1).bit_length()
    power = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), size)) ** 2
    cepstrum = np.fft.irfft(np.log(power + 1e-6 * power.mean()), size)[first:last]
    best = int(np.argmax(cepstrum))
    return float(cepstrum[best]), (first + best) / rate_hz


def sides(samples: Samples) -> Sides:
    """Left against right. samples: shape (samples, 2)."""
    powers = [float(np.dot(side, side)) / max(1, len(side)) for side in samples.T.astype(np.float64)]
    left, right = samples.T.astype(np.float64)
    both = float(np.dot(left, right)) / max(1, len(left))
    likeness = both / max(1e-20, np.sqrt(powers[0] * powers[1]))
    left_dbov, right_dbov = (10 * float(np.log10(power + 1e-12)) for power in powers)
    return Sides((left_dbov, right_dbov), float(likeness))
