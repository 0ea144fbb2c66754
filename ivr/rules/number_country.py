"""Whose numbering plan a number belongs to."""

from __future__ import annotations

import phonenumbers

DECIDING = 8
"""Characters of E.164 by which plans that share a country code (+1, +262, +590, +44) tell their countries apart."""
MOST_KNOWN = 100_000
_KNOWN: dict[str, str | None] = {}


def country_of(e164: str) -> str | None:
    """Two letters (ISO 3166); None when no plan has such a number. Numbers that begin alike are asked about once."""
    beginning = e164[:DECIDING]
    if beginning not in _KNOWN:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[beginning] = _ask(e164)
    return _KNOWN[beginning]


def _ask(e164: str) -> str | None:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None
