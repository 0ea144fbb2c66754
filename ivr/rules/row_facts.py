"""What the cells of a contacts file tell beside the number; what cannot be read tells nothing."""

from __future__ import annotations

import re
from functools import lru_cache

EARLIEST = 130
"""Years ago: nobody is older."""
_YEAR = re.compile(r"(?:^|\D)((?:19|20)[0-9]{2})(?:\D|$)", re.ASCII)
_LANGUAGES = {
    "francais": "fr", "french": "fr", "fra": "fr", "fre": "fr",
    "anglais": "en", "english": "en", "eng": "en",
    "espagnol": "es", "allemand": "de", "italien": "it", "portugais": "pt", "breton": "br", "corse": "co",
    "basque": "eu", "creole": "crp", "wolof": "wo", "arabe": "ar",
}  # fmt: skip


def birth_year(cell: str, this_year: int, is_age: bool = False) -> int:
    """The year of birth that a date, a year or an age tells; 0 when it tells none, or none that anybody living has."""
    if is_age:
        text = cell.strip()
        year = this_year - int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    elif len(cell) == 4 and cell.isascii() and cell.isdigit():
        year = int(cell)
    else:
        found = _YEAR.findall(cell)
        year = int(found[0]) if len(found) == 1 else 0
    return year if this_year - EARLIEST <= year <= this_year else 0


@lru_cache(maxsize=1024)
def language(cell: str) -> str:
    """The two or three letters (ISO 639) of the language that a cell names; "" when it names none that is known."""
    text = cell.strip().lower().replace("ç", "c").replace("é", "e")
    code = re.split("[-_]", text)[0]
    if text in _LANGUAGES:
        return _LANGUAGES[text]
    return code if re.fullmatch("[a-z]{2}", code) else ""


def postcode_abroad(cell: str) -> str | None:
    """A postcode of a country whose list is not built in, as it stands; None when it can be none."""
    text = " ".join(cell.upper().split())
    return text if re.fullmatch("[A-Z0-9][A-Z0-9 -]{1,8}[A-Z0-9]", text) else None
