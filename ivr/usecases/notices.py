"""Pre-roll, notice and confirmation made and measured before a campaign, or those of a campaign measured again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ivr.adapters import sound, speech
from ivr.adapters.store import Store
from ivr.errors import Refused
from ivr.rules.notice_checks import NO_MESSAGES
from ivr.rules.recording_checks import Finding, sorted_findings
from ivr.rules.records import Campaign, Origin
from ivr.settings import Settings
from ivr.usecases.prompts import Prompt, Prompts, campaign_prompts, findings, said, written_texts
from ivr.usecases.spoken_texts import Texts, templates_of

PARTS = ("preroll", "notice", "confirmation")


@dataclass(frozen=True, slots=True)
class Measured:
    """The prompts and what is wrong with them. words_per_minute, loudness_lufs: by part."""

    prompts: Prompts
    words_per_minute: dict[str, float]
    loudness_lufs: dict[str, float]
    findings: tuple[Finding, ...]


def build(texts: Texts, language: str, settings: Settings, origin: Origin, recordings: Mapping[str, Path]) -> Measured:
    """The prompts are in the sounds folder and measured. recordings: studio recordings, by the part they say.

    A recording stands for exactly the words of its part: a campaign with other words does not use it.
    """
    written, templates = written_texts(texts, language, origin), templates_of(language, texts.jurisdiction)
    for part, file in recordings.items():
        if part not in PARTS:
            raise Refused(f"there is no part {part!r} to be recorded: choose one of {', '.join(PARTS)}")
        speech.keep_recording(file, said(written[part], templates), language, settings)
    return _measured(campaign_prompts(texts, language, settings, origin), texts, language, settings, NO_MESSAGES)


def check(store: Store, settings: Settings, campaign_name: str) -> Measured:
    """What is wrong with a campaign's pre-roll and notice, their loudness against each version of its message too."""
    campaign = store.campaigns.named(campaign_name)
    versions = store.messages.of_campaign(campaign.id)
    lufs = {one.name: sound.loudness_of(one.sound, settings.sounds_dir) for one in versions}
    return _measured(_prompts(campaign), _texts(campaign), campaign.language, settings, lufs)


def write_wav(prompt: Prompt, file: Path, settings: Settings) -> None:
    """The file holds what Asterisk plays for that prompt, for a browser to play."""
    sound.write_whole(file, sound.as_played([prompt.sound], settings.sounds_dir, 1).wav)


def _prompts(campaign: Campaign) -> Prompts:
    parts = {part: getattr(campaign, part) for part in PARTS}
    texts = {part: str(campaign.texts.get(part, "")) for part in PARTS}
    return Prompts(**{part: Prompt(one.sound, one.length_ms, texts[part]) for part, one in parts.items()})


def _texts(campaign: Campaign) -> Texts:
    known = {one.name for one in fields(Texts)}
    return Texts(**{name: value for name, value in campaign.texts.items() if name in known})


def _measured(
    made: Prompts, texts: Texts, language: str, settings: Settings, messages_lufs: Mapping[str, float]
) -> Measured:
    templates = templates_of(language, texts.jurisdiction)
    pace, loudness = {}, {}
    for part in PARTS:
        prompt: Prompt = getattr(made, part)
        pace[part] = round(60_000 * len(said(prompt.text, templates).split()) / prompt.length_ms, 1)
        loudness[part] = round(sound.loudness_of(prompt.sound, settings.sounds_dir), 1)
    return Measured(made, pace, loudness, sorted_findings(findings(made, texts, language, settings, messages_lufs)))
