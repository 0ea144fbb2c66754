from __future__ import annotations

import numpy as np
import pytest

from ivr.adapters.sound import editing, g711

RATE_HZ = 16000


def sound_of(*parts: tuple[float, float], noise_db: float = -90.0) -> g711.Pcm16:
    """Parts of (seconds, level in dB) of something like a voice, over a noise."""
    draw = np.random.default_rng(5)
    voice = np.concatenate([draw.normal(0, 10 ** (db / 20), round(s * RATE_HZ)) for s, db in parts])
    whole = voice + draw.normal(0, 10 ** (noise_db / 20), len(voice))
    return (np.clip(whole, -1, 1) * 32767).astype(np.int16)


@pytest.mark.parametrize("noise_db", [-90, -50, -40, -35])
def test_the_voice_is_found_over_its_noise(noise_db: float) -> None:
    begin_ms, end_ms = editing.heard_ms(sound_of((2, -120), (4, -22), (3, -120), noise_db=noise_db), RATE_HZ)
    assert begin_ms == pytest.approx(2000, abs=20)
    assert end_ms == pytest.approx(6000, abs=20)


def test_a_click_is_not_where_a_voice_begins_or_ends() -> None:
    click = (0.02, -15.0)
    found = editing.heard_ms(sound_of((0.5, -120), click, (2, -120), (3, -22), (2, -120), click, (1, -120)), RATE_HZ)
    assert found == pytest.approx((2520, 5520), abs=20)


def test_a_consonant_just_before_the_voice_is_its_beginning() -> None:
    found = editing.heard_ms(sound_of((1, -120), (0.02, -30), (0.05, -120), (3, -22), (1, -120)), RATE_HZ)
    assert found[0] == pytest.approx(1000, abs=20)


def test_what_never_pauses_is_kept_whole() -> None:
    assert editing.heard_ms(sound_of((3, -22)), RATE_HZ) == (0, 3000)


def test_soft_ends_of_sentences_are_kept() -> None:
    found = editing.heard_ms(sound_of((1, -120), (3, -22), (0.4, -42), (2, -120)), RATE_HZ)
    assert found[1] == pytest.approx(4400, abs=20)


def test_it_keeps_a_moment_of_silence_and_no_click() -> None:
    pcm = editing.trim_and_fade(sound_of((2, -120), (4, -22), (3, -120)), RATE_HZ)
    assert len(pcm) / RATE_HZ == pytest.approx(0.15 + 4 + 0.30, abs=0.03)
    whole = editing.trim_and_fade(sound_of((3, -22)), RATE_HZ)
    assert len(whole) == 3 * RATE_HZ
    assert abs(int(whole[0])) <= 8
    assert abs(int(whole[-1])) <= 8


@pytest.mark.parametrize("samples", [0, 1, 100, 300])
def test_next_to_nothing_does_no_harm(samples: int) -> None:
    assert len(editing.trim_and_fade(np.ones(samples, np.int16), RATE_HZ)) <= 320  # pydub counts in milliseconds
