from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.errors import AudioRefused, NotFound, Permanent, Temporary
from ivr.settings import Message, Settings
from ivr.usecases import messages

MakeSound = Callable[..., Path]


def everything_under(settings: Settings) -> list[Path]:
    return [path for path in settings.var_dir.rglob("*") if path.is_file()]


def test_a_recording_is_rendered_and_its_original_kept(recordings: dict[str, Path], settings: Settings) -> None:
    recording = messages.prepare(recordings["m4a"], settings)
    original = recordings["m4a"].read_bytes()
    assert recording.original_name == "recording.m4a"
    assert recording.original_sha256 == hashlib.sha256(original).hexdigest()
    kept = settings.originals_dir / recording.original_sha256
    assert kept.read_bytes() == original
    assert kept.stat().st_mode & 0o077 == 0
    assert 6_000 < recording.length_ms < 12_000
    messages.verify(recording.sound, settings)
    assert len(everything_under(settings)) == 4


def test_the_same_recording_twice_changes_nothing(recordings: dict[str, Path], settings: Settings) -> None:
    first = messages.prepare(recordings["ogg"], settings)
    before = everything_under(settings)
    assert messages.prepare(recordings["ogg"], settings) == first
    assert everything_under(settings) == before


def refused(file: Path, settings: Settings) -> str:
    with pytest.raises((AudioRefused, NotFound)) as raised:
        messages.prepare(file, settings)
    assert "\n" not in str(raised.value)
    assert everything_under(settings) == []
    return str(raised.value)


def test_a_text_an_empty_file_a_folder_a_pipe_and_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("Bonjour\n" * 100)
    (tmp_path / "empty.wav").touch()
    os.mkfifo(tmp_path / "pipe.wav")
    assert "text.mp3 is text" in refused(tmp_path / "text.mp3", settings)
    assert "empty.wav is empty" in refused(tmp_path / "empty.wav", settings)
    assert "pipe.wav is not a file" in refused(tmp_path / "pipe.wav", settings)
    assert "is not a file" in refused(tmp_path, settings)
    assert "no such file: nowhere.mp3" in refused(tmp_path / "nowhere.mp3", settings)


def test_too_short_too_long_too_large(recordings: dict[str, Path], settings: Settings) -> None:
    def with_limits(**limits: float) -> Settings:
        return settings.model_copy(update={"message": Message.model_validate(limits)})

    assert "the shortest message has 60 s: record a longer one" in refused(recordings["mp3"], with_limits(min_s=60))
    assert "lasts more than 4 s, the longest message: shorten it" in refused(recordings["mp3"], with_limits(max_s=4))
    assert "is larger than 0.01 MB" in refused(recordings["mp3"], with_limits(max_bytes=10_000))


def test_speech_lost_in_silence_is_too_short(
    speech_wav: Path, settings: Settings, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    word = ffmpeg("-t", "1", "-i", speech_wav, "-af", "adelay=4000,apad=pad_dur=6", tmp_path / "word.wav")
    assert "of sound, the shortest message has 3 s" in refused(word, settings)


def test_a_silent_recording(settings: Settings, ffmpeg: MakeSound, tmp_path: Path) -> None:
    silent = ffmpeg("-f", "lavfi", "-i", "anullsrc", "-t", "8", tmp_path / "silent.mp3")
    assert "silent.mp3 is silent" in refused(silent, settings)


def test_a_name_that_would_disturb_a_terminal_is_shown_harmlessly(settings: Settings, tmp_path: Path) -> None:
    odd = tmp_path / "a\x1b[31m\nb.mp3"
    odd.write_text("text " * 100)
    assert refused(odd, settings).startswith("a?[31m?b.mp3 is text")


def test_a_folder_that_cannot_be_made(recordings: dict[str, Path], settings: Settings) -> None:
    settings.var_dir.parent.mkdir(parents=True)
    settings.var_dir.write_text("in the way")
    with pytest.raises(Temporary, match=r"cannot be written .*: free some space or check"):
        messages.prepare(recordings["mp3"], settings)


def test_a_disk_that_fills_leaves_nothing(
    recordings: dict[str, Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Temporary, match="No space left on device"):
        messages.prepare(recordings["mp3"], settings)
    assert everything_under(settings) == []


def test_a_rendering_that_was_changed_is_found(recordings: dict[str, Path], settings: Settings) -> None:
    recording = messages.prepare(recordings["wav"], settings)
    file = settings.sounds_dir / f"{recording.sound}.alaw"
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(Permanent, match="is not what was recorded"):
        messages.verify(recording.sound, settings)
