"""A text as a voice should read it: digits, telephone numbers and web addresses in words.

Speech engines read "06 12" as "six, twelve", an address as one word, and some take "<" for a command.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import partial

_FR_UNITS = (  # noqa: SIM905 - a list would take twenty lines
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "dix-sept dix-huit dix-neuf"
).split()
_FR_TENS = ("", "", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt")
_EN_UNITS = (  # noqa: SIM905
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_EN_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_FRENCH_NUMBER = re.compile(r"(?<![\w+])(?:\+33[ .]?|0)([1-9])[ .]?(\d\d)[ .]?(\d\d)[ .]?(\d\d)[ .]?(\d\d)(?![\w])")
_OTHER_NUMBER = re.compile(r"(?<![\w+])\+?\d[\d .-]{5,18}\d(?!\w)")
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?((?:[\w-]+\.)+[a-z]{2,24})((?:/[\w-]+)*)/?(?![\w@])", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<!\d)(?<!\d[ .-])([1-9]\d{0,2}) (\d{3})(?![ .-]?\d)")
_ALONE = re.compile(r"(?<![\w.,:/-])\d{1,2}(?![\w/:-]|[.,]\d)")
_SIGNS = {"fr": {".": "point", "/": "barre", "-": "tiret"}, "en": {".": "dot", "/": "slash", "-": "dash"}}
_LONGEST_SPELT = 3


def spoken(text: str, language: str, say: Mapping[str, str] | None = None) -> str:
    """`text` on one line, in words an engine reads right. say: words with a pronunciation of their own."""
    clean = unicodedata.normalize("NFC", text)
    clean = re.sub(r"[<>&\\«»\"“”{}\[\]|*_#]|[^\S ]|[\u0000-\u001f\u007f]", " ", clean)
    for word, sound in (say or {}).items():
        clean = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", sound, clean)
    clean = _THOUSANDS.sub(r"\1\2", re.sub(r"\s+", " ", clean))
    clean = _ADDRESS.sub(lambda found: _address(found, language), clean)
    if language == "fr":
        clean = _FRENCH_NUMBER.sub(_french_number, clean)
    clean = _OTHER_NUMBER.sub(partial(_digits, language=language), clean)
    clean = _first_of_month(clean, language)
    clean = _ALONE.sub(lambda found: in_words(int(found[0]), language), clean)
    return re.sub(r"\s+", " ", clean).strip()


def in_words(number: int, language: str) -> str:
    """A number from 0 to 99 in French or English words."""
    if language == "fr":
        return _french(number)
    tens, unit = divmod(number, 10)
    if number < 20:
        return _EN_UNITS[number]
    return _EN_TENS[tens] + (f"-{_EN_UNITS[unit]}" if unit else "")


def _french(number: int) -> str:
    if number < 20:
        return _FR_UNITS[number]
    tens, unit = divmod(number, 10)
    rest = unit + 10 if tens in (7, 9) else unit
    if not rest:
        return _FR_TENS[tens] + ("s" if tens == 8 else "")
    if rest in (1, 11) and tens < 8:
        return f"{_FR_TENS[tens]} et {_FR_UNITS[rest]}"
    return f"{_FR_TENS[tens]}-{_FR_UNITS[rest]}"


def _french_number(found: re.Match[str]) -> str:
    """zéro un, quarante, …: a French number is said in pairs, one by one to be written down."""
    return ", ".join([f"zéro {_french(int(found[1]))}", *(_pair(found[index]) for index in range(2, 6))])


def _pair(digits: str) -> str:
    return f"zéro {_french(int(digits[1]))}" if digits[0] == "0" else _french(int(digits))


def _digits(found: re.Match[str], language: str) -> str:
    """Any other telephone number: digit by digit, a comma where it had a space."""
    groups = re.findall(r"\d+", found[0])
    if sum(map(len, groups)) < 7:
        return found[0]
    return ", ".join(" ".join(in_words(int(digit), language) for digit in group) for group in groups)


def _address(found: re.Match[str], language: str) -> str:
    """The address "exemple point f r": an ending of up to three letters is spelt, the rest is read."""
    *names, ending = found[1].split(".")
    if not any(character.isalpha() for character in "".join(names)):
        return found[0]
    spelt = (
        " ".join(ending.lower())
        if len(ending) <= _LONGEST_SPELT and ending.lower() not in ("com", "org", "net")
        else ending
    )
    site = _signs(".".join(names), language) + f" {_SIGNS[language]['.']} " + spelt
    return site + _signs(found[2], language)


def _signs(part: str, language: str) -> str:
    """Each sign by its name, and a space where a digit follows a letter."""
    return re.sub(r"[./-]|(?<=[^\W\d_])(?=\d)", lambda sign: f" {_SIGNS[language].get(sign[0], '')} ", part)


def _first_of_month(text: str, language: str) -> str:
    months = r"(janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)\b"
    return re.sub(rf"(?<!\w)1(?:er)? {months}", r"premier \1", text) if language == "fr" else text
