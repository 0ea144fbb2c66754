"""Tones, what is heard of them once rendered, and how strong each is. Shared by the tests and by `make bench-sound`."""

from __future__ import annotations

import numpy as np

from ivr.adapters import sound
from ivr.adapters.sound import g711
from ivr.settings import Settings

SOURCE_HZ = 44_100
SECONDS = 8
REFERENCE_HZ = 733.0
CARRIED_HZ = tuple(float(hz) for hz in range(300, 3401, 100))
"""What the telephone carries."""
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


def folded_db(narrow: Signal, whistle_hz: float) -> float:
    """What is left of a tone above the telephone's band where it would fold to, against a tone within the band."""
    folded_hz = abs((whistle_hz + 4000) % 8000 - 4000)
    return level_db(narrow, 8000, folded_hz) - level_db(narrow, 8000, REFERENCE_HZ)


def unevenness_db(signal: Signal, rate_hz: int) -> float:
    """How far any of the tones of CARRIED_HZ is from their median."""
    levels = np.array([level_db(signal, rate_hz, hz) for hz in CARRIED_HZ])
    return float(np.abs(levels - np.median(levels)).max())
