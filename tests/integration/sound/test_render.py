from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.adapters import sound
from ivr.adapters.sound import g711, level
from ivr.errors import AudioRefused, NotFound, Permanent, Temporary
from ivr.settings import Settings

MakeSound = Callable[..., Path]


def alaw(rendering: sound.Rendering, folder: Path) -> level.Signal:
    coded = np.frombuffer((folder / f"{rendering.sound}.alaw").read_bytes(), np.uint8)
    return g711.from_alaw(coded) / 32768


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a", "ogg", "opus", "webm", "flac"])
def test_every_format_comes_out_at_the_same_level(kind: str, recordings: dict[str, Path], settings: Settings) -> None:
    rendering = sound.render(sound.decode(recordings[kind], settings), settings.sounds_dir)
    heard = alaw(rendering, settings.sounds_dir)
    assert level.active_level_dbov(heard, 8000) == pytest.approx(-22.0, abs=0.5)
    assert np.abs(heard).max() <= 10 ** (-3 / 20) * 1.02  # one A-law step above the ceiling
    wide = np.frombuffer((settings.sounds_dir / f"{rendering.sound}.sln16").read_bytes(), "<i2") / 32768
    assert level.active_level_dbov(wide, 16000) == pytest.approx(-22.0, abs=0.5)


@pytest.mark.parametrize("gain_db", [-45, -20, 12])
def test_however_it_was_recorded_it_is_as_loud(
    gain_db: int, speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    changed = ffmpeg("-i", speech_wav, "-af", f"volume={gain_db}dB", "-c:a", "pcm_s24le", tmp_path / "changed.wav")
    rendering = sound.render(sound.decode(changed, settings), settings.sounds_dir)
    assert level.active_level_dbov(alaw(rendering, settings.sounds_dir), 8000) == pytest.approx(-22.0, abs=0.5)


def test_its_length_is_what_is_heard(recordings: dict[str, Path], settings: Settings) -> None:
    rendering = sound.render(sound.decode(recordings["wav"], settings), settings.sounds_dir)
    size = (settings.sounds_dir / f"{rendering.sound}.alaw").stat().st_size
    assert size % 160 == 0
    assert rendering.length_ms == size / 8 == sound.length_ms(rendering.sound, settings.sounds_dir)
    assert (settings.sounds_dir / f"{rendering.sound}.ulaw").stat().st_size == size
    assert (settings.sounds_dir / f"{rendering.sound}.sln16").stat().st_size == 4 * size


def test_silence_at_both_ends_is_cut_to_what_a_voice_needs(
    speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    padded = ffmpeg("-i", speech_wav, "-af", "adelay=3000,apad=pad_dur=4", tmp_path / "padded.wav")
    bare = sound.render(sound.decode(speech_wav, settings), settings.sounds_dir)
    cut = sound.render(sound.decode(padded, settings), settings.sounds_dir)
    assert cut.length_ms <= bare.length_ms + 450
    heard = alaw(cut, settings.sounds_dir)
    loud = np.flatnonzero(np.abs(heard) > 0.02)
    assert 0.13 < loud[0] / 8000 < 0.30
    assert 0.25 < (len(heard) - loud[-1]) / 8000 < 0.45


def test_it_begins_and_ends_without_a_click(settings: Settings, ffmpeg: MakeSound, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "sine=f=800:d=5,volume='if(lt(mod(t,1),0.5),1,0.3)':eval=frame"]
    tone = ffmpeg(*source, "-ar", "44100", tmp_path / "tone.wav")
    heard = alaw(sound.render(sound.decode(tone, settings), settings.sounds_dir), settings.sounds_dir)
    assert np.abs(heard[:16]).max() < 0.05
    assert np.abs(heard[-16:]).max() < 0.05


def test_what_the_telephone_cannot_carry_is_not_folded_into_it(
    speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    """A whistle at 6 kHz becomes one at 2 kHz when 8,000 samples a second are taken without a filter."""
    whistle = "sine=f=6000:r=44100:d=5[w];[0]aresample=44100,volume=0.05,lowpass=f=500[s];[s][w]amix=normalize=0"
    mixed = ffmpeg(
        "-i", speech_wav, "-filter_complex", whistle, "-t", "5", "-c:a", "pcm_s24le", tmp_path / "whistle.wav"
    )
    heard = alaw(sound.render(sound.decode(mixed, settings), settings.sounds_dir), settings.sounds_dir)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    hz = np.fft.rfftfreq(len(heard), 1 / 8000)
    near = spectrum[(hz > 1990) & (hz < 2010)].max()
    around = np.median(spectrum[(hz > 1800) & (hz < 2200)])
    assert 20 * np.log10(near / around) < 20


def test_the_same_sound_has_the_same_name_and_is_written_once(recordings: dict[str, Path], settings: Settings) -> None:
    pcm = sound.decode(recordings["mp3"], settings)
    first = sound.render(pcm, settings.sounds_dir)
    written = {file: file.stat().st_mtime_ns for file in settings.sounds_dir.iterdir()}
    assert sound.render(pcm, settings.sounds_dir) == first
    assert {file: file.stat().st_mtime_ns for file in settings.sounds_dir.iterdir()} == written
    assert {file.suffix for file in written} == {".alaw", ".ulaw", ".sln16"}
    assert {file.stat().st_mode & 0o777 for file in written} == {0o644}
    content = (settings.sounds_dir / f"{first.sound}.alaw").read_bytes()
    assert hashlib.sha256(content).hexdigest()[:32] == first.sound


def test_silence_is_refused_and_leaves_nothing(settings: Settings, ffmpeg: MakeSound, tmp_path: Path) -> None:
    for source in ("anullsrc", "aevalsrc=0.5", "anoisesrc=a=0.0002"):
        silent = ffmpeg("-f", "lavfi", "-i", source, "-t", "5", "-c:a", "pcm_s16le", tmp_path / "silent.wav")
        pcm = sound.decode(silent, settings)
        with pytest.raises(AudioRefused, match=r"silent\.wav is silent: check the microphone"):
            sound.render(pcm, settings.sounds_dir, "silent.wav")
    assert not settings.sounds_dir.exists()


def test_a_damaged_rendering_is_found(recordings: dict[str, Path], settings: Settings) -> None:
    rendering = sound.render(sound.decode(recordings["wav"], settings), settings.sounds_dir)
    sound.verify(rendering.sound, settings.sounds_dir)
    file = settings.sounds_dir / f"{rendering.sound}.alaw"
    whole = file.read_bytes()
    file.write_bytes(b"\xd5" + whole[1:-1] + b"\x00")
    with pytest.raises(Permanent, match="is not what was recorded"):
        sound.verify(rendering.sound, settings.sounds_dir)
    file.write_bytes(whole)
    (settings.sounds_dir / f"{rendering.sound}.ulaw").unlink()
    with pytest.raises(Permanent, match=r"\.ulaw is missing or incomplete"):
        sound.verify(rendering.sound, settings.sounds_dir)
    with pytest.raises(NotFound, match="add its recording again"):
        sound.verify("0" * 32, settings.sounds_dir)


def test_a_file_that_cannot_be_written_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "kept.alaw").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Temporary, match="No space left on device"):
        sound.write_whole(tmp_path / "kept.alaw", b"new content")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"kept.alaw": b"old"}
