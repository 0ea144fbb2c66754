"""The preview is what Asterisk plays, to the sample; its picture is told in words too, and holds no foreign markup."""

from __future__ import annotations

import io
import wave
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ivr.adapters.sound import g711
from ivr.adapters.store import Store
from ivr.adapters.store.contacts import FileOrigin
from ivr.doors.cli import cli
from ivr.doors.preview import page, svg
from ivr.errors import Permanent, Refused
from ivr.rules.records import Origin
from ivr.rules.segments import Segment
from ivr.settings import Settings
from ivr.usecases import previewing, prompts, uploading
from ivr.usecases.uploading import Said

MakeSound = Callable[..., Path]
NAME = "<script>alert(1)</script> & co"


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    settings.var_dir.mkdir(parents=True)
    opened = Store(settings)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def late_pause(speech_wav: Path, ffmpeg: MakeSound, tmp_path: Path) -> Path:
    """Two seconds of silence, nine of speech, five of silence, nine of speech."""
    twice = "[0:a]asplit[a][b];[a]adelay=2000,apad=pad_dur=5[c];[c][b]concat=n=2:v=0:a=1"
    return ffmpeg("-i", speech_wav, "-filter_complex", twice, "-ar", "44100", tmp_path / "pause.wav")


def test_it_is_what_asterisk_plays(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    message = uploading.add(store, settings, recordings["mp3"], "hello")
    made = previewing.preview(store, settings, "hello")
    before, after = prompts.builtin_preroll(settings), prompts.builtin_notice(settings)
    sounds = (before.sound, message.sound, after.sound)
    coded = b"".join((settings.sounds_dir / f"{sound}.alaw").read_bytes() for sound in sounds)
    with wave.open(io.BytesIO(made.wav)) as opened:
        assert (opened.getframerate(), opened.getnchannels(), opened.getsampwidth()) == (8000, 1, 2)
        heard = np.frombuffer(opened.readframes(opened.getnframes()), "<i2")
    assert (heard == g711.from_alaw(np.frombuffer(coded, np.uint8))).all()
    assert [one.segment for one in made.stretches] == [Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE]
    assert [one.end_ms - one.begin_ms for one in made.stretches] == [
        before.length_ms,
        message.length_ms,
        after.length_ms,
    ]
    assert made.length_ms * 8 == len(heard)


def test_a_finding_is_marked_where_it_is_heard(late_pause: Path, store: Store, settings: Settings) -> None:
    message = uploading.add(store, settings, late_pause, "late")
    assert [one["name"] for one in message.findings] == ["long_pause"]
    made = previewing.preview(store, settings, "late")
    (mark,) = made.marks
    assert mark.at_ms is not None
    heard_s = (mark.at_ms - made.stretches[1].begin_ms) / 1000
    told_s = message.findings[0]["at_s"]
    assert told_s - heard_s == pytest.approx(2 - 0.15, abs=0.15)
    with wave.open(io.BytesIO(made.wav)) as opened:
        opened.setpos(mark.at_ms * 8 + 4000)
        quiet = np.frombuffer(opened.readframes(8000), "<i2")
    assert np.abs(quiet).max() < 100


def test_an_artificial_voice_is_announced(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    uploading.add(store, settings, recordings["mp3"], "machine", Said(Origin.SYNTHETIC))
    assert previewing.preview(store, settings, "machine").stretches[0].text.endswith("intelligence artificielle.")


def test_a_rendering_that_was_changed_is_not_previewed(
    recordings: dict[str, Path], store: Store, settings: Settings
) -> None:
    message = uploading.add(store, settings, recordings["mp3"], "hello")
    file = settings.sounds_dir / f"{message.sound}.alaw"
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(Permanent, match="is not what was recorded"):
        previewing.preview(store, settings, "hello")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_picture(language: str, late_pause: Path, store: Store, settings: Settings) -> None:
    uploading.add(store, settings, late_pause, NAME)
    made = previewing.preview(store, settings, NAME)
    picture = svg(made, language)
    assert "<script" not in picture
    root = ET.fromstring(picture)  # noqa: S314 - our own
    space = {"s": "http://www.w3.org/2000/svg"}
    title, told = root.find("s:title", space), root.find("s:desc", space)
    assert title is not None
    assert NAME in (title.text or "")
    assert told is not None
    for words in {
        "fr": ("annonce de 0:00", "mention légale", "un silence"),
        "en": ("pre-roll from 0:00", "notice", "a silence"),
    }[language]:
        assert words in (told.text or "")
    assert len(root.findall("s:rect", space)) == 4
    assert len(root.findall("s:line[@stroke-width='1']", space)) == 2
    assert len(root.findall("s:g/s:circle", space)) == 1
    for forbidden in ("http:", "https:", "url("):
        assert forbidden not in picture.replace("http://www.w3.org/2000/svg", "")
    html = page(made, language, "preview.wav")
    assert "<script" not in html
    assert '<audio controls src="preview.wav">' in html


def test_the_command(
    recordings: dict[str, Path], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.home.mkdir(parents=True)
    monkeypatch.chdir(settings.home)
    assert CliRunner().invoke(cli, ["message", "add", str(recordings["mp3"]), "--name", "hello"]).exit_code == 0
    done = CliRunner().invoke(cli, ["message", "preview", "hello", "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"preview.wav", "preview.html", "waveform.svg"}


def test_another_campaigns_message(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    hello = uploading.add(store, settings, recordings["mp3"], "hello")
    uploading.add(store, settings, recordings["wav"], "other")
    spoken = {part: hello.sound for part in ("preroll", "notice", "confirmation")}
    values = {
        "name": "spring", "message_id": hello.id, "language": "fr", "trunks": ["lab"], "rate_cps": 1.0,
        "hours": "00:00-24:00", "timezone": "Europe/Paris", "texts": {"preroll": "Bonjour <b>"}, "created_at_ms": 1,
        "batch_id": store.contacts.import_batch(_origin(), iter([("+33639980001", "mobile")]), lambda: 0, 1).id,
    }  # fmt: skip
    store.campaigns.create(values | spoken | {f"{part}_ms": hello.length_ms for part in spoken}, "Jeanne Martin")
    made = previewing.preview(store, settings, "hello", "spring")
    assert made.stretches[0].text == "Bonjour <b>"
    assert "Bonjour &lt;b&gt;" in page(made, "fr", "preview.wav")
    with pytest.raises(Refused, match="plays another message than 'other'"):
        previewing.preview(store, settings, "other", "spring")


def _origin() -> FileOrigin:
    return FileOrigin("list", "list.csv", "0" * 64)
