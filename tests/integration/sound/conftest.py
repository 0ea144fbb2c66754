"""Real recordings: a sentence spoken by the offline voice, in every format people send, made by the real ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.adapters import pico
from ivr.adapters.pbx import programs
from ivr.settings import Message, Settings, Speech

SENTENCES = (
    "Bonjour, ici la mairie. La réunion publique de jeudi aura lieu à dix-neuf heures, salle des fêtes. "
    "Vous y êtes les bienvenus, et vos questions aussi."
)
FORMATS = {
    "wav": ["-ar", "44100"],
    "mp3": ["-ar", "44100", "-b:a", "128k"],
    "m4a": ["-ar", "48000", "-c:a", "aac"],
    "ogg": ["-ar", "44100", "-c:a", "libvorbis"],
    "opus": ["-ar", "48000", "-c:a", "libopus"],
    "webm": ["-ar", "48000", "-c:a", "libopus"],
    "flac": ["-ar", "96000"],
}
MakeSound = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", message=Message(), speech=Speech())


@pytest.fixture(scope="session")
def ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> MakeSound:
    """Runs ffmpeg; the last argument is the file it makes."""
    program = programs.find("ffmpeg", Settings(home=tmp_path_factory.mktemp("none")).cache_dir)

    def make(*arguments: str | Path) -> Path:
        argv = program.argv("-nostdin", "-v", "error", "-y", *map(str, arguments))
        subprocess.run(argv, check=True, timeout=60)
        return Path(arguments[-1])

    return make


@pytest.fixture(scope="session")
def speech_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds of speech, 16 kHz mono."""
    file = tmp_path_factory.mktemp("speech") / "speech.wav"
    file.write_bytes(pico.speak(SENTENCES, "fr-FR"))
    return file


@pytest.fixture(scope="session")
def recordings(speech_wav: Path, ffmpeg: MakeSound) -> dict[str, Path]:
    """The same speech in each format, by its extension."""
    folder = speech_wav.parent
    return {kind: ffmpeg("-i", speech_wav, *options, folder / f"recording.{kind}") for kind, options in FORMATS.items()}
