from __future__ import annotations

import numpy as np
import pytest

from ivr.adapters.sound import level, loudness
from ivr.adapters.sound.limiter import limit, true_peaks

RATE_HZ = 16000


def tone(hz: float, seconds: float, amplitude: float = 0.5) -> level.Signal:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)


def rms_db(signal: level.Signal) -> float:
    return float(10 * np.log10(np.mean(signal**2)))


def test_a_steady_tone_has_its_own_power() -> None:
    signal = tone(1000, 10)
    assert level.active_level_dbov(signal, RATE_HZ) == pytest.approx(rms_db(signal), abs=0.2)


def test_pauses_do_not_lower_the_level() -> None:
    burst = tone(1000, 2)
    half_silent = np.concatenate([burst, np.zeros(len(burst))] * 4)
    assert rms_db(half_silent) == pytest.approx(rms_db(burst) - 3, abs=0.1)
    assert level.active_level_dbov(half_silent, RATE_HZ) == pytest.approx(rms_db(burst), abs=0.6)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_loudness_is_that_of_the_standard(rate_hz: int) -> None:
    """EBU Tech 3341: a tone of 1 kHz at -23 dBFS of peak on both sides is -23 LUFS; on one channel 3.01 less."""
    signal = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * np.arange(20 * rate_hz) / rate_hz)
    assert loudness.loudness_lufs(signal, rate_hz) == pytest.approx(-23 - 3.01, abs=0.1)


def test_neither_silence_nor_what_is_far_below_counts_for_loudness() -> None:
    loud, quiet = tone(1000, 20, 0.1), tone(1000, 20, 0.1 * 10 ** (-15 / 20))
    alone = loudness.loudness_lufs(loud, RATE_HZ)
    for beside in (quiet, np.zeros(20 * RATE_HZ)):
        assert loudness.loudness_lufs(np.concatenate([beside, loud, beside]), RATE_HZ) == pytest.approx(alone, abs=0.1)
    assert loudness.loudness_lufs(np.zeros(RATE_HZ), RATE_HZ) == -np.inf
    assert loudness.loudness_lufs(loud[:100], RATE_HZ) == -np.inf


def test_silence_has_no_level() -> None:
    assert level.active_level_dbov(np.zeros(RATE_HZ), RATE_HZ) == -np.inf


def test_the_limiter_holds_the_ceiling_and_leaves_the_rest() -> None:
    quiet, loud = tone(500, 1, 0.1), tone(500, 1, 1.0)
    limited = limit(np.concatenate([quiet, loud, quiet]), RATE_HZ)
    assert np.abs(limited).max() <= 10 ** (-3 / 20) + 1e-9
    untouched = slice(0, RATE_HZ - 200)
    assert limited[untouched] == pytest.approx(quiet[untouched])


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_the_limiter_sees_peaks_between_the_samples(rate_hz: int) -> None:
    """A quarter of the rate, caught beside each crest: the samples are 3 dB below what a telephone plays."""
    steps = np.arange(rate_hz)
    signal = 0.9 * np.sin(2 * np.pi * steps / 4 + np.pi / 4)
    assert np.abs(signal).max() == pytest.approx(0.9 / np.sqrt(2))
    middle = slice(100, -100)
    assert true_peaks(signal, 0.1)[middle].max() == pytest.approx(0.9, rel=0.01)
    limited = limit(signal, rate_hz)
    assert true_peaks(limited, 0.1)[middle].max() <= 10 ** (-3 / 20) * 1.01


def test_a_peak_between_samples_is_found_wherever_it_is() -> None:
    for phase in np.linspace(0, np.pi, 7):
        signal = np.sin(2 * np.pi * 0.11 * np.arange(4000) + phase)
        assert true_peaks(signal, 0.5)[50:-50].max() == pytest.approx(1.0, abs=0.01)


def test_the_limiter_does_not_flatten_a_peak() -> None:
    """A clipped tone has harmonics; a tone whose gain was lowered has none to speak of."""
    limited = limit(tone(500, 1, 1.0), RATE_HZ)[2000:14000]
    spectrum = np.abs(np.fft.rfft(limited * np.hanning(len(limited))))
    third = spectrum[int(1500 * len(limited) / RATE_HZ)]
    assert 20 * np.log10(third / spectrum.max()) < -60


@pytest.mark.parametrize(
    ("hz", "least_db", "most_db"), [(300, -0.1, 0.1), (120, -0.5, 0.1), (50, -200, -40), (0.5, -200, -40)]
)
def test_the_high_pass_takes_hum_and_leaves_voices(hz: float, least_db: float, most_db: float) -> None:
    signal = tone(hz, 4)
    middle = slice(RATE_HZ, 3 * RATE_HZ)
    change = rms_db(level.high_pass(signal, RATE_HZ)[middle]) - rms_db(signal[middle])
    assert least_db <= change <= most_db


def test_the_high_pass_does_not_delay() -> None:
    click = np.zeros(RATE_HZ)
    click[5000] = 1.0
    filtered = level.high_pass(click, RATE_HZ)
    assert len(filtered) == len(click)
    assert int(np.argmax(filtered)) == 5000


@pytest.mark.parametrize("amplitude", [0.001, 0.05, 1.0])
def test_whatever_the_level_it_comes_to_the_target(amplitude: float) -> None:
    rng = np.random.default_rng(1)
    words = [rng.normal(0, amplitude / 4, RATE_HZ // 2) * np.hanning(RATE_HZ // 2) for _ in range(8)]
    signal = np.concatenate([part for word in words for part in (word, np.zeros(RATE_HZ // 3))])
    levelled = level.bring_to_target(signal, RATE_HZ)
    assert loudness.loudness_lufs(levelled, RATE_HZ) == pytest.approx(level.TARGET_LUFS, abs=0.1)
    assert np.abs(levelled).max() <= 10 ** (-3 / 20) + 1e-9
