"""Which columns of a contacts file hold telephone numbers: by their header, in French or English, never by content."""

from __future__ import annotations

import re
import unicodedata

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


def names_a_number(header: str) -> bool:
    """True if a column with this header holds telephone numbers; accents, case and separators do not matter."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", header) if not unicodedata.combining(c))
    words = re.findall("[a-z]+", re.sub("([a-z])([A-Z])", r"\1 \2", plain).lower())
    if any(OTHER.fullmatch(word) for word in words):
        return False
    joined = "".join(words)
    return any(PHONE.fullmatch(word) for word in [*words, joined]) or ALONE.fullmatch(joined) is not None
