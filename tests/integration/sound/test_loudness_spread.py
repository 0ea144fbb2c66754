"""Recordings that have nothing in common come out as loud as each other, by the meter of another program."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ivr.adapters.sound import level
from tests.integration.sound.conftest import MakeSound
from tests.integration.sound.unlike import SOURCES, Heard, Unlike

pytestmark = pytest.mark.timeout(240)  # the fixture renders two dozen recordings
Meter = dict[str, dict[str, Heard]]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory, ffmpeg: MakeSound) -> Meter:
    """Loudness and true peak of each source, rendered, in each format."""
    unlike = Unlike(tmp_path_factory.mktemp("unlike"), ffmpeg)
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SOURCES, pool.map(unlike.heard, SOURCES), strict=True))


@pytest.mark.parametrize("kind", ["alaw", "ulaw", "sln16"])
def test_they_are_as_loud_as_each_other(kind: str, heard: Meter) -> None:
    lufs = {name: found[kind].lufs for name, found in heard.items()}
    assert len(lufs) >= 20
    assert max(lufs.values()) - min(lufs.values()) <= 1.0, lufs  # ±1 LU would be 2
    assert all(one == pytest.approx(level.TARGET_LUFS, abs=0.6) for one in lufs.values()), lufs


@pytest.mark.parametrize("kind", ["alaw", "ulaw", "sln16"])
def test_no_peak_is_above_the_ceiling(kind: str, heard: Meter) -> None:
    """G.711 itself moves a level by up to 0.3 dB."""
    peaks = {name: found[kind].peak_dbtp for name, found in heard.items()}
    assert max(peaks.values()) <= (-2.9 if kind == "sln16" else -2.6), peaks
