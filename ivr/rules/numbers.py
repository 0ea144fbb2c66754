"""Telephone numbers: what people write becomes E.164 or is refused with a reason; masking; writing for a carrier.

The numbering plans are those of the phonenumbers library: pure data, no I/O.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NoReturn
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, timezone

from ivr.errors import Permanent


class LineType(StrEnum):
    """What a number is the number of."""

    MOBILE = "mobile"
    FIXED = "fixed"
    SPECIAL = "special"  # premium, shared cost, free, pager, voicemail: never called
    UNKNOWN = "unknown"  # a plan that does not tell mobile from fixed, such as North America's


class Reason(StrEnum):
    """Why a number was refused."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    LETTERS = "letters"
    SYMBOLS = "symbols"
    SEVERAL_NUMBERS = "several_numbers"
    DIGITS_LOST = "digits_lost"
    SHORT_CODE = "short_code"
    SPECIAL = "special"
    NOT_A_NUMBER = "not_a_number"


MEANINGS = {
    Reason.EMPTY: "there is no number",
    Reason.TOO_LONG: "it has too many digits",
    Reason.TOO_SHORT: "it has too few digits",
    Reason.LETTERS: "it has letters in it",
    Reason.SYMBOLS: "it has characters that no telephone number has",
    Reason.SEVERAL_NUMBERS: "there are several numbers in one cell",
    Reason.DIGITS_LOST: "a spreadsheet rounded it: format the column as text and export again",
    Reason.SHORT_CODE: "it is a short code or an emergency number",
    Reason.SPECIAL: "it is a premium, shared-cost, free or other special number",
    Reason.NOT_A_NUMBER: "no line can have it in this country's numbering plan",
}


class NumberRefused(Permanent):
    """The telephone number cannot be called."""

    exit_code = 65

    def __init__(self, reason: Reason) -> None:
        """The message says why, and never shows the number."""
        super().__init__(f"the number cannot be used: {MEANINGS[reason]}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Number:
    """A number that may be called. e164: `+` and 7 to 15 digits."""

    e164: str
    line_type: LineType


LONGEST_RAW = 64
"""Characters; what is longer is no number, however it is spaced."""
PLACES_OF_NATIONAL_PLAN = {"FR": ("GP", "RE", "MQ", "GF", "YT", "PM")}
"""Territories with a country code of their own whose numbers are written like the country's: 0692… is Réunion's."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_FORMULA = re.compile(r'^="(.*)"$')
_SCIENTIFIC = re.compile(r"^([0-9]+)(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})$")
_FLOAT = re.compile(r"^(\+?[0-9]{6,})[.,]0$")
_LINE_TYPES = {
    PhoneNumberType.MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE: LineType.FIXED,
    PhoneNumberType.VOIP: LineType.FIXED,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.UNKNOWN,
}


def parse(raw: str, country: str) -> Number:
    """The number that `raw` writes, as people, telephones and damaged spreadsheets write it.

    country: two letters, for numbers without country code. Raises NumberRefused with its reason.
    """
    text = _digits_of(_undamaged(_plain(raw)))
    try:
        read = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        _refuse(Reason.TOO_LONG if error.error_type == error.TOO_LONG else Reason.NOT_A_NUMBER)
    kind = phonenumbers.number_type(read)
    if kind == PhoneNumberType.UNKNOWN and not text.startswith("+"):
        read, kind = _elsewhere_in_plan(text, country) or (read, kind)
    if kind == PhoneNumberType.UNKNOWN:
        _refuse(_why_impossible(read, text, country))
    line_type = _LINE_TYPES.get(kind, LineType.SPECIAL)
    if line_type is LineType.SPECIAL:
        _refuse(Reason.SPECIAL)
    return Number(phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164), line_type)


def mask(e164: str) -> str:
    """`e164` for logs and pages: its first four and last two characters at most, the rest as stars."""
    if len(e164) < 10:
        return "*" * max(len(e164) - 2, 0) + e164[-2:] if len(e164) > 4 else "*" * len(e164)
    return e164[:4] + "*" * (len(e164) - 6) + e164[-2:]


def dialled(e164: str, number_format: str, country: str = "FR") -> str:
    """`e164` as a carrier wants it written: only digits and a leading `+`, whatever came in.

    number_format: as `trunks.*.number_format`; national writes foreign numbers with the country's international prefix.
    Raises NumberRefused for what is not E.164.
    """
    if not _E164.fullmatch(e164):
        _refuse(Reason.NOT_A_NUMBER)
    if number_format == "plus_e164":
        return e164
    if number_format in {"e164", "international"}:
        return ("00" if number_format == "international" else "") + e164[1:]
    written = phonenumbers.format_out_of_country_calling_number(phonenumbers.parse(e164), country)
    return re.sub("[^0-9]", "", written)


def prefixed(written: str, prefix: str) -> str:
    """A number as `dialled` wrote it with what a carrier wants before it; a leading + stays in front."""
    return f"+{prefix}{written[1:]}" if written.startswith("+") else prefix + written


def zones(e164: str) -> tuple[ZoneInfo, ...]:
    """Every time zone in which the line may be; empty when the plan does not tell."""
    if not _E164.fullmatch(e164):
        return ()
    names = timezone.time_zones_for_number(phonenumbers.parse(e164))
    return _zones_named(tuple(names)) if names != (timezone.UNKNOWN_TIMEZONE,) else ()


@lru_cache(maxsize=1024)
def _zones_named(names: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    return tuple(ZoneInfo(name) for name in names)


def _refuse(reason: Reason) -> NoReturn:
    raise NumberRefused(reason) from None


def _plain(raw: str) -> str:
    """Without invisible marks, outer blanks and a spreadsheet's means to keep a leading zero."""
    if len(raw) > LONGEST_RAW:
        _refuse(Reason.TOO_LONG)
    if not raw.isascii():
        raw = "".join(c for c in unicodedata.normalize("NFKC", raw) if unicodedata.category(c) != "Cf")
    text = raw.strip()
    formula = _FORMULA.match(text)
    return (formula[1] if formula else text).lstrip("'’`").strip()


def _undamaged(text: str) -> str:
    """A number that a spreadsheet turned into a float, whole again; refused when digits are lost."""
    if as_float := _FLOAT.match(text):
        return as_float[1]
    scientific = _SCIENTIFIC.match(text)
    if not scientific:
        return text
    whole, decimals, exponent = scientific[1], scientific[2] or "", int(scientific[3])
    if len(decimals) != exponent:
        _refuse(Reason.DIGITS_LOST)  # 6,12346E+08: the rest was rounded away
    return whole + decimals


def _digits_of(text: str) -> str:
    """Digits with an optional `+`; separators are dropped, anything else is refused."""
    if not text:
        _refuse(Reason.EMPTY)
    if sum(len(re.sub(r"\D", "", part)) >= 8 for part in re.split(r"[/,;|\n]", text)) > 1:
        _refuse(Reason.SEVERAL_NUMBERS)
    if re.search(r"[^\W\d_]", text):
        _refuse(Reason.LETTERS)
    joined = re.sub(r"[\s.()/\-‐-―−·_]", "", text)
    if not re.fullmatch(r"\+?\d+", joined):
        _refuse(Reason.SYMBOLS)
    digits = "".join(c if c == "+" else str(unicodedata.decimal(c)) for c in joined)
    return "+" + digits[2:] if digits.startswith("00") else digits


def _elsewhere_in_plan(text: str, country: str) -> tuple[PhoneNumber, int] | None:
    for place in PLACES_OF_NATIONAL_PLAN.get(country, ()):
        read = phonenumbers.parse(text, place)
        kind = phonenumbers.number_type(read)
        if kind in _LINE_TYPES:
            return read, kind
    return None


def _why_impossible(read: PhoneNumber, text: str, country: str) -> Reason:
    if not text.startswith("+") and len(text) <= 6:
        return (
            Reason.SHORT_CODE if phonenumbers.is_possible_short_number_for_region(read, country) else Reason.TOO_SHORT
        )
    possible = phonenumbers.is_possible_number_with_reason(read)
    return {
        phonenumbers.ValidationResult.TOO_SHORT: Reason.TOO_SHORT,
        phonenumbers.ValidationResult.TOO_LONG: Reason.TOO_LONG,
    }.get(possible, Reason.NOT_A_NUMBER)
