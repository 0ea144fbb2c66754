"""The fast path for numbers that are written plainly: a country's national digits after one of its usual beginnings.

Every answer is one of numbers.parse(), asked once for all numbers that share their first digits; what is not written
plainly goes to it each time. Tests compare the two on generated numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from phonenumbers import PhoneMetadata

from ivr.rules.numbers import LineType, NumberRefused, Reason, parse

DECIDING = {"FR": 5}
"""National digits by which a country's plan, and those of PLACES_OF_NATIONAL_PLAN, tell numbers apart; the fast path is
for these countries. The longest are 836 05 (premium) and 69 30 7 (Réunion)."""
LONGEST_PLAIN = 24
"""Characters; what is longer may be several numbers in one cell."""
_BLANKS = str.maketrans(dict.fromkeys(" -\u00a0\u202f.", ""))
_EACH = 1
"""The outcome of first digits whose numbers differ: each is parsed. 0: not asked yet."""


@dataclass(frozen=True, slots=True)
class Plain:
    """What all numbers with the same first digits are: of that line type, or refused for that reason.

    base: the country code followed by zeros, so that base + national digits is the E.164 number without its plus.
    """

    base: int
    outcome: LineType | Reason


class PlainNumbers:
    """Numbers of one country's plan, read fast. Not for several threads at once."""

    def __init__(self, country: str) -> None:
        self._country = country
        self._deciding = DECIDING.get(country, 0)
        self._length, beginnings = _plan(country) if self._deciding else (0, ())
        self._tables = {beginning: bytearray(10**self._deciding) for beginning in beginnings}
        self._outcomes: list[Plain | None] = [None, None]
        self._known: dict[tuple[int, LineType | Reason | None], int] = {}

    def read(self, raw: str) -> tuple[int, LineType]:
        """E.164 digits as a number, and the line type, as numbers.parse() has them; raises its NumberRefused."""
        text = raw if raw.isdigit() else _joined(raw)
        national = text[-self._length :]
        table = self._tables.get(text[: -self._length])
        if table is None or len(national) != self._length or not _is_national(national):
            return _slowly(raw, self._country)
        first = int(national[: self._deciding])
        outcome = table[first] or self._learn(table, text[: -self._length], first)
        plain = self._outcomes[outcome]
        if plain is None:
            return _slowly(raw, self._country)
        if isinstance(plain.outcome, Reason):
            raise NumberRefused(plain.outcome)  # a new one: an exception keeps a trace of each time it was raised
        return plain.base + int(national), plain.outcome

    def _learn(self, table: bytearray, beginning: str, first: int) -> int:
        """What parse() says of three numbers with these first digits, if it is the same of all."""
        digits = f"{first:0{self._deciding}d}"
        rest = self._length - self._deciding
        said = {self._said(beginning, digits + filler * rest) for filler in "059"}
        only = said.pop()
        if said or len(self._outcomes) > 250:
            table[first] = _EACH
        else:
            table[first] = self._number_of(only)
        return table[first]

    def _said(self, beginning: str, national: str) -> tuple[int, LineType | Reason | None]:
        """What it is; None: what base + national digits would not be."""
        try:
            number = parse(beginning + national, self._country)
        except NumberRefused as refused:
            return 0, refused.reason
        digits = int(number.e164[1:])
        base = digits - int(national)
        return (base, number.line_type) if base % 10**self._length == 0 else (digits, None)

    def _number_of(self, said: tuple[int, LineType | Reason | None]) -> int:
        if said not in self._known:
            base, outcome = said
            self._known[said] = len(self._outcomes) if outcome else _EACH
            if outcome:
                self._outcomes.append(Plain(base, outcome))
        return self._known[said]


def _plan(country: str) -> tuple[int, tuple[str, ...]]:
    """How long the national numbers are, 0 if not all are equally long; and what may stand before them."""
    metadata = PhoneMetadata.metadata_for_region(country)
    if metadata is None or metadata.general_desc is None or len(metadata.general_desc.possible_length) != 1:
        return 0, ()
    length = int(metadata.general_desc.possible_length[0])
    code, trunk = str(metadata.country_code), metadata.national_prefix or ""
    return length, (trunk, "", code, f"+{code}", f"00{code}")


def _is_national(digits: str) -> bool:
    """A zero before the rest is the beginning of 00, another country's number."""
    return digits[0] != "0" and digits.isdigit() and digits.isascii()


def _joined(raw: str) -> str:
    """Without blanks, hyphens and dots; as it is if it may be several numbers or one that a spreadsheet damaged."""
    if len(raw) > LONGEST_PLAIN or raw.count(".") == 1:
        return raw
    return raw.translate(_BLANKS)


def _slowly(raw: str, country: str) -> tuple[int, LineType]:
    number = parse(raw, country)
    return int(number.e164[1:]), number.line_type
