"""Hostile uploads are made here, by code, from the project's own speech: no file of anybody else's is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.settings import Message, Settings, Speech
from tests.integration.sound.conftest import MakeSound, ffmpeg, speech_wav
from tests.uploads.seeds import seeds_in

__all__ = ["ffmpeg", "speech_wav"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", message=Message(), speech=Speech())


@pytest.fixture(scope="session")
def seeds(speech_wav: Path, ffmpeg: MakeSound) -> dict[str, Path]:
    """Four seconds of speech in each container that is accepted."""
    return seeds_in(speech_wav.parent, speech_wav, ffmpeg)
