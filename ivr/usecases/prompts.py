"""What the neutral voice says around a message: who calls and how to stop, the privacy notice, the confirmation.

The words are data, in audio/texts/ and audio/jurisdictions/, so that those who answer for them can read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ivr.adapters import sound, speech
from ivr.errors import Refused
from ivr.rules.calling_back import LANGUAGES as CALLBACK_LANGUAGES
from ivr.rules.calling_back import Prompt as CallbackPrompt
from ivr.rules.calling_back import name_of
from ivr.rules.notice_checks import NO_MESSAGES, Spoken, judge
from ivr.rules.recording_checks import Finding, Severity
from ivr.rules.recording_words import line
from ivr.rules.records import Origin
from ivr.rules.spoken import spoken
from ivr.settings import HOME, Settings
from ivr.usecases.spoken_texts import Templates, Texts, checked, templates_of, variant_of

__all__ = ["Builtin", "Prompt", "Prompts", "Texts", "build_builtin", "builtin_notice", "builtin_preroll"]

LONGEST_CALLBACK_S = 20.0
LONGEST_S = {"preroll": 10.0, "notice": 20.0, "confirmation": 8.0}
"""Seconds, where the jurisdiction says nothing else."""
DISCLOSURE_S = 5.0
"""What the disclosure of an artificial voice may add to the pre-roll: the law asks for it before the voice is heard."""
DISCLOSED = {Origin.SYNTHETIC: "disclosure_synthetic", Origin.CLONED: "disclosure_cloned"}
"""Regulation (EU) 2024/1689, article 50(4): whoever uses a voice made by a machine says so at the first exposure."""
BUILTIN_NOTICE = "builtin-notice"
"""The name under which the dialplan plays the notice that needs no campaign."""
SAMPLE_PAUSE_MS = 250
SAMPLE_HZ = 44_100


@dataclass(frozen=True, slots=True)
class Prompt:
    """One spoken text and its rendering. text: as it was approved, before digits and addresses are put into words."""

    sound: str
    length_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Prompts:
    """The three prompts of a campaign."""

    preroll: Prompt
    notice: Prompt
    confirmation: Prompt


@dataclass(frozen=True, slots=True)
class Builtin:
    """What set-up makes: the notice that needs no campaign, and the sample message, a file to be added."""

    notice: Prompt
    sample: Path


def campaign_prompts(texts: Texts, language: str, settings: Settings, origin: Origin = Origin.HUMAN) -> Prompts:
    """The three prompts of a campaign are in the sounds folder.

    origin: of the message's voice; what a machine made is disclosed last in the pre-roll, before it is heard.

    Raises Refused naming the missing or unfit text, what the jurisdiction wants and the text does not say, or the
    prompt that is too long when spoken and by how much; SpeechUnavailable when the voice fails.
    """
    written = written_texts(texts, language, origin)
    templates = templates_of(language, texts.jurisdiction)
    made = Prompts(**{part: _prompt(part, text, templates, settings, origin) for part, text in written.items()})
    refused = [one for one in findings(made, texts, language, settings) if one.severity is Severity.REFUSES]
    if refused:
        raise Refused("; ".join(line(one, "en") for one in refused))
    return made


def written_texts(texts: Texts, language: str, origin: Origin = Origin.HUMAN) -> dict[str, str]:
    """What will be said, by part: "preroll", "notice", "confirmation"."""
    templates, variant = templates_of(language, texts.jurisdiction), variant_of(texts)
    given = checked(texts, templates, variant)
    preroll = templates.filled("preroll" + variant, given)
    if origin in DISCLOSED:
        preroll += f" {templates.filled(DISCLOSED[origin], given)}"
    notice, confirmation = templates.filled("notice" + variant, given), templates.filled("confirmation", given)
    return {"preroll": preroll, "notice": notice, "confirmation": confirmation}


def findings(
    made: Prompts, texts: Texts, language: str, settings: Settings, messages_lufs: Mapping[str, float] = NO_MESSAGES
) -> list[Finding]:
    """What is wrong with pre-roll and notice as they are heard, by the rules of the texts' jurisdiction.

    messages_lufs: loudness of each message that may follow, by name.
    """
    templates, variant = templates_of(language, texts.jurisdiction), variant_of(texts)
    given = checked(texts, templates, variant)
    found: list[Finding] = []
    for part in ("preroll", "notice"):
        prompt: Prompt = getattr(made, part)
        needs = templates.needs(part, variant, given, LONGEST_S[part])
        if part == "preroll" and prompt.text.endswith(_disclosures(templates)):
            needs = replace(needs, longest_s=needs.longest_s + DISCLOSURE_S)
        words = len(spoken(prompt.text, language, templates.say).split())
        loudness = sound.loudness_of(prompt.sound, settings.sounds_dir)
        heard = Spoken(part, prompt.text, words, prompt.length_ms, loudness)
        found += judge(heard, needs, messages_lufs)
    return found


def _disclosures(templates: Templates) -> tuple[str, ...]:
    return tuple(templates.texts[name] for name in DISCLOSED.values())


def builtin_preroll(settings: Settings, origin: Origin = Origin.HUMAN) -> Prompt:
    """A pre-roll that names nobody is in the sounds folder: what a preview without a campaign begins with."""
    templates = templates_of(settings.language)
    text = templates.filled("builtin_preroll", {})
    if origin in DISCLOSED:
        text += f" {templates.filled(DISCLOSED[origin], {})}"
    return _prompt("preroll", text, templates, _offline(settings), origin)


def builtin_notice(settings: Settings) -> Prompt:
    """The notice that names nobody is in the sounds folder, under its hash and as builtin-notice."""
    templates = templates_of(settings.language)
    prompt = _prompt("notice", templates.filled("builtin_notice", {}), templates, _offline(settings))
    sound.copy(prompt.sound, BUILTIN_NOTICE, settings.sounds_dir)
    return prompt


def callback_prompts(settings: Settings) -> None:
    """What the call-back line says itself is in the sounds folder, in French and in English."""
    for language in CALLBACK_LANGUAGES:
        templates = templates_of(language)
        for part in CallbackPrompt:
            prompt = _prompt(part, templates.filled(f"callback_{part}", {}), templates, _offline(settings))
            sound.copy(prompt.sound, name_of(part, language), settings.sounds_dir)


def sample_message(settings: Settings) -> Path:
    """A 20-second message of an invented candidate, in French, as a wav file of 44.1 kHz such as people send."""
    paragraphs = (HOME / "audio" / "sample" / "fr.txt").read_text(encoding="utf-8").strip().split("\n\n")
    say, offline = templates_of("fr").say, _offline(settings)
    files = [speech.synthesize(spoken(paragraph, "fr", say), "fr", offline) for paragraph in paragraphs]
    joined = sound.join([sound.decode_own(file, settings) for file in files], SAMPLE_PAUSE_MS)
    sample = settings.var_dir / "sample" / "fr.wav"
    sound.write_whole(sample, sound.wav(joined, SAMPLE_HZ))
    return sample


def build_builtin(settings: Settings) -> Builtin:
    """Everything spoken that needs no campaign is there; what is there already is left alone."""
    if any(trunk.callbacks for trunk in settings.trunks.values()):
        callback_prompts(settings)
    return Builtin(builtin_notice(settings), sample_message(settings))


def _offline(settings: Settings) -> Settings:
    """What names nobody needs no studio: where recordings are wanted, the offline voice says it all the same."""
    if settings.speech.engine != "recorded":
        return settings
    return settings.model_copy(update={"speech": settings.speech.model_copy(update={"engine": "pico"})})


def said(text: str, templates: Templates) -> str:
    """The text as the voice is given it."""
    return spoken(text, templates.language, templates.say)


def _prompt(part: str, text: str, templates: Templates, settings: Settings, origin: Origin = Origin.HUMAN) -> Prompt:
    """The text is rendered, and short enough."""
    pcm = sound.decode_own(speech.synthesize(said(text, templates), templates.language, settings), settings)
    rendering = sound.render(pcm, settings.sounds_dir, f"the {part}")
    longest_s = templates.longest_s(part, LONGEST_S.get(part, LONGEST_CALLBACK_S))
    if part == "preroll" and origin in DISCLOSED:
        longest_s += DISCLOSURE_S
    if rendering.length_ms > 1000 * longest_s:
        length_s = rendering.length_ms / 1000
        raise Refused(f"the {part} lasts {length_s:.1f} s when spoken, {longest_s:g} s are allowed: shorten its texts")
    return Prompt(rendering.sound, rendering.length_ms, text)
