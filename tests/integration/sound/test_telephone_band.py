"""What the telephone's band keeps, and what must not fold into it: the spectrum of the rendered files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.errors import AudioRefused
from ivr.settings import Settings
from tests.integration.sound.spectrum import (
    CARRIED_HZ,
    REFERENCE_HZ,
    folded_db,
    level_db,
    rendered,
    tones,
    unevenness_db,
)


@pytest.mark.parametrize("whistle_hz", [5000, 6000, 7000])
def test_no_tone_above_the_band_is_heard_in_it(whistle_hz: int, settings: Settings) -> None:
    """8,000 samples a second turn 5 kHz into 3 kHz unless it was taken away before."""
    narrow, wide = rendered(tones(REFERENCE_HZ, whistle_hz), settings)
    assert folded_db(narrow, whistle_hz) < -60
    kept = level_db(wide, 16000, whistle_hz) - level_db(wide, 16000, REFERENCE_HZ)
    assert kept == pytest.approx(0, abs=0.5), "a wideband call carries it"


@pytest.mark.parametrize("whistle_hz", [9000, 11_000, 13_000, 15_000])
def test_no_tone_above_the_wide_band_is_heard_in_it(whistle_hz: int, settings: Settings) -> None:
    narrow, wide = rendered(tones(REFERENCE_HZ, whistle_hz), settings)
    assert level_db(wide, 16000, 16000 - whistle_hz) - level_db(wide, 16000, REFERENCE_HZ) < -80
    assert folded_db(narrow, whistle_hz) < -60


def test_nothing_is_lost_of_what_the_telephone_carries(settings: Settings) -> None:
    for signal, rate_hz in zip(rendered(tones(*CARRIED_HZ), settings), (8000, 16000), strict=True):
        assert unevenness_db(signal, rate_hz) < 0.3


def test_hum_and_rumble_are_taken_away(settings: Settings) -> None:
    for signal, rate_hz in zip(rendered(tones(20, 50, REFERENCE_HZ), settings), (8000, 16000), strict=True):
        for hum_hz in (20, 50):
            assert level_db(signal, rate_hz, hum_hz) - level_db(signal, rate_hz, REFERENCE_HZ) < -35


def test_a_whistle_that_no_telephone_carries_is_refused_and_not_amplified(settings: Settings) -> None:
    with pytest.raises(AudioRefused, match="hardly anything that a telephone carries"):
        rendered(tones(5000), settings)
    assert not list(Path(settings.var_dir).rglob("*.alaw"))
