from __future__ import annotations

import numpy as np
import pytest

from ivr.adapters.sound import g711

EVERY_CODE = np.arange(256, dtype=np.uint8)
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


def test_silence_is_the_code_of_the_standard() -> None:
    silence = np.zeros(1, np.int16)
    assert g711.to_alaw(silence)[0] == 0xD5
    assert g711.to_ulaw(silence)[0] == 0xFF


def test_full_scale_is_that_of_the_standard() -> None:
    assert g711.ALAW_LEVELS.max() == 32256
    assert g711.ULAW_LEVELS.max() == 32124


def test_each_alaw_code_comes_back() -> None:
    assert (g711.to_alaw(g711.from_alaw(EVERY_CODE)) == EVERY_CODE).all()


def test_each_ulaw_level_comes_back() -> None:
    levels = g711.from_ulaw(EVERY_CODE)  # µ-law has two codes for nought
    assert (g711.from_ulaw(g711.to_ulaw(levels)) == levels).all()


@pytest.mark.parametrize(
    ("coded", "levels"),
    [
        (g711.to_alaw(EVERY_SAMPLE), g711.ALAW_LEVELS),
        (g711.to_ulaw(EVERY_SAMPLE), g711.ULAW_LEVELS),
    ],
    ids=["alaw", "ulaw"],
)
def test_no_other_code_is_nearer(coded: g711.Coded, levels: g711.Pcm16) -> None:
    ours = np.abs(levels[coded].astype(int) - EVERY_SAMPLE)
    best = np.abs(levels[None, :].astype(np.int32) - EVERY_SAMPLE[:, None].astype(np.int32)).min(axis=1)
    assert (ours == best).all()
