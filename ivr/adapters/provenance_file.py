"""What is declared of a batch of contacts, from a small TOML file beside it. Nothing in it is guessed or corrected."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ivr.errors import ContactsRefused
from ivr.rules.provenance import LONGEST_SAID, Provenance, SourceType

MOST_BYTES = 64 * 1024
DATES = frozenset({"collected_from", "collected_to", "obtained_at", "delete_at"})
KNOWN = tuple(one.name for one in fields(Provenance) if one.name != "uploader")
"""The uploader is who imports, not who is named in a file."""


def read(path: Path) -> Provenance:
    """The provenance that the file declares; ContactsRefused with one sentence when it cannot be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ContactsRefused(f"provenance {path} is larger than {MOST_BYTES} bytes")
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContactsRefused(f"provenance {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ContactsRefused(f"provenance {path} is no TOML: {error}") from None
    if unknown := sorted(set(told) - set(KNOWN)):
        raise ContactsRefused(f"provenance {path}: {unknown[0]!r} is not known; known are {', '.join(KNOWN)}")
    return Provenance(**{name: _value(name, value) for name, value in told.items()})


def _value(name: str, value: Any) -> Any:
    if name == "source_type":
        if not isinstance(value, str) or value not in set(SourceType):
            raise ContactsRefused(f"source_type is not known; known are {', '.join(SourceType)}")
        return SourceType(value)
    if name in DATES:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise ContactsRefused(f"{name} is a day, written without quotes, as in {name} = 2026-03-03")
        return value
    if name == "political_reuse_disclosed":
        if not isinstance(value, bool):
            raise ContactsRefused(f"{name} is true or false")
        return value
    if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST_SAID:
        raise ContactsRefused(f"{name} is a text of at most {LONGEST_SAID} printable characters on one line")
    return value
