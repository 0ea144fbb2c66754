"""How well speech is understood, and how it pleases, before and after it is made ready for the telephone.

A recogniser (Whisper base) reads, and DNSMOS P.835 judges, the original, what a bare ffmpeg makes of it for a
telephone, and the preview, which is exactly what Asterisk sends.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import recogniser
import rendered
import soxr
import voices
from results import Figures

from ivr.adapters import sound
from ivr.adapters.sound import dnsmos, level

CONDITIONS: dict[str, tuple[float | None, str, list[str]]] = {
    "clean": (None, "wav", ["-ar", "44100"]),
    "noise of 30 dB": (30.0, "wav", []),
    "noise of 20 dB": (20.0, "wav", []),
    "noise of 15 dB": (15.0, "wav", []),
    "mp3 of 32 kbit/s": (None, "mp3", ["-ar", "22050", "-b:a", "32k"]),
    "opus of 16 kbit/s": (None, "webm", ["-ar", "48000", "-c:a", "libopus", "-b:a", "16k"]),
    "35 dB too quiet": (None, "flac", ["-af", "volume=-35dB", "-sample_fmt", "s32"]),
    "in a room": (None, "wav", ["-af", "aecho=0.8:0.6:35|60|90:0.4|0.3|0.2"]),
}
"""How it was recorded: pink noise so far below the voice, ending, and what ffmpeg is to do."""
OF_MACHINES = ("clean", "noise of 15 dB")
JUDGED = ("clean", "noise of 30 dB", "noise of 15 dB")
MOST_MORE = 0.03
"""Of all words: as many more may be wrong in the preview. "About the same" in a figure."""
TELEPHONE = ("-ac", "1", "-ar", "8000", "-c:a", "pcm_alaw")


@dataclass(frozen=True)
class Take:
    """A recording of somebody in some condition."""

    of: voices.Spoken
    condition: str
    file: Path

    @property
    def voice(self) -> str:
        return f"{self.of.language}_{self.of.who}"

    @property
    def name(self) -> str:
        return f"{self.of.language}:{self.of.who}:{self.condition}"


def understood(short: bool = False) -> Figures:
    """Words wrong of all words, by voice and condition: in the original, in a bare conversion, in the preview.

    The promise is about people's voices. What Pico says in noise is misread in the original already.
    """
    figures, wrong, total = Figures(), Counter[tuple[str, str]](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder:
        takes = _takes(Path(folder), short)
        asked = [(take, which, file) for take in takes for which, file in _versions(take).items()]
        texts = recogniser.read([(take.of.language, file) for take, _, file in asked], _cache(Path(folder)))
    for (take, which, _), text in zip(asked, texts, strict=True):
        errors, words = recogniser.wrong_words(text, take.of.words), len(recogniser.words(take.of.words))
        figures.add(f"words_wrong:{take.name}:{which}", errors / words, "of all words")
        wrong[take.voice, which] += errors
        total[take.voice] += words if which == "original" else 0
    for voice, words in total.items():
        figures.add(f"words_{voice}", words, "words read")
        shares = {which: wrong[voice, which] / words for which in ("original", "bare", "preview")}
        for which, share in shares.items():
            figures.add(f"words_wrong_{voice}_{which}", share, "of all words")
        if voice.endswith("human"):
            more = shares["preview"] - shares["original"]
            figures.ratio(f"words_wrong_{voice}_preview_less_original", more, at_most=MOST_MORE)
    return figures


def quality(short: bool = False) -> Figures:
    """DNSMOS of the original, of a bare conversion for the telephone, and of our rendering."""
    figures = Figures()
    gained = []
    with tempfile.TemporaryDirectory(prefix="portevoix-bench-") as folder:
        settings = rendered.settings_in(Path(folder))
        for take in _takes(Path(folder), short):
            if take.of.who != "human" or take.condition not in JUDGED:
                continue
            scores = {which: _overall(sound.decode(file, settings)) for which, file in _versions(take).items()}
            for which, score in scores.items():
                figures.add(f"dnsmos:{take.name}:{which}", score, "MOS, overall, 1 to 5")
            gained.append(scores["preview"] - scores["bare"])
    figures.ratio("dnsmos_preview_less_bare", float(np.mean(gained)), at_least=-0.1)
    return figures


def _versions(take: Take) -> dict[str, Path]:
    """The recording; what ffmpeg alone makes of it for a telephone; exactly what Asterisk will send."""
    settings = rendered.settings_in(take.file.parent)
    bare = rendered.ffmpeg(take.file.parent)("-i", take.file, *TELEPHONE, take.file.with_suffix(".bare.wav"))
    made = sound.render(sound.decode(take.file, settings), settings.sounds_dir)
    preview = take.file.with_suffix(".preview.wav")
    preview.write_bytes(sound.as_played([made.sound], settings.sounds_dir, 1).wav)
    return {"original": take.file, "bare": bare, "preview": preview}


def _overall(pcm: sound.Pcm) -> float:
    judged = dnsmos.quality(soxr.resample(pcm.samples, pcm.rate_hz, 16000, "VHQ"))
    assert judged, "the weights of speechmos are not installed: make setup"
    return judged.overall


def _takes(folder: Path, short: bool) -> list[Take]:
    """Each voice in each condition. short: the first voice in two of them."""
    spoken = voices.all_of(folder, _cache(folder), rendered.ffmpeg(folder))
    conditions = OF_MACHINES if short else tuple(CONDITIONS)
    return [
        Take(one, condition, _recorded(one, condition, folder))
        for one in spoken
        for condition in (OF_MACHINES if one.who == "machine" else conditions)
    ][-2 if short else 0 :]


def _recorded(one: voices.Spoken, condition: str, folder: Path) -> Path:
    below_db, ending, options = CONDITIONS[condition]
    source = one.file
    if below_db is not None:
        source = source.with_suffix(".noisy.wav")
        clean = sound.decode(one.file, rendered.settings_in(folder))
        noisy = clean.samples + _pink(len(clean.samples), level.active_level_dbov(clean.samples, 16000) - below_db)
        source.write_bytes(sound.wav(sound.Pcm(noisy.astype(np.float32), 16000), 16000))
    target = folder / f"{one.who}-{one.language}-{condition.replace('/', ' ')}.{ending}"
    return rendered.ffmpeg(folder)("-i", source, *options, target)


def _pink(length: int, dbov: float) -> level.Signal:
    """Noise of that level with as much power in each octave above 50 Hz, the same each time."""
    white = np.fft.rfft(np.random.default_rng(4).normal(size=length))
    hz = np.maximum(np.fft.rfftfreq(length, 1 / 16000), 50)
    pink: level.Signal = np.fft.irfft(white / np.sqrt(hz), length)
    return pink / np.sqrt((pink**2).mean()) * 10 ** (dbov / 20)


def _cache(folder: Path) -> Path:
    return rendered.settings_in(folder).cache_dir
