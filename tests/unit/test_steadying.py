"""A voice that comes and goes is made steady, slowly; a steady one is not touched."""

from __future__ import annotations

import numpy as np
import pytest

from ivr.adapters.sound import level, steadying
from ivr.adapters.sound.steadying import gains_db, steadied

RATE_HZ = 16_000
SECONDS = 40


def voice(seconds: int = SECONDS, seed: int = 1) -> level.Signal:
    """Noise that has the rhythm of speech: syllables, and a pause every few seconds."""
    t = np.arange(seconds * RATE_HZ) / RATE_HZ
    rhythm = np.abs(np.sin(2 * np.pi * 2 * t)) * (t % 4 < 3.3)
    noise = np.random.default_rng(seed).normal(0, 0.1, len(t))
    room = np.random.default_rng(2).normal(0, 1e-4, len(t))
    made: level.Signal = (noise * rhythm + room).astype(np.float32)
    return made


def moved(by_db: float, kind: str) -> level.Signal:
    t = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    shape = {"away": (t > SECONDS / 2).astype(float), "to and fro": 0.5 - 0.5 * np.cos(2 * np.pi * t / 14)}[kind]
    return voice() * (10 ** (by_db * shape / 20)).astype(np.float32)


def spread_db(signal: level.Signal) -> float:
    """Between the loud and the soft three seconds."""
    powers = (signal.reshape(-1, 4 * RATE_HZ) ** 2).mean(axis=1)
    return float(10 * np.log10(powers.max() / powers.min()))


@pytest.mark.parametrize("kind", ["away", "to and fro"])
def test_what_was_said_farther_off_comes_nearer(kind: str) -> None:
    signal = moved(-10, kind)
    assert spread_db(steadied(signal, RATE_HZ)) < 0.6 * spread_db(signal)


def test_a_steady_voice_is_left_to_the_sample() -> None:
    signal = voice()
    assert steadied(signal, RATE_HZ) is signal
    assert steadied(np.zeros(20 * RATE_HZ, np.float32), RATE_HZ).any() == np.False_


@pytest.mark.parametrize("by_db", [-30.0, -15.0, -6.0])
def test_nothing_pumps(by_db: float) -> None:
    gain = gains_db(moved(by_db, "away"), RATE_HZ)
    assert np.abs(np.diff(gain)).max() <= steadying.SLOPE_DB_PER_S * steadying.HOP_S + 1e-9
    assert -steadying.MOST_DOWN_DB <= gain.min() <= gain.max() <= steadying.MOST_UP_DB


@pytest.mark.parametrize("length", [0, 1, 100, RATE_HZ, 5 * RATE_HZ + 7])
def test_any_length(length: int) -> None:
    signal = voice()[:length]
    assert len(steadied(signal, RATE_HZ)) == length
