"""What a rendering sounds like, measured from outside: spectrum, loudness of unlike recordings, how fast a gain moves.

The sources are those of the tests.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr
from results import Figures

from ivr.adapters import pico, sound
from ivr.adapters.pbx import programs
from ivr.adapters.sound import g711
from ivr.settings import HOME, Message, Settings, Speech

sys.path.append(str(HOME))
from tests.integration.sound import spectrum, unlike

WHISTLES_HZ = (5000, 6000, 7000)
FROM_ISSUE_DB = -50.0
TURNS_S = 14
AWAY = {
    "steady": "1",
    "comes_and_goes": f"pow(10\\,-0.6*(0.5-0.5*cos(2*PI*t/{TURNS_S})))",
    "moves_off": "if(gt(t\\,20)\\,0.178\\,1)",
}
"""The gain of the speaker at the microphone: none, 12 dB to and fro, 15 dB softer from one moment to the next."""
WINDOW_S = 1.0
ACTIVE_DB = 15.0
"""Windows in which the voice is softer than its mean by more are pauses: there no gain can be told."""


def band() -> Figures:
    """Tones of a 44.1 kHz source: what folds into the telephone's band, and how even the band is."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder:
        settings = settings_in(Path(folder))
        for hz in WHISTLES_HZ:
            narrow, _ = spectrum.rendered(spectrum.tones(spectrum.REFERENCE_HZ, hz), settings)
            figures.ratio(f"alias_of_{hz}_hz_db", spectrum.folded_db(narrow, hz), at_most=FROM_ISSUE_DB)
        both = spectrum.rendered(spectrum.tones(*spectrum.CARRIED_HZ), settings)
    for kind, signal, rate_hz in zip(("alaw", "sln16"), both, (8000, 16000), strict=True):
        figures.ratio(f"band_300_3400_hz_{kind}_db", spectrum.unevenness_db(signal, rate_hz), at_most=1.0)
    return figures


def loudness(most: int | None = None) -> Figures:
    """Unlike recordings, each rendered in three formats: their loudness by ffmpeg's meter, and the spread."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder:
        sources = unlike.Unlike(Path(folder), ffmpeg(Path(folder)))
        heard = {name: sources.heard(name) for name in list(unlike.SOURCES)[:most]}
    for kind, _, _ in unlike.KINDS:
        lufs = {name: found[kind].lufs for name, found in heard.items()}
        for name, one in lufs.items():
            figures.add(f"lufs_{kind}:{name}", one, "LUFS")
        middle = (max(lufs.values()) + min(lufs.values())) / 2
        figures.ratio(f"loudness_of_{len(lufs)}_{kind}_plus_minus_lu", max(lufs.values()) - middle, at_most=1.0)
        figures.add(f"highest_peak_{kind}_dbtp", max(found[kind].peak_dbtp for found in heard.values()), "dBTP")
    return figures


def steadiness() -> Figures:
    """How fast the gain between a recording and its rendering moves, a second at a time: slower than anybody pumps."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder:
        home = Path(folder)
        (home / "voice.wav").write_bytes(pico.speak(unlike.SENTENCES * 4, "fr-FR"))
        for name, gain in AWAY.items():
            source = home / f"{name}.wav"
            ffmpeg(home)("-i", home / "voice.wav", "-af", f"volume={gain}:eval=frame", source)
            fastest_db, spread_db = _followed(source, settings_in(home))
            figures.add(f"level_spread_{name}_before_db", spread_db[0], "dB, loudest to softest fifth of the seconds")
            figures.add(f"level_spread_{name}_after_db", spread_db[1], "dB, loudest to softest fifth of the seconds")
            figures.ratio(f"fastest_gain_{name}_db_per_s", fastest_db / WINDOW_S, at_most=4.0)
    return figures


def _followed(source: Path, settings: Settings) -> tuple[float, tuple[float, float]]:
    """The greatest change of gain from one second of speech to the next; the spread of levels before and after."""
    before = soxr.resample(sound.decode(source, settings).samples, 16000, 8000, "VHQ")
    after = alaw(source, settings).samples
    begins = int(np.argmax(np.correlate(before[: 30 * 8000], after[8000:24000], "valid"))) - 8000
    before, after = before[max(0, begins) :], after[max(0, -begins) :]
    size = round(WINDOW_S * 8000)
    whole = min(len(before), len(after)) // size
    levels = [10 * np.log10((one[: whole * size].reshape(-1, size) ** 2).mean(axis=1)) for one in (before, after)]
    spoken = levels[1] > np.median(levels[1]) - ACTIVE_DB
    changes_db = np.abs(np.diff(levels[1] - levels[0]))[spoken[1:] & spoken[:-1]]
    spreads = [float(np.subtract(*np.quantile(one[spoken], (0.8, 0.2)))) for one in levels]
    return float(changes_db.max()), (spreads[0], spreads[1])


def alaw(source: Path, settings: Settings) -> sound.Pcm:
    """What a telephone plays of `source`."""
    rendering = sound.render(sound.decode(source, settings), settings.sounds_dir)
    coded = np.frombuffer((settings.sounds_dir / f"{rendering.sound}.alaw").read_bytes(), np.uint8)
    return sound.Pcm((g711.from_alaw(coded) / 32768).astype(np.float32), 8000)


def settings_in(home: Path) -> Settings:
    return Settings(home=home, message=Message(), speech=Speech())


def ffmpeg(home: Path) -> Callable[..., Path]:
    """Runs it; the last argument is the file it makes."""
    program = programs.find("ffmpeg", settings_in(home).cache_dir)
    return functools.partial(_make, program)


def _make(program: programs.Program, *arguments: str | Path) -> Path:
    argv = program.argv("-nostdin", "-v", "error", "-y", *map(str, arguments))
    subprocess.run(argv, check=True, env=program.env(), timeout=120)
    return Path(arguments[-1])
