"""Recordings that have nothing in common, as makers of them, and the loudness of their renderings by another program.

Shared by the tests and by `make bench-sound`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.adapters import pico, sound
from ivr.adapters.pbx import programs
from ivr.settings import Message, Settings, Speech
from tests.integration.sound.conftest import SENTENCES

ENGLISH = (
    "Good evening. This is the town hall with news about the works in Station Road. From Monday the road is closed to "
    "cars between eight and five. Buses stop at the church instead."
)
MIX = "amix=normalize=0:duration=first"
WHISPER = "afftfilt=real='hypot(re,im)*cos(random(0)*6.28)':imag='hypot(re,im)*sin(random(1)*6.28)':win_size=512"
SOURCES = {
    "french.wav": ("fr", []),
    "english.wav": ("en", []),
    "far too quiet.flac": ("fr", ["-af", "volume=-42dB", "-sample_fmt", "s32"]),
    "clipped.wav": ("en", ["-af", "volume=20dB"]),
    "pink noise.mp3": ("fr", ["-filter_complex", f"anoisesrc=c=pink:a=0.03:r=16000:seed=1[n];[0][n]{MIX}"]),
    "hiss.mp3": ("en", ["-filter_complex", f"anoisesrc=a=0.02:r=16000:seed=2[n];[0][n]{MIX}"]),
    "boomy.m4a": ("fr", ["-af", "bass=g=15:f=200"]),
    "thin.m4a": ("en", ["-af", "highpass=f=900,treble=g=10"]),
    "from a telephone.wav": ("fr", ["-ar", "8000", "-af", "highpass=f=300,lowpass=f=3400", "-c:a", "pcm_alaw"]),
    "squeezed.mp3": ("en", ["-af", "acompressor=threshold=0.01:ratio=20:attack=1:release=20:makeup=30"]),
    "with pauses.ogg": ("fr", ["-af", "volume='if(lt(mod(t,4),1.5),1,0.0005)':eval=frame"]),
    "whispered.wav": ("fr", ["-af", f"{WHISPER},volume=-20dB"]),
    "tiny opus.webm": ("en", ["-ar", "48000", "-c:a", "libopus", "-b:a", "6k"]),
    "tiny mp3.mp3": ("fr", ["-ar", "8000", "-b:a", "8k"]),
    "gsm.wav": ("en", ["-ar", "8000", "-c:a", "libgsm_ms"]),
    "in a hall.wav": ("fr", ["-af", "aecho=0.8:0.8:60|110|190:0.6|0.5|0.4"]),
    "deep voice.wma": ("fr", ["-af", "asetrate=11500,aresample=44100", "-c:a", "wmav2"]),
    "child.aiff": ("en", ["-af", "asetrate=22500,aresample=44100"]),
    "walking away.opus": ("fr", ["-af", "volume='1-0.09*t':eval=frame"]),
    "over music.mp3": ("fr", ["-filter_complex", f"aevalsrc='0.05*(sin(1382*t)+sin(2073*t))':s=16000[m];[0][m]{MIX}"]),
    "humming.wav": ("en", ["-filter_complex", f"sine=f=50:r=16000,volume=3[h];[0][h]{MIX}"]),
    "one side.wav": ("fr", ["-af", "pan=stereo|c0=0*c0|c1=0.2*c0"]),
}  # fmt: skip


KINDS = (("alaw", "alaw", 8000), ("ulaw", "mulaw", 8000), ("sln16", "s16le", 16000))
"""Each format of a rendering: its extension, ffmpeg's name for it, its rate."""


@dataclass(frozen=True)
class Heard:
    lufs: float
    peak_dbtp: float


class Unlike:
    """The sources of SOURCES, made and rendered in a folder. make: runs ffmpeg."""

    def __init__(self, folder: Path, make: Callable[..., Path]) -> None:
        self.folder, self.make = folder, make
        self.settings = Settings(home=folder, message=Message(), speech=Speech())
        for language, voice, text in (("fr", "fr-FR", SENTENCES), ("en", "en-GB", ENGLISH)):
            (folder / f"{language}.wav").write_bytes(pico.speak(text, voice))

    def heard(self, name: str) -> dict[str, Heard]:
        """Loudness and true peak of that source, rendered, in each format."""
        language, options = SOURCES[name]
        file = self.make("-i", self.folder / f"{language}.wav", *options, self.folder / name)
        rendering = sound.render(sound.decode(file, self.settings), self.settings.sounds_dir)
        rendered = self.settings.sounds_dir / rendering.sound
        return {kind: measured(rendered.with_suffix(f".{kind}"), raw, rate_hz) for kind, raw, rate_hz in KINDS}


def measured(file: Path, raw: str, rate_hz: int) -> Heard:
    """By ffmpeg's meter."""
    program = programs.find("ffmpeg", Settings(home=file.parent).cache_dir)
    source = ["-f", raw, "-ar", str(rate_hz), "-ac", "1", "-i", str(file)]
    argv = program.argv("-nostdin", *source, "-af", "ebur128=peak=true", "-f", "null", "-")
    log = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stderr
    return Heard(*(float(re.findall(rf"{name}:\s+(-?[\d.]+)", log)[-1]) for name in ("I", "Peak")))
