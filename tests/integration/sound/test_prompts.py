from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from ivr.adapters import pico, sound
from ivr.errors import Refused
from ivr.rules.records import Origin
from ivr.settings import HOME, Message, Settings
from ivr.usecases import messages, prompts

FRENCH = prompts.Texts(
    sponsor="Jeanne Martin",
    role="candidate à l'élection présidentielle",
    controller="l'association Martin 2027",
    source="formulaire du 3 mars 2026, avec votre accord",
    website="martin2027.fr",
)
ENGLISH = prompts.Texts(
    sponsor="Jane Martin",
    role="candidate for president",
    controller="the Martin Association",
    source="your form of 3 March 2026, with your consent",
    website="martin.eu",
)
LONG_SOURCE = "le formulaire rempli au marché de Villeneuve, confirmé par écrit puis par téléphone le 3 mars 2026"


@pytest.mark.parametrize(("texts", "language"), [(FRENCH, "fr"), (ENGLISH, "en")])
def test_the_prompts_of_a_campaign(texts: prompts.Texts, language: str, settings: Settings) -> None:
    made = prompts.campaign_prompts(texts, language, settings)
    assert 6_000 < made.preroll.length_ms <= 10_000
    assert 14_000 < made.notice.length_ms <= 20_000
    assert 3_000 < made.confirmation.length_ms < 6_000
    for prompt in (made.preroll, made.notice, made.confirmation):
        sound.verify(prompt.sound, settings.sounds_dir)
        assert prompt.length_ms == sound.length_ms(prompt.sound, settings.sounds_dir)
        assert "{" not in prompt.text
    assert texts.sponsor in made.preroll.text
    assert "9" in made.preroll.text
    assert all(text in made.notice.text for text in (texts.controller, texts.source, texts.website, "9"))
    assert texts.sponsor in made.confirmation.text


@pytest.mark.parametrize(("texts", "language", "word"), [(FRENCH, "fr", "politique"), (ENGLISH, "en", "olitical")])
def test_an_institution_is_not_announced_as_political(
    texts: prompts.Texts, language: str, word: str, settings: Settings
) -> None:
    hall = dataclasses.replace(
        texts, sponsor="la mairie de Villeneuve", role="service des écoles", kind="institutional"
    )
    made = prompts.campaign_prompts(hall, language, settings)
    assert word in prompts.campaign_prompts(texts, language, settings).preroll.text
    assert word not in made.preroll.text + made.notice.text
    assert "9" in made.preroll.text
    assert all(text in made.notice.text for text in (texts.controller, texts.source, texts.website, "9"))
    with pytest.raises(Refused, match="kind is 'other'"):
        prompts.campaign_prompts(dataclasses.replace(texts, kind="other"), language, settings)


@pytest.mark.parametrize(
    ("texts", "language", "words"),
    [(FRENCH, "fr", "par intelligence artificielle"), (ENGLISH, "en", "by artificial intelligence")],
)
@pytest.mark.parametrize("origin", [Origin.SYNTHETIC, Origin.CLONED])
def test_an_artificial_voice_is_disclosed_before_it_is_heard(
    origin: Origin, texts: prompts.Texts, language: str, words: str, settings: Settings
) -> None:
    for human in (Origin.HUMAN, Origin.EDITED):
        assert words not in prompts.campaign_prompts(texts, language, settings, human).preroll.text
    for kind in ("political", "institutional"):
        made = prompts.campaign_prompts(dataclasses.replace(texts, kind=kind), language, settings, origin)
        assert made.preroll.text.endswith(f"{words}.")
        assert "9" in made.preroll.text
        assert made.preroll.length_ms <= 15_000


def test_the_same_texts_give_the_same_sounds_even_without_what_was_kept(settings: Settings, tmp_path: Path) -> None:
    elsewhere = Settings(home=tmp_path / "elsewhere")
    assert prompts.campaign_prompts(FRENCH, "fr", settings) == prompts.campaign_prompts(FRENCH, "fr", elsewhere)


def test_limits_set_for_recordings_do_not_hold_for_the_voice(settings: Settings) -> None:
    narrow = settings.model_copy(update={"message": Message(max_s=4, max_bytes=1000)})
    assert prompts.campaign_prompts(FRENCH, "fr", narrow).notice.length_ms > 14_000


@pytest.mark.parametrize("field", ["sponsor", "role", "controller", "source", "website"])
def test_a_missing_text_is_named(field: str, settings: Settings) -> None:
    with pytest.raises(Refused, match=rf"the spoken texts need {field}: give"):
        prompts.campaign_prompts(dataclasses.replace(FRENCH, **{field: " . "}), "fr", settings)
    assert not settings.sounds_dir.exists()


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("role", "candidate " * 13, "role has 129 characters, at most 120"),
        ("sponsor", "Jeanne\nMartin", "sponsor has characters that cannot be spoken"),
        ("source", '<volume level="0">', "source has characters that cannot be spoken"),
        ("controller", "{website}", "controller has characters that cannot be spoken"),
        ("role", "candidate " * 11, r"the preroll lasts 1\d\.\d s when spoken, 10 s are allowed"),
        ("source", LONG_SOURCE, r"the notice lasts 2\d\.\d s when spoken, 20 s are allowed"),
    ],
)
def test_an_unfit_text_is_refused(field: str, text: str, why: str, settings: Settings) -> None:
    with pytest.raises(Refused, match=why):
        prompts.campaign_prompts(dataclasses.replace(FRENCH, **{field: text}), "fr", settings)


@pytest.mark.parametrize("language", ["de", "../x", ""])
def test_a_language_without_texts_is_refused(language: str, settings: Settings) -> None:
    with pytest.raises(Refused, match="there are no spoken texts in"):
        prompts.campaign_prompts(FRENCH, language, settings)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_set_up_builds(language: str, settings: Settings) -> None:
    chosen = settings.model_copy(update={"language": language})
    built = prompts.build_builtin(chosen)
    assert 8_000 < built.notice.length_ms <= 20_000
    for extension in ("alaw", "ulaw", "sln16"):
        fixed = chosen.sounds_dir / f"builtin-notice.{extension}"
        assert fixed.read_bytes() == (chosen.sounds_dir / f"{built.notice.sound}.{extension}").read_bytes()
    before = {path: path.stat().st_mtime_ns for path in chosen.var_dir.rglob("*") if path.is_file()}
    assert prompts.build_builtin(chosen) == built
    assert {path: path.stat().st_mtime_ns for path in chosen.var_dir.rglob("*") if path.is_file()} == before


def test_the_sample_is_a_message_of_20_seconds(settings: Settings) -> None:
    sample = prompts.sample_message(settings)
    assert sound.decode(sample, settings).rate_hz == 44_100
    assert messages.prepare(sample, settings).length_ms == pytest.approx(20_000, abs=1_000)


def test_the_voice_is_the_same_each_time() -> None:
    text = "Publicité payée par l'association, responsable de vos données."
    assert len({pico.speak(text, "fr-FR") for _ in range(3)}) == 1


def test_each_source_is_listed_with_its_licence() -> None:
    folder = HOME / "audio"
    listed = tomllib.loads((folder / "manifest.toml").read_text())["source"]
    there = {str(path.relative_to(folder)) for path in folder.rglob("*.t*") if path.name != "manifest.toml"}
    assert {source["path"] for source in listed} == there
    assert all(source["licence"] and source["author"] for source in listed)
