"""Real recordings: a sentence spoken by the offline voice, in every format people send, made by the real ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

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
    "aac": ["-ar", "44100", "-c:a", "aac"],
    "mp4": ["-ar", "48000", "-c:a", "aac", "-movflags", "+faststart"],
    "ogg": ["-ar", "44100", "-c:a", "libvorbis"],
    "opus": ["-ar", "48000", "-c:a", "libopus"],
    "webm": ["-ar", "48000", "-c:a", "libopus"],
    "flac": ["-ar", "96000"],
    "aiff": ["-ar", "44100", "-c:a", "pcm_s24be"],
    "wma": ["-ar", "44100", "-c:a", "wmav2"],
    "3gp": ["-ar", "16000", "-c:a", "aac"],
    "caf": ["-ar", "44100", "-c:a", "alac"],
    "mov": ["-ar", "44100", "-c:a", "pcm_s16be"],
    "mka": ["-ar", "48000", "-c:a", "flac"],
    "au": ["-ar", "22050"],
}
"""What people send, by the extension that ffmpeg goes by; the product does not."""
VARIANTS = {
    "8bit.wav": ["-ar", "11025", "-c:a", "pcm_u8"],
    "24bit-192k.wav": ["-ar", "192000", "-c:a", "pcm_s24le", "-ac", "2"],
    "float.wav": ["-ar", "48000", "-c:a", "pcm_f32le"],
    "double.wav": ["-ar", "48000", "-c:a", "pcm_f64le"],
    "alaw.wav": ["-ar", "8000", "-c:a", "pcm_alaw"],
    "adpcm.wav": ["-ar", "22050", "-c:a", "adpcm_ima_wav"],
    "msadpcm.wav": ["-ar", "22050", "-c:a", "adpcm_ms"],
    "gsm.wav": ["-ar", "8000", "-c:a", "libgsm_ms"],
    "mp3.wav": ["-ar", "44100", "-c:a", "libmp3lame"],
    "rf64.wav": ["-ar", "44100", "-rf64", "always"],
    "six-channels.wav": ["-ar", "44100", "-ac", "6"],
    "vbr.mp3": ["-ar", "48000", "-q:a", "4", "-ac", "2"],
    "no-xing.mp3": ["-ar", "24000", "-b:a", "32k", "-write_xing", "0", "-id3v2_version", "0"],
    "8k.mp3": ["-ar", "8000", "-b:a", "16k"],
    "layer2.mp2": ["-ar", "44100", "-c:a", "mp2"],
    "alac.m4a": ["-ar", "44100", "-c:a", "alac"],
    "safari.mp4": ["-ar", "48000", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"],
    "opus.mp4": ["-ar", "48000", "-c:a", "libopus", "-movflags", "+frag_keyframe+empty_moov"],
    "flac.ogg": ["-ar", "44100", "-c:a", "flac"],
    "speex.ogg": ["-ar", "16000", "-c:a", "libspeex"],
    "pcm.caf": ["-ar", "44100", "-c:a", "pcm_s16be"],
    "aifc.aif": ["-ar", "44100", "-c:a", "pcm_s16le", "-f", "aiff"],
    "wmav1.wma": ["-ar", "44100", "-c:a", "wmav1"],
    "vorbis.webm": ["-ar", "44100", "-c:a", "libvorbis"],
}
MakeSound = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", message=Message(), speech=Speech())


@pytest.fixture(scope="session")
def ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> MakeSound:
    """Runs ffmpeg; the last argument is the file it makes."""
    program = programs.find("ffmpeg", Settings(home=tmp_path_factory.mktemp("none")).cache_dir)

    def make(*arguments: str | Path, stdout: IO[bytes] | None = None) -> Path:
        argv = program.argv("-nostdin", "-v", "error", "-y", *map(str, arguments))
        subprocess.run(argv, check=True, timeout=60, stdout=stdout)
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
    """The same speech in each format, by its extension, and in the variants, by their names."""
    folder = speech_wav.parent
    made = {kind: [*options, folder / f"recording.{kind}"] for kind, options in FORMATS.items()}
    made |= {name: [*options, folder / name] for name, options in VARIANTS.items()}
    return {name: ffmpeg("-i", speech_wav, *arguments) for name, arguments in made.items()}
