"""Tracing: the story of one call, from every witness of this machine, in the order in which it happened.

Never what the person heard or pressed, and never their whole number: an engineer looks at the way, not at the listener.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ivr.adapters.pbx import cdr, sip_capture
from ivr.adapters.store import Store
from ivr.adapters.store.audit import Told
from ivr.errors import NotFound
from ivr.rules.numbers import mask
from ivr.rules.sip_ladder import of_call
from ivr.settings import Settings

_DIGITS = re.compile(r"\+?\d{8,15}")
_NOT_SHOWN = frozenset({"at", "level", "logger", "message", "attempt_id", "attempt"})
_OF_THE_LISTENER = frozenset({"stop_stored", "stop_of_all_stored"})
"""Actions that tell what the person did: not shown."""
_ASTERISK_AT = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\]\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a witness tells. at_ms: epoch, as that witness' clock said.

    witness: books, asterisk's `cdr`, `sip`, or the process whose log it is. sent: of SIP, whether we sent it.
    """

    at_ms: int
    witness: str
    says: str
    sent: bool | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A call's story. number: masked. steps: in order of time. missing: witnesses that told nothing."""

    attempt: str
    campaign: str
    number: str
    pbx: str
    trunk: str
    state: str
    outcome: str
    steps: tuple[Step, ...]
    missing: tuple[str, ...]


def traced(store: Store, settings: Settings, attempt: str, capture: Path | None = None) -> Story:
    """All that is known of the way of that call. capture: a SIP capture; None: the last one of this Asterisk.

    NotFound: the books know none with such an id.
    """
    told = store.audit.told(attempt)
    if told is None:
        raise NotFound(
            f"the books know no attempt {attempt!r}: ids, of 27 signs, are in `ivr doctor --json` and the logs"
        )
    steps, missing = [*_of_books(told)], []
    for found, lack in (
        (list(_of_cdr(settings, attempt)), "cdr"),
        (list(_of_sip(told, capture or sip_capture.file(settings))), "sip"),
        (list(_of_logs(settings.log_dir, attempt)), "logs"),
    ):
        steps += found
        missing += [] if found else [lack]
    return Story(
        attempt, told.campaign, mask(told.number), told.pbx, told.trunk, told.state.value, told.outcome,
        tuple(sorted(steps, key=lambda step: step.at_ms)), tuple(missing),
    )  # fmt: skip


def _of_books(told: Told) -> Iterator[Step]:
    yield Step(told.claimed_at_ms, "books", f"claimed for {told.pbx}: the Gate said yes")
    if told.dialing_at_ms is not None:
        yield Step(told.dialing_at_ms, "books", f"dialing, on trunk {told.trunk}: asked again, committed, then sent")
    if told.answered_at_ms is not None:
        yield Step(told.answered_at_ms, "books", "answered")
    if told.ended_at_ms is not None:
        yield Step(told.ended_at_ms, "books", _ending(told))


def _ending(told: Told) -> str:
    parts = [f"{told.state.value}: {told.outcome}" if told.outcome else told.state.value]
    for name in ("cause", "tech_cause", "blame", "ended_by", "measured_by", "note"):
        value = getattr(told, name)
        parts += [f"{name.replace('_', ' ')} {value}"] if value not in ("", None) else []
    return ", ".join(parts)


def _of_cdr(settings: Settings, attempt: str) -> Iterator[Step]:
    record = cdr.read(settings).get(attempt)
    if record is None:
        return
    yield Step(record.started_at_ms, "cdr", "the channel began")
    if record.answered_at_ms:
        yield Step(record.answered_at_ms, "cdr", f"answered after {record.rang_ms} ms")
    yield Step(record.ended_at_ms, "cdr", f"ended: {record.disposition}")


def _of_sip(told: Told, capture: Path) -> Iterator[Step]:
    if told.dialing_at_ms is None:
        return
    for one in of_call(sip_capture.read(capture), told.number, told.dialing_at_ms):
        media = f" [{one.media}]" if one.media else ""
        yield Step(one.at_ms, "sip", f"{one.peer} {one.line}{media}", one.sent)


def _of_logs(folder: Path, attempt: str) -> Iterator[Step]:
    """The lines that name the attempt, of every process' log and what was rotated out of it."""
    for file in sorted(folder.glob("*.log*")):
        with file.open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if attempt in line and (step := _logged(line, file.name.partition(".log")[0], attempt)):
                    yield step


def _logged(line: str, process: str, attempt: str) -> Step | None:
    try:
        told = json.loads(line)
        at_ms = _epoch_ms(datetime.fromisoformat(told["at"]))
    except (ValueError, TypeError, KeyError):
        return _of_asterisk(line, process, attempt)
    if told.get("action") in _OF_THE_LISTENER:
        return None
    more = [f"{name} {value}" for name, value in told.items() if name not in _NOT_SHOWN]
    return Step(at_ms, process, _masked(", ".join([str(told["message"]), *more]), attempt))


def _of_asterisk(line: str, process: str, attempt: str) -> Step | None:
    found = _ASTERISK_AT.match(line)
    if not found:
        return None
    return Step(_epoch_ms(datetime.fromisoformat(found[1]).astimezone()), process, _masked(found[2].strip(), attempt))


def _masked(text: str, attempt: str) -> str:
    return _DIGITS.sub(lambda found: mask(found[0]), text.replace(attempt, "this attempt"))


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
