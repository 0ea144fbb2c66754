"""A consent as a collector hands it over: one JSON object, read strictly; what is not there is not known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.errors import BadSetting, ContactsRefused
from ivr.rules.consent import Channel, Consent, Method, Purpose
from ivr.rules.windows import Hours

T = TypeVar("T")
LONGEST = 10_000
"""Characters of any text in it."""
_TEXTS = (
    "controller", "text", "text_sha256", "text_language", "notice_sha256", "form_sha256", "act_ref", "captured_by",
    "hours", "timezone", "election",
)  # fmt: skip
_FLAGS = ("explicit", "separate", "unticked", "age_attested")
_INSTANTS = ("captured_at", "possession_sent_at", "possession_verified_at", "expires_at")


def parse(line: str) -> tuple[str, Consent]:
    """The number as it is written, and the consent. Raises ContactsRefused with the field that cannot be read.

    Fields are those of `Consent`; instants (`captured_at`, …) as 2026-11-02T18:30:00+01:00, with their offset.
    """
    try:
        said = json.loads(line)
    except ValueError:
        raise ContactsRefused("it is not JSON") from None
    if not isinstance(said, dict) or not isinstance(said.get("number"), str):
        raise ContactsRefused('it must be an object with "number"')
    known = {"number", "purpose", "channels", "method", *_TEXTS, *_FLAGS, *_INSTANTS}
    if unknown := sorted(set(said) - known):
        raise ContactsRefused(f"field {unknown[0][:40]!r} is not known")
    given: dict[str, Any] = {name: _text(said, name) for name in _TEXTS}
    given |= {name: _flag(said, name) for name in _FLAGS}
    given |= {f"{name}_ms": _instant_ms(said, name) for name in _INSTANTS}
    given |= {"purpose": _one(said, "purpose", Purpose), "method": _one(said, "method", Method)}
    given["channels"] = _channels(said)
    _check_hours(given["hours"], given["timezone"])
    return said["number"], Consent(**given)


def _check_hours(hours: str, timezone: str) -> None:
    try:
        if hours:
            Hours.parse(hours)
        if timezone:
            ZoneInfo(timezone)
    except (BadSetting, ZoneInfoNotFoundError, ValueError) as error:
        raise ContactsRefused(f"its hours or their time zone cannot be read: {error}") from None


def _text(said: Mapping[str, Any], name: str) -> str:
    text = said.get(name) or ""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ContactsRefused(f"field {name} must be a text of at most {LONGEST} characters")
    return text


def _flag(said: Mapping[str, Any], name: str) -> bool | None:
    flag = said.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise ContactsRefused(f"field {name} must be true or false")
    return flag


def _instant_ms(said: Mapping[str, Any], name: str) -> int | None:
    text = said.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return round(at.timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        raise ContactsRefused(f"field {name} must be an instant with its offset: 2026-11-02T18:30:00+01:00") from None


def _one(said: Mapping[str, Any], name: str, kind: Callable[[Any], T]) -> T | None:
    word = said.get(name)
    if word is None:
        return None
    try:
        return kind(word)
    except ValueError:
        raise ContactsRefused(f"field {name} is none of those known: {str(word)[:40]!r}") from None


def _channels(said: Mapping[str, Any]) -> tuple[Channel, ...]:
    words = said.get("channels") or []
    if not isinstance(words, list):
        raise ContactsRefused("field channels must be a list")
    return tuple(sorted({one for word in words if (one := _one({"channels": word}, "channels", Channel))}))
