"""Who of a batch is meant: by territory, age, line type and language, and by nothing else.

On one line, as in `territory=departement:75,commune:13055 age=18-24,65+ line=mobile language=fr`. There is no other
word, so that names, origins or proxies of them can select nobody (FR-LST-4).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from ivr.errors import Refused
from ivr.rules.numbers import LineType
from ivr.rules.territories import Kind

RULE = "FR-LST-4"
MOST_OF_A_KIND = 500
"""Territories, brackets or languages in one audience: more is another batch."""
OLDEST = 130
LINE_TYPES = (LineType.MOBILE, LineType.FIXED, LineType.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Ages:
    """From so many years to so many, both included, as reached in the calendar year: only the birth year is kept."""

    youngest: int
    oldest: int

    def text(self) -> str:
        """As it is written: 18-24, or 65+."""
        return f"{self.youngest}+" if self.oldest == OLDEST else f"{self.youngest}-{self.oldest}"

    def birth_years(self, year: int) -> tuple[int, int]:
        """First and last birth year of who reaches such an age in that year."""
        return year - self.oldest, year - self.youngest


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is meant: who is in one of each kind that is named; what is not named does not matter.

    Whoever's fact is not known is in no audience that names it. territories: kind and code.
    """

    territories: tuple[tuple[Kind, str], ...] = ()
    ages: tuple[Ages, ...] = ()
    line_types: tuple[LineType, ...] = ()
    languages: tuple[str, ...] = ()

    def text(self) -> str:
        """The line that parse() reads; "" for everybody."""
        told: dict[str, list[str]] = {
            "territory": [f"{kind}:{code}" for kind, code in self.territories],
            "age": [ages.text() for ages in self.ages],
            "line": [line_type.value for line_type in self.line_types],
            "language": list(self.languages),
        }
        return " ".join(f"{word}={','.join(values)}" for word, values in told.items() if values)


EVERYBODY = Audience()


def parse(line: str) -> Audience:
    """The audience that the line writes; Refused, with the rule, for any word that may not select people."""
    found: dict[str, tuple[str, ...]] = {}
    for part in line.split():
        word, _, values = part.partition("=")
        if word not in _READ:
            _refuse(f"{word[:40]!r} cannot select people: only {', '.join(_READ)} can")
        if word in found:
            _refuse(f"{word} is given twice: write its values with commas")
        found[word] = tuple(dict.fromkeys(filter(None, values.split(","))))
        if not 1 <= len(found[word]) <= MOST_OF_A_KIND:
            _refuse(f"{word} needs 1 to {MOST_OF_A_KIND} values, as in {_EXAMPLES[word]}")
    return Audience(
        tuple(_territory(value) for value in found.get("territory", ())),
        tuple(_ages(value) for value in found.get("age", ())),
        tuple(_line_type(value) for value in found.get("line", ())),
        tuple(_language(value) for value in found.get("language", ())),
    )


def _territory(value: str) -> tuple[Kind, str]:
    kind, _, code = value.partition(":")
    if kind not in set(Kind) or not re.fullmatch("[0-9A-Za-z]{1,10}", code):
        _refuse(f"territory {value[:40]!r} cannot be read: write its kind and code, as in {_EXAMPLES['territory']}")
    return Kind(kind), code.upper()


def _ages(value: str) -> Ages:
    told = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3})|\+)", value, re.ASCII)
    if told is None:
        _refuse(f"age {value[:40]!r} cannot be read: write it as in {_EXAMPLES['age']}")
    ages = Ages(int(told[1]), int(told[2] or OLDEST))
    if not ages.youngest <= ages.oldest <= OLDEST:
        _refuse(f"age {value} holds nobody")
    return ages


def _line_type(value: str) -> LineType:
    if value not in set(LINE_TYPES):
        _refuse(f"line {value[:40]!r} is not known: {', '.join(LINE_TYPES)} are")
    return LineType(value)


def _language(value: str) -> str:
    if not re.fullmatch("[a-z]{2,3}", value):
        _refuse(f"language {value[:40]!r} cannot be read: write it as in {_EXAMPLES['language']}")
    return value


_READ: dict[str, Callable[[str], object]] = {
    "territory": _territory,
    "age": _ages,
    "line": _line_type,
    "language": _language,
}
_EXAMPLES = {
    "territory": "territory=departement:75",
    "age": "age=18-24,65+",
    "line": "line=mobile",
    "language": "language=fr",
}


def _refuse(why: str) -> NoReturn:
    raise Refused(f"audience ({RULE}): {why}")
