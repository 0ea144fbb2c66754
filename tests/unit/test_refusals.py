from __future__ import annotations

import re
import string

import pytest

from ivr.rules.refusals import REFUSALS, refusal

VALUES: dict[str, str | float] = {
    "system": "Permission denied", "most_mb": 50.0, "claimed_s": 12.5, "read_s": 3.0, "announced": 1234567, "size": 99,
    "rate_hz": 4294967295, "codec": "dts", "most_s": 120.0, "heard_s": 0.4, "least_s": 3.0,
}  # fmt: skip


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("why", REFUSALS)
def test_each_is_one_line_in_both_languages_with_the_same_facts(why: str) -> None:
    english, french = REFUSALS[why]
    assert fields(english) == fields(french)
    said = refusal(why, "été.mp3", **{name: VALUES[name] for name in fields(english) - {"name", "accepted"}})
    for language in ("en", "fr"):
        sentence = said.said(language)
        assert sentence.startswith("été.mp3 ")
        assert len(sentence.splitlines()) == 1
        assert "{" not in sentence
    assert str(said) == said.said("en") != said.said("fr")


def test_what_it_says_ends_with_what_to_do() -> None:
    for english, french in REFUSALS.values():
        assert re.search(r"[:;] (give|save|allow|shorten|record|check)\b", english), english
        assert re.search(r" [:;] (donnez|enregistrez|raccourcissez|vérifiez)", french), french


def test_numbers_are_written_as_the_language_writes_them() -> None:
    said = refusal("bytes_missing", "a.wav", announced=1234567, size=99)
    assert "announces 1,234,567 bytes and has 99" in said.said("en")
    assert "annonce 1\u202f234\u202f567 octets et en a 99" in said.said("fr")
    assert "que 0,4 s de son" in refusal("too_short", "a", heard_s=0.4, least_s=3.0).said("fr")


def test_a_name_is_never_read_as_a_sentence() -> None:
    assert str(refusal("empty", "{accepted} %s {0}.mp3")).startswith("{accepted} %s {0}.mp3 is empty")
