"""What the neutral voice says around a message: who calls and how to stop, the privacy notice, the confirmation.

The words are data, in audio/texts/, so that those who answer for them can read them.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ivr.adapters import sound, speech
from ivr.errors import Refused, SetUpFailed
from ivr.rules.records import Origin
from ivr.rules.spoken import spoken
from ivr.settings import HOME, Settings

LONGEST_PREROLL_MS = 10_000
LONGEST_NOTICE_MS = 20_000
DISCLOSURE_MS = 5_000
"""What the disclosure of an artificial voice may add to the pre-roll: the law asks for it before the voice is heard."""
DISCLOSED = {Origin.SYNTHETIC: "disclosure_synthetic", Origin.CLONED: "disclosure_cloned"}
"""Regulation (EU) 2024/1689, article 50(4): whoever uses a voice made by a machine says so at the first exposure."""
LONGEST_CONFIRMATION_MS = 8_000
LONGEST_FIELD = 120
BUILTIN_NOTICE = "builtin-notice"
"""The name under which the dialplan plays the notice that needs no campaign."""
SAMPLE_PAUSE_MS = 250
_VARIANTS = {"political": "", "institutional": "_institutional"}
"""Endings of the names of the texts, by kind of campaign."""
SAMPLE_HZ = 44_100


@dataclass(frozen=True, slots=True)
class Texts:
    """What a campaign fills into the spoken texts; each is needed, on one line, 120 characters at most.

    sponsor: who calls. role: what for ("candidate à l'élection présidentielle"). controller: who pays and answers for
    the data. source: where the numbers came from, in words that follow "Your number:". website: where the
    full notice is. kind: "political" or "institutional"; a town hall's message is not announced as political.
    """

    sponsor: str
    role: str
    controller: str
    source: str
    website: str
    kind: str = "political"


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

    Raises Refused naming the missing or unfit text, or the prompt that is too long when spoken and by how much;
    SpeechUnavailable when the voice fails.
    """
    filled = _checked(texts)
    templates = _templates(language)
    variant = _VARIANTS.get(texts.kind)
    if variant is None:
        raise Refused(f"kind is {texts.kind!r}: choose {' or '.join(_VARIANTS)}")
    return Prompts(
        preroll=_preroll(variant, templates, filled, origin, settings),
        notice=_prompt("notice" + variant, templates, filled, LONGEST_NOTICE_MS, settings),
        confirmation=_prompt("confirmation", templates, filled, LONGEST_CONFIRMATION_MS, settings),
    )


def _preroll(variant: str, templates: _Templates, filled: dict[str, str], origin: Origin, settings: Settings) -> Prompt:
    if origin not in DISCLOSED:
        return _prompt("preroll" + variant, templates, filled, LONGEST_PREROLL_MS, settings)
    texts = templates.texts
    disclosing = replace(
        templates, texts=texts | {"preroll": f"{texts['preroll' + variant]} {texts[DISCLOSED[origin]]}"}
    )
    return _prompt("preroll", disclosing, filled, LONGEST_PREROLL_MS + DISCLOSURE_MS, settings)


def builtin_preroll(settings: Settings, origin: Origin = Origin.HUMAN) -> Prompt:
    """A pre-roll that names nobody is in the sounds folder: what a preview without a campaign begins with."""
    templates = _templates(settings.language)
    named = replace(templates, texts=templates.texts | {"preroll": templates.texts["builtin_preroll"]})
    return _preroll("", named, {}, origin, settings)


def builtin_notice(settings: Settings) -> Prompt:
    """The notice that names nobody is in the sounds folder, under its hash and as builtin-notice."""
    prompt = _prompt("builtin_notice", _templates(settings.language), {}, LONGEST_NOTICE_MS, settings)
    sound.copy(prompt.sound, BUILTIN_NOTICE, settings.sounds_dir)
    return prompt


def sample_message(settings: Settings) -> Path:
    """A 20-second message of an invented candidate, in French, as a wav file of 44.1 kHz such as people send."""
    paragraphs = (HOME / "audio" / "sample" / "fr.txt").read_text(encoding="utf-8").strip().split("\n\n")
    say = _templates("fr").say
    files = [speech.synthesize(spoken(paragraph, "fr", say), "fr", settings) for paragraph in paragraphs]
    joined = sound.join([sound.decode_own(file, settings) for file in files], SAMPLE_PAUSE_MS)
    sample = settings.var_dir / "sample" / "fr.wav"
    sound.write_whole(sample, sound.wav(joined, SAMPLE_HZ))
    return sample


def build_builtin(settings: Settings) -> Builtin:
    """Everything spoken that needs no campaign is there; what is there already is left alone."""
    return Builtin(builtin_notice(settings), sample_message(settings))


@dataclass(frozen=True, slots=True)
class _Templates:
    language: str
    file: Path
    texts: dict[str, str]
    say: dict[str, str]


def _templates(language: str) -> _Templates:
    """The spoken texts of a language. Raises Refused when there are none, SetUpFailed when their file is not valid."""
    file = HOME / "audio" / "texts" / f"{language}.toml"
    if not re.fullmatch(r"[a-z]{2}", language) or not file.is_file():
        raise Refused(
            f"there are no spoken texts in {language!r}: choose fr or en, or write {file.parent}/<language>.toml"
        )
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetUpFailed(f"{file} is not valid TOML: {error}") from None
    texts = {name: " ".join(text.split()) for name, text in content.items() if isinstance(text, str)}
    return _Templates(language, file, texts, dict(content.get("say", {})))


def _checked(texts: Texts) -> dict[str, str]:
    """The texts by name, each a line that can be spoken."""
    spoken_fields = [field.name for field in fields(texts) if field.name != "kind"]
    filled = {name: str(getattr(texts, name) or "").strip() for name in spoken_fields}
    missing = [name for name, text in filled.items() if not re.search(r"\w", text)]
    if missing:
        raise Refused(f"the spoken texts need {', '.join(missing)}: give each of them to the campaign")
    for name, text in filled.items():
        if len(text) > LONGEST_FIELD:
            raise Refused(f"{name} has {len(text)} characters, at most {LONGEST_FIELD} are spoken: shorten it")
        if not text.isprintable() or re.search(r"[<>{}\\|]", text):
            raise Refused(f"{name} has characters that cannot be spoken: write it in letters, digits and punctuation")
    return filled


def _prompt(name: str, templates: _Templates, filled: dict[str, str], longest_ms: int, settings: Settings) -> Prompt:
    """The text called `name` is rendered, and short enough."""
    text = _filled(name, templates, filled)
    said = spoken(text, templates.language, templates.say)
    pcm = sound.decode_own(speech.synthesize(said, templates.language, settings), settings)
    rendering = sound.render(pcm, settings.sounds_dir, f"the {name}")
    if rendering.length_ms > longest_ms:
        length_s = rendering.length_ms / 1000
        raise Refused(
            f"the {name} lasts {length_s:.1f} s when spoken, {longest_ms / 1000:g} s are allowed: shorten its texts"
        )
    return Prompt(rendering.sound, rendering.length_ms, text)


def _filled(name: str, templates: _Templates, filled: dict[str, str]) -> str:
    """The template with each {word} replaced, once: what is filled in is never read as a template."""
    try:
        return re.sub(r"\{(\w+)\}", lambda found: filled[found[1]], templates.texts[name])
    except KeyError as error:
        raise SetUpFailed(
            f"{templates.file} has no valid text {name!r} ({error} is missing or unknown): correct it"
        ) from None
