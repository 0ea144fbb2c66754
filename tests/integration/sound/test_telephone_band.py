"""What the telephone's band keeps, and what must not fold into it: the spectrum of the rendered files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ivr.adapters import sound
from ivr.adapters.sound import g711
from ivr.errors import AudioRefused
from ivr.settings import Settings

SOURCE_HZ = 44_100
SECONDS = 8
REFERENCE_HZ = 733.0
Signal = np.ndarray[tuple[int], np.dtype[np.float64]]


def tones(*hz: float, seconds: float = SECONDS) -> Signal:
    """Tones of one amplitude, with phases drawn by lot."""
    draw, time_s = np.random.default_rng(3), np.arange(int(seconds * SOURCE_HZ)) / SOURCE_HZ
    whole: Signal = sum(np.sin(2 * np.pi * (one * time_s + draw.random())) for one in hz) * 0.4 / np.sqrt(len(hz))
    return whole


def rendered(signal: Signal, settings: Settings) -> tuple[Signal, Signal]:
    """What is heard of the A-law file and of the wide one."""
    pcm = sound.Pcm(signal.astype(np.float32), SOURCE_HZ)
    source = settings.var_dir / "source.wav"
    sound.write_whole(source, sound.wav(pcm, SOURCE_HZ))
    file = settings.sounds_dir / sound.render(sound.decode(source, settings), settings.sounds_dir).sound
    narrow = g711.from_alaw(np.frombuffer(file.with_suffix(".alaw").read_bytes(), np.uint8)) / 32768
    wide = np.frombuffer(file.with_suffix(".sln16").read_bytes(), "<i2") / 32768
    return narrow, wide


def level_db(signal: Signal, rate_hz: int, hz: float) -> float:
    """The greatest line within 3 Hz of `hz`, in dB."""
    middle = signal[rate_hz : len(signal) - rate_hz]
    spectrum = np.abs(np.fft.rfft(middle * np.blackman(len(middle)))) / len(middle)
    lines = np.fft.rfftfreq(len(middle), 1 / rate_hz)
    return float(20 * np.log10(spectrum[np.abs(lines - hz) < 3].max()))


@pytest.mark.parametrize("whistle_hz", [5000, 6000, 7000])
def test_no_tone_above_the_band_is_heard_in_it(whistle_hz: int, settings: Settings) -> None:
    """8,000 samples a second turn 5 kHz into 3 kHz unless it was taken away before."""
    narrow, wide = rendered(tones(REFERENCE_HZ, whistle_hz), settings)
    folded = level_db(narrow, 8000, 8000 - whistle_hz) - level_db(narrow, 8000, REFERENCE_HZ)
    assert folded < -60
    kept = level_db(wide, 16000, whistle_hz) - level_db(wide, 16000, REFERENCE_HZ)
    assert kept == pytest.approx(0, abs=0.5), "a wideband call carries it"


@pytest.mark.parametrize("whistle_hz", [9000, 11_000, 13_000, 15_000])
def test_no_tone_above_the_wide_band_is_heard_in_it(whistle_hz: int, settings: Settings) -> None:
    narrow, wide = rendered(tones(REFERENCE_HZ, whistle_hz), settings)
    assert level_db(wide, 16000, 16000 - whistle_hz) - level_db(wide, 16000, REFERENCE_HZ) < -80
    folded_hz = abs((whistle_hz + 4000) % 8000 - 4000)
    assert level_db(narrow, 8000, folded_hz) - level_db(narrow, 8000, REFERENCE_HZ) < -60


def test_nothing_is_lost_of_what_the_telephone_carries(settings: Settings) -> None:
    hz = [float(one) for one in range(300, 3401, 100)]
    for signal, rate_hz in zip(rendered(tones(*hz), settings), (8000, 16000), strict=True):
        levels = np.array([level_db(signal, rate_hz, one) for one in hz])
        assert np.abs(levels - np.median(levels)).max() < 0.3


def test_hum_and_rumble_are_taken_away(settings: Settings) -> None:
    for signal, rate_hz in zip(rendered(tones(20, 50, REFERENCE_HZ), settings), (8000, 16000), strict=True):
        for hum_hz in (20, 50):
            assert level_db(signal, rate_hz, hum_hz) - level_db(signal, rate_hz, REFERENCE_HZ) < -35


def test_a_whistle_that_no_telephone_carries_is_refused_and_not_amplified(settings: Settings) -> None:
    with pytest.raises(AudioRefused, match="hardly anything that a telephone carries"):
        rendered(tones(5000), settings)
    assert not list(Path(settings.var_dir).rglob("*.alaw"))
