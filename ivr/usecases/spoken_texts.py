"""The words around a message, read from audio/texts (by language) and audio/jurisdictions (what a country wants)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ivr.errors import Refused, SetUpFailed
from ivr.rules.notice_checks import Needs
from ivr.settings import HOME

LONGEST_FIELD = 120
OPTIONS = {"contact": "reach"}
"""By which option a field is given, where it has another name: `--contact` would be read as one of the contacts."""
CHOICES = ("kind", "jurisdiction")
"""What is said of a campaign's texts, and is not spoken itself."""
VARIANTS = {"political": "", "institutional": "_institutional"}
"""Endings of the names of the texts, by kind of campaign."""
BY_LANGUAGE = {"fr": "fr", "en": "eu"}
"""The jurisdiction of a campaign that names none."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What a campaign fills into the spoken texts, each on one line, 120 characters at most; those they use are needed.

    sponsor: who calls. role: what for ("candidate à l'élection présidentielle"). controller: who pays and answers for
    the data. source: where the numbers came from, in words that follow "Your number:". website: where the
    full notice is. contact: a number or an address, where a country wants one. kind: "political" or "institutional"; a
    town hall's message is not announced as political. jurisdiction: whose rules hold, "" for those of the language.
    """

    sponsor: str
    role: str
    controller: str
    source: str
    website: str
    kind: str = "political"
    contact: str = ""
    jurisdiction: str = ""


@dataclass(frozen=True, slots=True)
class Templates:
    """The texts of one language in one jurisdiction, and what they must say. longest_ms: by the part."""

    language: str
    file: Path
    texts: dict[str, str]
    say: dict[str, str]
    shows: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)

    def filled(self, name: str, given: dict[str, str]) -> str:
        """The template with each {word} replaced, once: what is filled in is never read as a template."""
        try:
            return re.sub(r"\{(\w+)\}", lambda found: given[found[1]], self.texts[name])
        except KeyError as error:
            raise SetUpFailed(
                f"{self.file} has no valid text {name!r} ({error} is missing or unknown): correct it"
            ) from None

    def uses(self, names: Sequence[str]) -> set[str]:
        """The fields that those texts are filled with."""
        return {word for name in names for word in re.findall(r"\{(\w+)\}", self.texts.get(name, ""))}

    def longest_s(self, part: str, default_s: float) -> float:
        """How long that part may last when spoken."""
        return float(self.rules.get(f"{part}_s", default_s))

    def needs(self, part: str, variant: str, given: dict[str, str], default_s: float) -> Needs:
        """What the jurisdiction wants heard in that part; nothing where it says nothing."""
        names = self.rules.get(part + variant, self.rules.get(part, []))
        try:
            elements = [(name, [_fill(one, given) for one in self.shows[name].split("|")]) for name in names]
        except KeyError as error:
            raise SetUpFailed(
                f"{self.file} has no [shows] for the element {error}: add the words that show it"
            ) from None
        within = self.rules.get("stop_within_s") if part == "preroll" else None
        return Needs(elements, self.longest_s(part, default_s), within)


def _fill(shown: str, given: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: given[found[1]], shown)


def templates_of(language: str, jurisdiction: str = "") -> Templates:
    """The texts of a language, changed where the jurisdiction wants others.

    Raises Refused when there are none, SetUpFailed when a file of them is not valid.
    """
    texts_dir, law_dir = HOME / "audio" / "texts", HOME / "audio" / "jurisdictions"
    file = texts_dir / f"{language}.toml"
    if not re.fullmatch(r"[a-z]{2}", language) or not file.is_file():
        raise Refused(
            f"there are no spoken texts in {language!r}: choose fr or en, or write {texts_dir}/<language>.toml"
        )
    code = jurisdiction or BY_LANGUAGE.get(language, "eu")
    law_file = law_dir / f"{code}.toml"
    if not re.fullmatch(r"[a-z]{2}", code) or not law_file.is_file():
        known = ", ".join(jurisdictions())
        raise Refused(
            f"there is no jurisdiction {jurisdiction[:20]!r}: choose one of {known}, or write {law_dir}/<code>.toml"
        )
    common, law = _read(file), _read(law_file)
    if language not in law.get("languages", [language]):
        raise Refused(f"jurisdiction {code!r} has texts in {', '.join(law['languages'])}, not in {language!r}")
    own = law.get(language, {})
    return Templates(
        language,
        law_file if own else file,
        _lines(common) | _lines(own),
        dict(common.get("say", {})),
        dict(common.get("shows", {})) | dict(law.get("shows", {}).get(language, {})),
        {name: value for name, value in law.items() if not isinstance(value, dict)},
    )


def jurisdictions() -> list[str]:
    """The codes of those that have a file."""
    return sorted(one.stem for one in (HOME / "audio" / "jurisdictions").glob("*.toml"))


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetUpFailed(f"{file} is not valid TOML: {error}") from None


def _lines(content: dict[str, Any]) -> dict[str, str]:
    """The texts among what a file holds, each on one line."""
    return {name: " ".join(text.split()) for name, text in content.items() if isinstance(text, str)}


def variant_of(texts: Texts) -> str:
    """The ending of the names of its texts."""
    variant = VARIANTS.get(texts.kind)
    if variant is None:
        raise Refused(f"kind is {texts.kind!r}: choose {' or '.join(VARIANTS)}")
    return variant


def checked(texts: Texts, templates: Templates, variant: str) -> dict[str, str]:
    """The texts by name, each a line that can be spoken, none missing that is used."""
    spoken_fields = [one.name for one in fields(texts) if one.name not in CHOICES]
    given = {name: str(getattr(texts, name) or "").strip() for name in spoken_fields}
    used = templates.uses(["preroll" + variant, "notice" + variant, "confirmation"]) | {"sponsor"}
    missing = [name for name, text in given.items() if name in used and not re.search(r"\w", text)]
    if missing:
        options = ", ".join(f"--{OPTIONS.get(name, name)}" for name in missing)
        raise Refused(f"the spoken texts need {', '.join(missing)}: give {options}")
    for name, text in given.items():
        if len(text) > LONGEST_FIELD:
            raise Refused(f"{name} has {len(text)} characters, at most {LONGEST_FIELD} are spoken: shorten it")
        if text and (not text.isprintable() or re.search(r"[<>{}\\|]", text)):
            raise Refused(f"{name} has characters that cannot be spoken: write it in letters, digits and punctuation")
    return given
