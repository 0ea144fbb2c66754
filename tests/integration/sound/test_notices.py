"""Pre-roll and notice as they are spoken, by the offline voice and by a studio recording."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.adapters import pico, sound, speech
from ivr.adapters.store import Store
from ivr.adapters.store.contacts import FileOrigin
from ivr.doors.cli import cli
from ivr.errors import AudioRefused, Refused
from ivr.rules.records import Origin
from ivr.settings import Settings
from ivr.usecases import notices, prompts, uploading
from ivr.usecases.prompts import Texts

MakeSound = Callable[..., Path]
TEXTS = Texts("Jeanne Martin", "candidate à Villeneuve", "l'association Martin", "votre formulaire", "martin.example")
ARGUMENTS = (
    "--sponsor", TEXTS.sponsor, "--role", TEXTS.role, "--controller", TEXTS.controller,
    "--source", TEXTS.source, "--website", TEXTS.website,
)  # fmt: skip


def test_what_the_offline_voice_says_is_in_order_and_can_be_followed(settings: Settings) -> None:
    states = Texts("Jane Martin", "", "Martin for President", "", "", contact="555-010-0123", jurisdiction="us")
    for texts, language in ((TEXTS, "fr"), (states, "en")):
        made = notices.build(texts, language, settings, Origin.HUMAN, {})
        assert made.findings == ()
        assert all(90 < pace < 175 for pace in made.words_per_minute.values())
        assert all(lufs == pytest.approx(-22.5, abs=0.5) for lufs in made.loudness_lufs.values())


def test_a_studio_recording_says_exactly_its_words(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "studio.wav"
    file.write_bytes(pico.speak(prompts.written_texts(TEXTS, "fr")["preroll"].replace("9", "neuf"), "en-GB"))
    plain = notices.build(TEXTS, "fr", settings, Origin.HUMAN, {}).prompts
    made = notices.build(TEXTS, "fr", settings, Origin.HUMAN, {"preroll": file}).prompts
    assert made.preroll.sound != plain.preroll.sound
    assert (made.preroll.text, made.notice) == (plain.preroll.text, plain.notice)
    assert prompts.campaign_prompts(TEXTS, "fr", settings).preroll == made.preroll
    other = dataclasses.replace(TEXTS, role="candidate à Paris")
    assert prompts.campaign_prompts(other, "fr", settings).notice == plain.notice
    studio_only = settings.model_copy(update={"speech": settings.speech.model_copy(update={"engine": "recorded"})})
    assert speech.synthesize("Bonjour.", "fr", settings).is_file()
    with pytest.raises(Refused, match="no studio recording says «Publicité"):
        prompts.campaign_prompts(TEXTS, "fr", studio_only)
    assert prompts.builtin_notice(studio_only).length_ms > 8_000


def test_a_recording_that_is_none_is_refused_and_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("Bonjour\n" * 100)
    with pytest.raises(AudioRefused, match="is text"):
        notices.build(TEXTS, "fr", settings, Origin.HUMAN, {"notice": tmp_path / "text.wav"})
    with pytest.raises(Refused, match="no part 'other'"):
        notices.build(TEXTS, "fr", settings, Origin.HUMAN, {"other": tmp_path / "text.wav"})
    assert not (settings.var_dir / "speech" / "recorded").exists()


def test_a_recording_too_long_for_its_part_is_refused(
    settings: Settings, speech_wav: Path, ffmpeg: MakeSound, tmp_path: Path
) -> None:
    long = ffmpeg("-stream_loop", "2", "-i", speech_wav, tmp_path / "long.wav")
    with pytest.raises(Refused, match=r"the preroll lasts 2\d\.\d s when spoken, 10 s are allowed"):
        notices.build(TEXTS, "fr", settings, Origin.HUMAN, {"preroll": long})


def test_the_commands(
    settings: Settings, recordings: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.home.mkdir(parents=True)
    monkeypatch.chdir(settings.home)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, list(arguments))
        return done.exit_code, done.output

    code, out = run("notice", "build", *ARGUMENTS, "--output", str(tmp_path / "out"))
    assert (code, "words a minute" in out) == (0, True)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"preroll.wav", "notice.wav", "confirmation.wav"}
    _campaign(settings, recordings["mp3"])
    code, out = run("notice", "check", "spring", "--json")
    told = json.loads(out)
    assert (code, told["refused"], told["findings"]) == (0, False, [])
    assert set(told["parts"]) == {"preroll", "notice", "confirmation"}


def _campaign(settings: Settings, file: Path) -> None:
    store = Store(settings)
    store.migrate()
    message = uploading.add(store, settings, file, "hello")
    made = prompts.campaign_prompts(TEXTS, "fr", settings)
    parts = {part: getattr(made, part) for part in notices.PARTS}
    origin = FileOrigin("list", "list.csv", "0" * 64)
    values = {
        "name": "spring", "message_id": message.id, "language": "fr", "trunks": ["lab"], "rate_cps": 1.0,
        "hours": "00:00-24:00", "timezone": "Europe/Paris", "created_at_ms": 1,
        "batch_id": store.contacts.import_batch(origin, iter([("+33639980001", "mobile")]), lambda: 0, 1).id,
        "texts": dataclasses.asdict(TEXTS) | {part: one.text for part, one in parts.items()},
    }  # fmt: skip
    values |= {part: one.sound for part, one in parts.items()} | {
        f"{part}_ms": one.length_ms for part, one in parts.items()
    }
    store.campaigns.create(values, TEXTS.sponsor)
    assert sound.loudness_of(message.sound, settings.sounds_dir) == pytest.approx(-22.5, abs=0.5)
    store.close()
