"""What must be said around a message, in every jurisdiction, kind and language that has texts: said, and in order."""

from __future__ import annotations

import dataclasses

import pytest

from ivr.errors import Refused, SetUpFailed
from ivr.rules.notice_checks import Needs, Spoken, judge
from ivr.rules.recording_checks import Severity
from ivr.rules.recording_words import line
from ivr.rules.records import Origin
from ivr.settings import HOME
from ivr.usecases import spoken_texts
from ivr.usecases.prompts import LONGEST_S, written_texts
from ivr.usecases.spoken_texts import Texts, checked, jurisdictions, templates_of, variant_of

TEXTS = Texts(
    "Jeanne Martin", "candidate", "l'association", "votre formulaire", "martin.example", contact="01 40 00 00 00"
)
WHERE = [
    (code, language)
    for code in jurisdictions()
    for language in ("fr", "en")
    if language in spoken_texts._read(HOME / "audio" / "jurisdictions" / f"{code}.toml")["languages"]
]


def heard(text: str, length_ms: int = 9_000, words: int = 22, loudness: float = -22.5) -> Spoken:
    return Spoken("preroll", text, words, length_ms, loudness)


NEEDS = Needs((("recorded", ("recorded", "automated")), ("sponsor", ("Jane",)), ("stop", ("press 9",))), 10.0, 2.0)
GOOD = "This is a recorded call from Jane. To stop these calls, press 9."


def test_six_jurisdictions_have_texts() -> None:
    assert jurisdictions() == ["ca", "eu", "fr", "gb", "sn", "us"]
    assert len(WHERE) == 9


@pytest.mark.parametrize("origin", [Origin.HUMAN, Origin.CLONED])
@pytest.mark.parametrize("kind", ["political", "institutional"])
@pytest.mark.parametrize(("jurisdiction", "language"), WHERE)
def test_the_texts_say_what_they_must_in_order(jurisdiction: str, language: str, kind: str, origin: Origin) -> None:
    texts = dataclasses.replace(TEXTS, jurisdiction=jurisdiction, kind=kind)
    written = written_texts(texts, language, origin)
    templates, variant = templates_of(language, jurisdiction), variant_of(texts)
    given = checked(texts, templates, variant)
    for part in ("preroll", "notice"):
        needs = templates.needs(part, variant, given, LONGEST_S[part])
        assert "stop" in [name for name, _ in needs.elements]
        assert judge(dataclasses.replace(heard(written[part]), part=part), needs) == []
        assert "{" not in written[part]
    if kind == "institutional":
        for part in ("preroll", "notice"):
            assert "politi" not in written[part].lower()


def test_a_jurisdiction_or_language_without_texts_is_refused() -> None:
    with pytest.raises(Refused, match=r"no jurisdiction 'xx': choose one of ca, eu, fr"):
        templates_of("fr", "xx")
    with pytest.raises(Refused, match=r"no jurisdiction '\.\./texts/fr'"):
        templates_of("fr", "../texts/fr")
    with pytest.raises(Refused, match=r"'us' has texts in en, not in 'fr'"):
        templates_of("fr", "us")


def test_what_a_jurisdiction_needs_is_asked_for() -> None:
    canada = dataclasses.replace(TEXTS, jurisdiction="ca", contact="")
    with pytest.raises(Refused, match="the spoken texts need contact: give --reach"):
        written_texts(canada, "fr")
    states = Texts("Jane Martin", "", "Martin for President", "", "", contact="555-010-0123", jurisdiction="us")
    assert written_texts(states, "en")["notice"].startswith("Paid for by Martin for President. Our number is 555")


def test_an_element_without_words_that_show_it() -> None:
    templates = dataclasses.replace(templates_of("fr"), rules={"notice": ["unheard_of"]})
    with pytest.raises(SetUpFailed, match="no \\[shows\\] for"):
        templates.needs("notice", "", {}, 20.0)


@pytest.mark.parametrize(
    ("spoken", "names"),
    [
        (heard(GOOD), []),
        (heard(GOOD.replace("recorded", "AUTOMATED")), []),
        (heard("This is a recorded call from Jane."), ["missing_element"]),
        (heard("To stop these calls, press 9. This is a recorded call from Jane."), ["out_of_order"]),
        (heard(GOOD, length_ms=11_000), ["spoken_too_long"]),
        (heard(GOOD, words=27), ["too_fast"]),
        (heard(GOOD, words=9), ["too_slow"]),
        (
            heard("Recorded. Jane, who would like to speak about very many things for long. To stop, press 9."),
            ["stop_late"],
        ),
        (heard(GOOD, loudness=-26.0), ["loudness"]),
        (heard(GOOD, loudness=-24.0), []),
    ],
)
def test_what_is_found(spoken: Spoken, names: list[str]) -> None:
    found = judge(spoken, NEEDS, {"hello": -22.5})
    assert [finding.name for finding in found] == names
    for finding in found:
        for language in ("fr", "en"):
            assert "{" not in line(finding, language)
    refusing = {"missing_element", "out_of_order", "spoken_too_long", "stop_late"}
    assert {one.name for one in found if one.severity is Severity.REFUSES} == refusing & set(names)


def test_the_loudness_is_compared_with_every_version_and_the_farthest_is_named() -> None:
    found = judge(heard(GOOD), NEEDS, {"first": -22.5, "quiet": -26.5, "quieter": -28.0, "loud": -19.0})
    assert [(one.name, one.values["message"]) for one in found] == [("loudness", "quieter")]
    assert "it is louder than message 'quieter', by 5.5 LU" in line(found[0], "en")
    assert "son niveau est plus fort que celui du message « quieter », de 5,5 LU" in line(found[0], "fr")
    below = judge(heard(GOOD), NEEDS, {"loud": -17.0})
    assert "it is quieter than message 'loud', by 5.5 LU" in line(below[0], "en")
    assert "son niveau est moins fort que celui du message « loud », de 5,5 LU" in line(below[0], "fr")
    assert judge(heard(GOOD), NEEDS, {"first": -22.5, "second": -23.0}) == []
