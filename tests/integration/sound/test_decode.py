from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.adapters import sound
from ivr.adapters.sound import g711, level
from ivr.errors import AudioRefused, NotFound
from ivr.settings import Message, Settings
from tests.integration.sound.conftest import FORMATS, VARIANTS

MakeSound = Callable[..., Path]


@pytest.mark.parametrize("kind", [*FORMATS, *VARIANTS])
def test_each_format_is_read(kind: str, recordings: dict[str, Path], speech_wav: Path, settings: Settings) -> None:
    truth, read = sound.decode(speech_wav, settings), sound.decode(recordings[kind], settings)
    assert read.length_s == pytest.approx(truth.length_s, abs=0.12)
    spread_db = 3.01 if "-ac" in VARIANTS.get(kind, ()) else 0.0  # ffmpeg shares a voice out between two sides
    ours = spread_db + level.active_level_dbov(read.samples.astype(np.float64), read.rate_hz)
    assert ours == pytest.approx(level.active_level_dbov(truth.samples.astype(np.float64), truth.rate_hz), abs=1.0)


@pytest.mark.parametrize(("container", "codec"), [("webm", "libopus"), ("matroska", "libvorbis"), ("ogg", "libopus")])
def test_what_a_browser_records_has_no_length(
    container: str, codec: str, speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    """Chrome and Firefox write as they record, so nothing is filled in at the end."""
    live = tmp_path / "live"
    with live.open("wb") as file:
        ffmpeg("-i", speech_wav, "-ar", "48000", "-c:a", codec, "-f", container, "pipe:1", stdout=file)
    assert sound.decode(live, settings).length_s == pytest.approx(sound.decode(speech_wav, settings).length_s, abs=0.1)


def amr(wide: bool, frames: int = 400) -> bytes:
    """Eight seconds of what AMR's best mode makes of bits drawn by lot: there is no free encoder on every machine."""
    magic, toc, size = (b"#!AMR-WB\n", 0x44, 60) if wide else (b"#!AMR\n", 0x3C, 31)
    draw = random.Random(7)
    return magic + b"".join(bytes([toc]) + draw.randbytes(size) for _ in range(frames))


@pytest.mark.parametrize("wide", [False, True], ids=["narrow", "wide"])
@pytest.mark.parametrize("boxed", [False, True], ids=["amr", "3gp"])
def test_what_old_telephones_record_is_read(
    wide: bool, boxed: bool, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    file = tmp_path / "voice.amr"
    file.write_bytes(amr(wide))
    if boxed:
        file = ffmpeg("-i", file, "-c", "copy", tmp_path / "voice.3gp")
    read = sound.decode(file, settings)
    assert read.rate_hz == (16000 if wide else 8000)
    assert read.length_s == pytest.approx(8.0, abs=0.05)
    assert np.abs(read.samples).max() > 0.01


@pytest.mark.parametrize("kind", ["mp3", "aac", "flac"])
def test_a_tag_hides_nothing(kind: str, recordings: dict[str, Path], settings: Settings, tmp_path: Path) -> None:
    """A large ID3 tag, as with a picture, before a stream; it is looked behind."""
    size = 300_000
    sevens = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    tagged = tmp_path / "tagged"
    stream = recordings[kind].read_bytes()
    if stream[:3] == b"ID3":
        stream = stream[10 + int.from_bytes(stream[6:10], "big") :]  # it is short
    tagged.write_bytes(b"ID3\x03\0\0" + sevens + bytes(size) + stream)
    assert sound.decode(tagged, settings).length_s > 5


def test_the_name_of_a_file_counts_for_nothing(recordings: dict[str, Path], settings: Settings, tmp_path: Path) -> None:
    disguised = tmp_path / "-i evil%d:name.wav"
    disguised.write_bytes(recordings["mp3"].read_bytes())
    assert sound.decode(disguised, settings).rate_hz == 44100


def test_a_picture_in_an_mp3_does_not_matter(
    recordings: dict[str, Path], settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    picture = ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", tmp_path / "cover.png")
    options = ["-map", "0:a", "-map", "1:v", "-c", "copy", "-disposition:v", "attached_pic"]
    covered = ffmpeg("-i", recordings["mp3"], "-i", picture, *options, tmp_path / "covered.mp3")
    assert sound.decode(covered, settings).length_s > 5


@pytest.mark.parametrize(
    ("pan", "why"),
    [
        ("stereo|c0=c0|c1=-1*c0", "opposite phase"),
        ("stereo|c0=0*c0|c1=c0", "right only"),
        ("stereo|c0=c0|c1=0*c0", "left only"),
        ("stereo|c0=0.99*c0|c1=-0.5*c0", "almost opposite"),
    ],
)
def test_no_way_of_recording_in_stereo_loses_the_voice(
    pan: str, why: str, speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    truth = sound.decode(speech_wav, settings).samples
    stereo = ffmpeg("-i", speech_wav, "-af", f"pan={pan}", tmp_path / "stereo.wav")
    heard = sound.decode(stereo, settings).samples
    assert float(np.abs(heard).max()) == pytest.approx(float(np.abs(truth).max()), rel=0.02), why


@pytest.mark.parametrize("voice", [0, 1], ids=["left", "right"])
@pytest.mark.parametrize("noise", ["sine=f=50", "anoisesrc=a=0.3"], ids=["hum", "hiss"])
def test_a_side_with_nothing_but_noise_is_left_out(
    voice: int, noise: str, speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    """The microphone was plugged into one side; the other one, as loud, has what a bare wire picks up."""
    order = "[0][1]" if voice == 0 else "[1][0]"
    graph = f"{noise}:r=16000,volume=1[1];{order}amerge=inputs=2"
    graph = graph.replace("anoisesrc=a=0.3:", "anoisesrc=a=0.3:seed=1:")
    stereo = ffmpeg("-i", speech_wav, "-filter_complex", graph, "-t", "8", tmp_path / "stereo.wav")
    truth, heard = sound.decode(speech_wav, settings).samples, sound.decode(stereo, settings).samples
    assert heard == pytest.approx(truth[: len(heard)], abs=1e-3)


def test_ffmpeg_has_the_same_g711(ffmpeg: MakeSound, tmp_path: Path) -> None:
    """It looks samples up by their first 14 bits: those are compared; of two levels as near, both are right."""
    raw = np.arange(-32768, 32768, 4).astype("<i2")
    (tmp_path / "all.raw").write_bytes(raw.tobytes())
    for name, code, levels in (("alaw", g711.to_alaw, g711.ALAW_LEVELS), ("mulaw", g711.to_ulaw, g711.ULAW_LEVELS)):
        source = ["-f", "s16le", "-ar", "8000", "-ac", "1", "-i", tmp_path / "all.raw"]
        theirs = np.frombuffer(ffmpeg(*source, "-f", name, tmp_path / name).read_bytes(), np.uint8)
        ours, differ = code(raw), code(raw) != theirs
        away = [np.abs(levels[coded].astype(int) - raw)[differ] for coded in (ours, theirs)]
        assert (away[0] <= away[1]).all()
        assert differ.sum() < 256
        everything = tmp_path / f"codes.{name}"
        everything.write_bytes(bytes(range(256)))
        back = ffmpeg("-f", name, "-ar", "8000", "-ac", "1", "-i", everything, "-f", "s16le", tmp_path / f"{name}.back")
        assert (np.frombuffer(back.read_bytes(), "<i2") == levels).all()


def hostile(folder: Path, victim: Path) -> dict[str, tuple[bytes, str]]:
    """Name, content, and what the refusal must say."""
    whole_wav, whole_flac, whole_m4a = (victim.with_suffix(suffix).read_bytes() for suffix in (".wav", ".flac", ".m4a"))
    mp3, wma = victim.with_suffix(".mp3").read_bytes(), victim.with_suffix(".wma").read_bytes()
    header = whole_wav[8 : whole_wav.index(b"data") + 4] + bytes(4)
    header_only = b"RIFF" + len(header).to_bytes(4, "little") + header
    return {
        "notes.mp3": (b"Bonjour, ceci est un texte.\n" * 40, "text"),
        "empty.mp3": (b"", "empty"),
        "playlist.mp3": (b"#EXTM3U\n#EXTINF:9,\n" + str(victim).encode() + b"\n" + b"#" * 300, "playlist"),
        "concat.mp3": (f"ffconcat version 1.0\nfile {victim.name}\n".encode() + b"#" * 300, "playlist"),
        "page.m4a": ("<!doctype html><title>Été</title>".encode() * 20, "page"),
        "program.wav": (b"\x7fELF\x02\x01\x01" + bytes(2000), "unknown kind"),
        "zero.wav": (header_only, "0 s"),
        "cut.wav": (whole_wav[: len(whole_wav) // 2], "cut short"),
        "cut.flac": (whole_flac[: len(whole_flac) // 2], "cut short"),
        "cut.m4a": (whole_m4a[: len(whole_m4a) // 2], "damaged or incomplete"),
        "cut.mp3": (mp3[: len(mp3) // 2], "cut short"),
        "cut.wma": (wma[: len(wma) // 2], "cut short"),
        "noise.mp3": (b"ID3\x04\0\0\0\0\0\0" + os.urandom(20000).replace(b"\xff", b"\0"), "damaged or incomplete"),
        "slow.wav": (whole_wav[:24] + (1).to_bytes(4, "little") + whole_wav[28:], "samples per second"),
    }


NAMES = (  # noqa: SIM905 - it reads better on two lines
    "notes.mp3 empty.mp3 playlist.mp3 concat.mp3 page.m4a program.wav zero.wav cut.wav cut.flac cut.m4a cut.mp3 "
    "cut.wma noise.mp3 slow.wav"
).split()


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    name: str, recordings: dict[str, Path], settings: Settings, tmp_path: Path
) -> None:
    cases = hostile(tmp_path, recordings["mp3"])
    assert set(cases) == set(NAMES)
    content, why = cases[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioRefused) as refused:
        sound.decode(tmp_path / name, settings)
    message = str(refused.value)
    assert message.startswith(name)
    assert why in message
    assert "\n" not in message
    assert str(tmp_path) not in message


@pytest.mark.parametrize("kind", ["mp3", "flac", "wav"])
def test_an_hour_is_refused_without_being_read(
    kind: str, ffmpeg: MakeSound, settings: Settings, tmp_path: Path
) -> None:
    hour = ffmpeg("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "3600", tmp_path / f"hour.{kind}")
    roomy = settings.model_copy(update={"message": Message(max_bytes=100_000_000)})
    with pytest.raises(AudioRefused, match=r"hour\.\w+ lasts more than 120 s, the longest message: shorten it"):
        sound.decode(hour, roomy)


def test_a_film_without_sound_is_refused(ffmpeg: MakeSound, settings: Settings, tmp_path: Path) -> None:
    film = ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=2", "-c:v", "mpeg4", tmp_path / "film.m4a")
    with pytest.raises(AudioRefused, match="has no sound in it"):
        sound.decode(film, settings)


def test_not_a_file(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(AudioRefused, match="is not a file"):
        sound.decode(tmp_path, settings)
    with pytest.raises(NotFound, match="no such file"):
        sound.decode(tmp_path / "nowhere.mp3", settings)


def test_infinite_samples_are_made_finite(
    settings: Settings, ffmpeg: MakeSound, speech_wav: Path, tmp_path: Path
) -> None:
    floating = ffmpeg("-i", speech_wav, "-c:a", "pcm_f32le", tmp_path / "float.wav")
    content = bytearray(floating.read_bytes())
    content[-4000:] = np.array([np.nan, np.inf, -np.inf, 1e30] * 250, "<f4").tobytes()
    floating.write_bytes(content)
    assert np.abs(sound.decode(floating, settings).samples).max() <= 4.0
