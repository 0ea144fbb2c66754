"""Halting: the kill switch of the whole installation, in force in the database until somebody takes it back."""

from __future__ import annotations

from ivr.adapters.store import Store
from ivr.adapters.store.engine import is_there
from ivr.errors import Refused
from ivr.rules.records import Halt
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.who import login_name

LONGEST_REASON = 500


def halt(store: Store, reason: str = "", now: bool = False) -> tuple[Halt, bool]:
    """No call leaves any PBX any more, whatever is queued, until `unhalt`; people on the line hear the message out.

    now: their calls are ended at once, with the notice. Returns the halt in force and whether it is this one: an
    earlier one stands. Claims are given back.
    """
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Refused(f"a reason is at most {LONGEST_REASON} printable characters on one line")
    ours = Halt(now_ms(), login_name(), reason)
    in_force = store.halts.begin(ours)
    if now:
        store.halts.release_calls(now_ms())
    store.attempts.release_claimed(None, now_ms() + 1)
    return in_force, in_force is ours


def unhalt(store: Store) -> Halt | None:
    """Running campaigns go on, each within its rules. Returns the halt that was in force, None if there was none."""
    return store.halts.end(login_name(), now_ms())


def current(settings: Settings) -> Halt | None:
    """The halt in force; None too when there is no database yet, or one whose tables are not of this version."""
    if not is_there(settings.database_url):
        return None
    store = Store(settings)
    try:
        return store.halts.in_force() if store.database.is_current() else None
    finally:
        store.close()
