"""What people asked and nobody has answered yet: told before the law's month is over, and after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ivr.adapters.store import Store
from ivr.rules.findings import Finding, note, ok, wrong
from ivr.rules.rights import ALERT_DAYS, DUE_DAYS, Case, Clock
from ivr.usecases.rights import all_cases

SHOWN = 5


def examine(store: Store) -> Iterator[Finding]:
    """Whether a request is late, or must be answered within ten days; the oldest are named."""
    waiting = [(case, clock) for case, clock in all_cases(store, open_only=True) if case.counts]
    late = [case for case, clock in waiting if clock is Clock.LATE]
    soon = [case for case, clock in waiting if clock is Clock.SOON]
    do = "answer, then `ivr rights close CASE --result …`; `ivr rights list` shows them all"
    if late:
        yield wrong("requests", f"not answered within {DUE_DAYS} days: {_named(late)}", do)
    if soon:
        yield note("requests", f"not answered since {ALERT_DAYS} days or more: {_named(soon)}", do)
    if not late and not soon:
        yield ok("requests", f"none is late; {len(waiting)} wait for an answer")


def _named(cases: list[Case]) -> str:
    """How many, and the oldest: which case, what is asked, and by when."""
    shown = [f"{case.id} ({case.right.value}, due {_day(case.due_at_ms)})" for case in cases[:SHOWN]]
    more = [f"{len(cases) - SHOWN} more"] if len(cases) > SHOWN else []
    return f"{len(cases)}: {', '.join(shown + more)}"


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, tz=UTC):%Y-%m-%d}"
