"""An answer to a person as PDF, tagged so that it can be read aloud: all that is kept of the number, or its origin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ivr.adapters.pdf import pdf
from ivr.doors.answer.words import WORDS
from ivr.doors.sheet import Column, Sheet, Table


def render(told: Mapping[str, Any], language: str, at_ms: int) -> bytes:
    """The document, of what `ivr rights access` and `where-from` tell: the same answer makes the same bytes."""
    return pdf("sheet", sheet(told, language, at_ms).plain())


def sheet(told: Mapping[str, Any], language: str, at_ms: int) -> Sheet:
    """The answer laid out."""
    say = _Say(language)
    known = told.get("known", told)
    tables = [
        *_each(known["sources"], "source", say),
        *_consents(known["consents"], say),
        *_rest(known, say),
    ]
    notes = [say("no_source")] * (not known["sources"]) + [say("no_consent")] * (not known["consents"])
    title = say("title", number=known["number"])
    facts = tuple(_facts(told, known, say, at_ms))
    return Sheet(title, "Portevoix", language, facts, tuple(tables), (*notes, say("rights")))


class _Say:
    """One language: words by name, and what is kept as people read it."""

    def __init__(self, language: str) -> None:
        self._words = WORDS[language]

    def __call__(self, name: str, /, **values: object) -> str:
        return self._words.get(name, name).format(**values)

    def value(self, name: str, value: object) -> str:
        """What stands in the field of that name."""
        if isinstance(value, bool):
            return self("yes" if value else "no")
        if name.endswith("_ms") and isinstance(value, int):
            return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        if isinstance(value, list | tuple):
            return ", ".join(str(one) for one in value)
        return str(value)


def _facts(told: Mapping[str, Any], known: Mapping[str, Any], say: _Say, at_ms: int) -> Iterable[tuple[str, str]]:
    yield say("case"), str(told["case"])
    yield say("made"), say.value("at_ms", at_ms)
    named = {name: known[name] for name in ("kept", "since_ms", "line_type") if name in known}
    yield from _lines(named | dict(known.get("facts", {})), say)


def _lines(fields: Mapping[str, Any], say: _Say) -> list[tuple[str, str]]:
    """Each field of which something is noted."""
    return [(say(name), say.value(name, value)) for name, value in fields.items() if value not in (None, "", [], ())]


def _each(sources: Sequence[Mapping[str, Any]], title: str, say: _Say) -> Iterable[Table]:
    for at, source in enumerate(sources, 1):
        fields = {name: value for name, value in source.items() if name != "name"}
        yield _of_fields(say(title, at=at, name=source["name"]), fields, say)


def _consents(events: Sequence[Mapping[str, Any]], say: _Say) -> Iterable[Table]:
    for event in events:
        fields = event.get("consent") or {name: event[name] for name in ("channels", "how")}
        day = say.value("at_ms", fields.get("captured_at_ms") or event["at_ms"])[:10]
        yield _of_fields(say(f"consent.{event['kind']}", day=day), fields, say)


def _of_fields(title: str, fields: Mapping[str, Any], say: _Say) -> Table:
    return Table(title, (Column(say("what")), Column(say("said"), wide=True)), tuple(_lines(fields, say)))


def _rest(known: Mapping[str, Any], say: _Say) -> Iterable[Table]:
    """Permissions, stops and calls, where the answer tells of them and there are any."""
    rows = {
        "permissions": [_permission(one, say) for one in known.get("permissions", ())],
        "stops": [_stop(one, say) for one in known.get("stops", ())],
        "calls": [_call(one, say) for one in known.get("calls", ())],
    }
    columns = {
        "permissions": ("purpose", "channel", "from", "to", "revoked"),
        "stops": ("scope", "reason", "at"),
        "calls": ("when", "sponsor", "campaign", "outcome", "heard", "keys"),
    }
    for name, some in rows.items():
        if some:
            yield Table(say(name), tuple(Column(say(column)) for column in columns[name]), tuple(some))


def _permission(one: Mapping[str, Any], say: _Say) -> tuple[str, ...]:
    ends = [say.value(name, one[name]) if one[name] else "—" for name in ("from_ms", "to_ms", "revoked_at_ms")]
    return str(one["purpose"]), str(one["channel"]), *ends


def _stop(one: Mapping[str, Any], say: _Say) -> tuple[str, ...]:
    whose = say("platform" if one["scope"] == "platform" else "one_sponsor")
    return whose, str(one["reason"]), say.value("at_ms", one["at_ms"])


def _call(one: Mapping[str, Any], say: _Say) -> tuple[str, ...]:
    heard = "—" if one["message_ms"] is None else f"{one['message_ms'] / 1000:.1f}"
    keys = "".join(press[0] for press in one["keys"] or ()) or "—"
    named = (str(one["sponsor"]), str(one["campaign"]), str(one["outcome"] or one["state"]))
    return say.value("at_ms", one["dialing_at_ms"]), *named, heard, keys
