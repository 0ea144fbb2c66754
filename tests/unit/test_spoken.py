from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rules.spoken import in_words, spoken


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tapez 9 à tout moment", "tapez neuf à tout moment"),
        ("Il est 9.", "Il est neuf."),
        ("au 01 40 00 00 07.", "au zéro un, quarante, zéro zéro, zéro zéro, zéro sept."),
        ("0612345678", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
        ("+33 6 12 34 56 78", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
        ("ou martin2027.fr. Réclamation", "ou martin 2027 point f r. Réclamation"),
        ("https://www.jeanne-martin.org/vos-donnees", "jeanne tiret martin point org barre vos tiret donnees"),
        ("le 1er mars 2026", "le premier mars 2026"),
        ("le 3 mars 2026, avec", "le trois mars 2026, avec"),
        ("10,5 % de 2 500", "10,5 % de 2500"),
        ("« la CNIL »", "la cnil"),
        ('<volume level="500">fort</volume>', "volume level= 500 fort /volume"),
        ("e\u0301cole\u00a0:\n oui", "école : oui"),
    ],
)
def test_french(text: str, said: str) -> None:
    assert spoken(text, "fr", {"CNIL": "cnil"}) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("press 9 now", "press nine now"),
        ("555-010-0123", "five five five, zero one zero, zero one two three"),
        ("visit martin.eu.", "visit martin dot e u."),
        ("martin-two.com", "martin dash two dot com"),
        ("21 days in 2026", "twenty-one days in 2026"),
    ],
)
def test_english(text: str, said: str) -> None:
    assert spoken(text, "en") == said


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zéro"),
        (16, "seize"),
        (21, "vingt et un"),
        (70, "soixante-dix"),
        (71, "soixante et onze"),
        (80, "quatre-vingts"),
        (81, "quatre-vingt-un"),
        (91, "quatre-vingt-onze"),
        (99, "quatre-vingt-dix-neuf"),
    ],
)
def test_french_numbers(number: int, words: str) -> None:
    assert in_words(number, "fr") == words


@given(st.text(max_size=200), st.sampled_from(["fr", "en"]))
def test_what_is_spoken_has_no_markup_and_no_line_break(text: str, language: str) -> None:
    said = spoken(text, language)
    assert not set(said) & set("<>&\\\n\r\t\0")
