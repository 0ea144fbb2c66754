"""Which columns of a contacts file hold what: by their header, in French or English, never by content."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

PHONE = re.compile(
    "telephones?|tel|phones?|mobile|portable|gsm|cell|cellphone|cellulaire|fixe|landline|msisdn"
    "|(tele)?phonenumber|mobile(phone|number)|tel(mobile|portable|fixe)|num(ero)?tel(ephone)?|n(o|um)?tel(ephone)?"
)
"""A header with such a word names a number column…"""
ALONE = re.compile("numeros?|num|numbers?|no|n")
"""…as does one that is nothing else than such a word…"""
OTHER = re.compile(
    "fax|type|opt|optin|ok|consent|consentement|date|valide?|source|operat(eu|o)r|commentaires?|comments?"
)
"""…unless it has one of these: `type de téléphone` holds no number."""

COMMUNE = re.compile("(code)?(commune)?insee|insee(code|com|commune)?|codecommune|codgeo|depcom|communecode")
POSTCODE = re.compile("code?postal|cp|codepost|postcode|postalcode|zip|zipcode")
CITY = re.compile("ville|commune|localite|city|town|(nom|libelle)commune")
BIRTH = re.compile(
    "(annee|date|an)?(de)?naissance|naissance(annee|date)|birth(year|date|day)?|year(of)?birth|dob|dateofbirth"
)
AGE = re.compile("age")
LANGUAGE = re.compile("langue|language|lang")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each fact stands, from 0; -1: nowhere. birth_is_age: the birth column holds ages."""

    numbers: tuple[int, ...]
    commune: int
    postcode: int
    city: int
    birth: int
    birth_is_age: bool
    language: int

    @property
    def has_place(self) -> bool:
        """True when some column tells where people live."""
        return max(self.commune, self.postcode, self.city) >= 0


def columns_of(names: Sequence[str]) -> Columns:
    """What the columns of those names hold; of two that hold the same fact, the first."""
    joined = ["".join(words_of(name)) for name in names]

    def first(pattern: re.Pattern[str]) -> int:
        return next((at for at, word in enumerate(joined) if pattern.fullmatch(word)), -1)

    birth, age = first(BIRTH), first(AGE)
    return Columns(
        tuple(at for at, name in enumerate(names) if names_a_number(name)),
        first(COMMUNE),
        first(POSTCODE),
        first(CITY),
        birth if birth >= 0 else age,
        birth < 0 <= age,
        first(LANGUAGE),
    )


def names_a_number(header: str) -> bool:
    """True if a column with this header holds telephone numbers; accents, case and separators do not matter."""
    words = words_of(header)
    if any(OTHER.fullmatch(word) for word in words):
        return False
    joined = "".join(words)
    return any(PHONE.fullmatch(word) for word in [*words, joined]) or ALONE.fullmatch(joined) is not None


def words_of(header: str) -> list[str]:
    """The words of a column's name, without accents, in small letters."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", header) if not unicodedata.combining(c))
    return re.findall("[a-z]+", re.sub("([a-z])([A-Z])", r"\1 \2", plain).lower())
