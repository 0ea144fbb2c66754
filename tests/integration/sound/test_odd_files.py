"""Recordings as odd programs write them: read to the length that they have, whatever their headers say."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.adapters import pico, sound
from ivr.adapters.sound import Pcm, level
from ivr.rules.recording_checks import Limits, judge
from ivr.settings import Settings
from tests.uploads.hostile import id3

MakeSound = Callable[..., Path]
PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")
RATE_HZ = 16_000


def wav(form: bytes, data: bytes, size: int | None = None, before: bytes = b"") -> bytes:
    """A wav of that format chunk. size: as its header has it; before: chunks that come before the sound."""
    said = (len(data) if size is None else size) & 0xFFFFFFFF
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + before + b"data" + struct.pack("<I", said) + data
    return b"RIFF" + struct.pack("<I", len(body) if size is None else said) + body


def form(kind: int, bits: int, valid: int = 0, channels: int = 1) -> bytes:
    """A format chunk, of the extensible kind when only some of the bits are valid."""
    block = channels * bits // 8
    plain = struct.pack("<HHIIHH", kind, channels, RATE_HZ, RATE_HZ * block, block, bits)
    return plain + (struct.pack("<HHI", 22, valid, 4) + PCM_GUID if valid else b"")


def odd_wavs(samples: np.ndarray) -> dict[str, bytes]:
    pcm, plain = samples.tobytes(), form(1, 16)
    twenty = b"".join(struct.pack("<i", int(sample) << 8)[:3] for sample in samples)
    torn = samples.astype("<f4") / 32768
    torn[[1000, 5000, 7000, 9000]] = [np.nan, np.inf, -np.inf, 1e30]
    return {
        "endless": wav(plain, pcm, 0xFFFFFFFF),
        "no size": wav(plain, pcm, 0),
        "odd chunk": wav(plain, pcm, before=b"junk" + struct.pack("<I", 3) + b"abc\0"),
        "large chunk": wav(plain, pcm, before=b"bext" + struct.pack("<I", 300_000) + bytes(300_000)),
        "extensible": wav(form(0xFFFE, 16, 16), pcm),
        "20 bits": wav(form(0xFFFE, 24, 20), twenty),
        "no numbers": wav(form(3, 32), torn.tobytes()),
        "with a shift": wav(plain, np.clip(samples // 2 + 12_000, -32768, 32767).astype("<i2").tobytes()),
    }


def test_odd_headers_of_wav(speech_wav: Path, settings: Settings, tmp_path: Path) -> None:
    truth = sound.decode(speech_wav, settings)
    samples = np.clip(np.round(truth.samples * 32768), -32768, 32767).astype("<i2")
    for name, content in odd_wavs(samples).items():
        file = tmp_path / f"{name}.wav"
        file.write_bytes(content)
        read = sound.decode(file, settings)
        assert read.length_s == pytest.approx(truth.length_s, abs=0.01), name
        assert np.isfinite(read.samples).all(), name
        if name not in {"no numbers", "with a shift"}:
            assert np.abs(read.samples - samples / 32768).max() < 1e-4, name


def test_other_odd_containers(speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path) -> None:
    truth = sound.decode(speech_wav, settings)
    vorbis = ffmpeg("-i", speech_wav, "-ar", "44100", "-c:a", "libvorbis", tmp_path / "a.ogg")
    aac = ffmpeg("-i", speech_wav, "-ar", "44100", "-c:a", "aac", tmp_path / "a.m4a")
    mp3 = ffmpeg("-i", speech_wav, "-b:a", "64k", tmp_path / "a.mp3").read_bytes()
    lengths_s = {
        ffmpeg("-ss", "2", "-i", aac, "-c", "copy", tmp_path / "edited.m4a"): truth.length_s - 2,
        ffmpeg("-i", speech_wav, "-af", "pan=5.1|FC=c0", "-ar", "48000", tmp_path / "centre.wav"): truth.length_s,
    }
    rf64 = ffmpeg("-i", speech_wav, "-rf64", "always", tmp_path / "a.wav").read_bytes()
    for name, content, length_s in (
        ("broadcast.wav", b"BW64" + rf64[4:], truth.length_s),
        ("chained.ogg", vorbis.read_bytes() * 2, 2 * truth.length_s),
        ("two tags.mp3", id3(b"PRIV", b"x" * 2_000_000) + id3(b"PRIV", b"y" * 500) + mp3, truth.length_s),
    ):
        (tmp_path / name).write_bytes(content)
        lengths_s[tmp_path / name] = length_s
    heard_dbov = level.active_level_dbov(truth.samples.astype(np.float64), truth.rate_hz)
    for file, length_s in lengths_s.items():
        read = sound.decode(file, settings)
        assert read.length_s == pytest.approx(length_s, abs=0.15), file.name
        found_dbov = level.active_level_dbov(read.samples.astype(np.float64), read.rate_hz)
        assert abs(found_dbov - heard_dbov) < 6.5, file.name


def signals() -> dict[str, tuple[np.ndarray, str]]:
    t, draw = np.arange(8 * 44_100) / 44_100, np.random.default_rng(1)
    return {
        "three tones": (sum(np.sin(2 * np.pi * hz * t) for hz in (5000, 6000, 7000)), "test_signal"),
        "a sweep": (np.sin(2 * np.pi * np.cumsum(100 * 80 ** (t / 8)) / 44_100), "test_signal"),
        "a click in silence": ((np.arange(len(t)) == 200_000).astype(float), "no_voice"),
        "random bits": (np.sign(draw.normal(0, 1, len(t))), "no_voice"),
        "a beep now and then": (np.sin(2 * np.pi * 1000 * t) * (t % 4 < 0.3), "no_voice"),
    }  # fmt: skip


def test_only_tones_and_sweeps_are_test_signals() -> None:
    for name, (signal, expected) in signals().items():
        pcm = Pcm((0.5 * signal / np.abs(signal).max()).astype(np.float32), 44_100)
        found = judge(sound.measure(pcm), Limits(3, 120))
        assert [one.name for one in found] == [expected], name


def test_the_level_moves_with_the_gain() -> None:
    """Near the peaks the activity falls so fast that the search of ITU-T P.56 has a second crossing: not its answer."""
    text = (
        "Good morning, this is the town hall. The public meeting on Thursday will be held at seven o'clock in the "
        "community centre. We will talk about the new stadium, the swimming pool and the school canteen. Everybody is "
        "welcome, and so are your questions. The Saturday market will move to the church square during the works."
    )
    with wave.open(io.BytesIO(pico.speak(text * 2, "en-GB"))) as file:
        read, rate_hz = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768, file.getframerate()
    voice, gains_db = level.high_pass(read, rate_hz), np.arange(-40, 1, 0.25)
    levels = [level.active_level_dbov(voice * 10 ** (gain / 20), rate_hz) - gain for gain in gains_db]
    assert max(levels) - min(levels) < 0.5
