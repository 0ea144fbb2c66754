"""How long a recording takes to be ready for the telephone, against a bare ffmpeg: `python bench/sound.py`.

Both turn the same 60-second mp3 into A-law, µ-law and 16 kHz linear files. The bare one does nothing else; ours also
confines the decoder, keeps the original, chooses the channel, filters, trims, levels by loudness and limits the true
peak. They take turns, and the ratio is the median of the pairs: what else the machine does meets both alike.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from results import Figures, show

from ivr.adapters import pico
from ivr.adapters.pbx import programs
from ivr.settings import Message, Settings, Speech
from ivr.usecases import messages

ROUNDS = 15
SECONDS = 60
TEXT = "Bonjour, ici la mairie. La réunion publique de jeudi aura lieu à dix-neuf heures, dans la salle des fêtes. "


@dataclass(frozen=True)
class Spent:
    wall_s: float
    cpu_s: float


def measure(rounds: int = ROUNDS) -> Figures:
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder:
        home = Path(folder)
        ffmpeg = programs.find("ffmpeg", Settings(home=home).cache_dir)
        mp3 = _recording(home, ffmpeg)
        pairs = [(_bare(home, ffmpeg, mp3), _ours(home / str(turn), mp3)) for turn in range(rounds + 1)][1:]
    figures = Figures()
    for name, spent in zip(("bare", "ours"), zip(*pairs, strict=True), strict=True):
        figures.add(f"prepare_60s_mp3_{name}_ms", statistics.median(one.wall_s for one in spent) * 1000, "ms, median")
        figures.add(f"prepare_60s_mp3_{name}_cpu_ms", statistics.median(one.cpu_s for one in spent) * 1000, "ms of CPU")
    ratio = statistics.median(ours.wall_s / bare.wall_s for bare, ours in pairs)
    figures.ratio("prepare_60s_mp3_ours_over_bare", ratio, at_most=2.0)
    return figures


def _recording(home: Path, ffmpeg: programs.Program) -> Path:
    """Sixty seconds of speech as people send it: 44.1 kHz, stereo, 128 kbit/s."""
    spoken, mp3 = home / "spoken.wav", home / "message.mp3"
    spoken.write_bytes(pico.speak(TEXT * 9, "fr-FR"))
    length = ["-stream_loop", "-1", "-i", str(spoken), "-t", str(SECONDS)]
    argv = ffmpeg.argv("-nostdin", "-v", "error", *length, "-ar", "44100", "-ac", "2", "-b:a", "128k", str(mp3))
    subprocess.run(argv, check=True)
    return mp3


def _bare(home: Path, ffmpeg: programs.Program, mp3: Path) -> Spent:
    outputs = [
        argument
        for rate, kind in (("8000", "alaw"), ("8000", "mulaw"), ("16000", "s16le"))
        for argument in ("-ac", "1", "-ar", rate, "-f", kind, str(home / f"bare.{kind}"))
    ]
    argv = ffmpeg.argv("-nostdin", "-v", "error", "-y", "-i", str(mp3), *outputs)
    return _timed(lambda: subprocess.run(argv, check=True, env=ffmpeg.env()))


def _ours(home: Path, mp3: Path) -> Spent:
    settings = Settings(home=home, message=Message(), speech=Speech())
    return _timed(lambda: messages.prepare(mp3, settings))


def _timed(work: Callable[[], object]) -> Spent:
    cpu_s, begun_s = _cpu_s(), time.perf_counter()
    work()
    return Spent(time.perf_counter() - begun_s, _cpu_s() - cpu_s)


def _cpu_s() -> float:
    """Processor time of this process and of the children it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    show(measure())
