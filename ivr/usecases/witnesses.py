"""The witnesses of every call, compared: books, the PBX's channels, its CDR, the outboxes of this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ivr.adapters import outbox
from ivr.adapters.pbx import cdr, instance
from ivr.adapters.store import Store
from ivr.errors import NotReady, ProgramMissing
from ivr.rules.doctor import Booked, Difference, Evidence, Kind, examine
from ivr.rules.findings import Finding, Weight, note, ok
from ivr.rules.states import AttemptState, Outcome
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.originating import first_id_of, is_attempt_id

LOOK_AGAIN_S = 3.0
"""What two looks so far apart both find is no news under way: the end of a call is recorded within a second or two."""
LONGEST_CALL_MS = 3_600_000
"""A call whose end is in the span was claimed at most so long before it."""
UNSURE = {AttemptState.DIALING, AttemptState.ANSWERED}


def compare(store: Store, settings: Settings, span_ms: int) -> list[Finding]:
    """What differs between the witnesses of the last `span_ms`; what cannot be said without Asterisk is said so."""
    differences, told_by, unsure = _look(store, settings, span_ms)
    if differences:
        time.sleep(LOOK_AGAIN_S)
        before = {(one.kind, attempt) for one in differences for attempt in one.attempts}
        differences, told_by, unsure = _look(store, settings, span_ms)
        differences = [kept for one in differences if (kept := _kept(one, before))]
    found = [
        Finding(one.kind.value, Weight.WRONG, f"{one.count}: {one.explanation}", one.what_was_done, one.attempts)
        for one in differences
    ]
    found += _called_too_often(store, span_ms)
    if unsure:
        says = f"{unsure} calls are open in the books; without Asterisk it cannot be said whether they are on the line"
        found.append(note("open-calls", says, "`ivr up`: the controller finds out what became of them"))
    return found or [ok("witnesses", f"books, {told_by} tell the same of the last {span_ms / 3_600_000:g} h")]


def _called_too_often(store: Store, span_ms: int) -> list[Finding]:
    attempts = store.audit.called_too_often(first_id_of(now_ms() - span_ms))
    if not attempts:
        return []
    says = f"{len(attempts)}: people were called more often than their campaign's retry policy allows"
    do = "nothing: pause the campaign, and report it with these ids: this must not happen"
    return [Finding("called-too-often", Weight.WRONG, says, do, tuple(attempts))]


def _kept(difference: Difference, before: set[tuple[Kind, str]]) -> Difference | None:
    attempts = tuple(attempt for attempt in difference.attempts if (difference.kind, attempt) in before)
    return Difference(difference.kind, attempts, difference.explanation, difference.what_was_done) if attempts else None


def _look(store: Store, settings: Settings, span_ms: int) -> tuple[list[Difference], str, int]:
    """Differences, who told, and how many open calls cannot be judged. The books are read last, the clock first."""
    at_ms = now_ms()
    channels = _channels(settings)
    records = cdr.read(settings).items()
    answered = {a: one.answered for a, one in records if is_attempt_id(a) and one.ended_at_ms >= at_ms - span_ms}
    first = first_id_of(at_ms - span_ms - LONGEST_CALL_MS)
    kept = _in_outboxes(settings, store.audit.booked(settings.pbx.name, first))
    seen = {*(channels or ()), *answered}
    booked = store.audit.booked(settings.pbx.name, first)
    books = {a: one for a, (pbx, one) in booked.items() if pbx == settings.pbx.name or a in seen}
    if channels is not None:
        found = examine(Evidence(books, channels, answered, kept), at_ms)
        return found, "channels, CDR and outboxes", 0
    unsure = {attempt for attempt, one in books.items() if one.state in UNSURE}
    sure = {attempt: one for attempt, one in books.items() if attempt not in unsure}
    told = {attempt: one for attempt, one in answered.items() if attempt not in unsure}
    return examine(Evidence(sure, (), told, kept), at_ms), "CDR and outboxes", len(unsure)


def _channels(settings: Settings) -> set[str] | None:
    try:
        return {channel for channel in instance.uniqueids(settings) if is_attempt_id(channel)}
    except (NotReady, ProgramMissing):
        return None


def _in_outboxes(settings: Settings, booked: Mapping[str, tuple[str, Booked]]) -> set[str]:
    """Of the answered calls without a listen, those whose listen is in an outbox of this machine."""
    answered = {a for a, (_, one) in booked.items() if one.outcome is Outcome.ANSWERED and not one.has_listen}
    found = outbox.find(settings.var_dir / "outbox", answered)
    return {result["attempt"] for result in found if result.get("kind") == "listen"}
