"""Legal holds: what must be kept, whatever is due and whoever asks, until somebody releases it or its day comes."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from ivr.adapters.store import Store
from ivr.errors import BadSetting, NotFound, Refused
from ivr.rules import numbers
from ivr.rules.lifetimes import EVERYTHING, HELD_KINDS, RELEASED, SET, Hold
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.retaining import in_force
from ivr.usecases.who import login_name

LONGEST_WHY = 500


def hold(store: Store, settings: Settings, object_: str, why: str, until: str = "") -> Hold:
    """What is named is kept from now on. until: its last day, as 2027-12-31; "": until it is released.

    object_: `campaign:NAME`, `batch:NAME`, `message:NAME`, `number:+33…` (kept as a keyed hash) or everything.
    """
    if not why.strip() or not why.isprintable() or len(why) > LONGEST_WHY:
        raise Refused(f"say why it must be kept: a dispute, a letter, a law; one line of at most {LONGEST_WHY}")
    said = {"object": _object(store, settings, object_), "why": why, "until_ms": _end_ms(until)}
    id_ = secrets.token_hex(4)
    store.journal.add(SET, f"hold:{id_}", login_name(), now_ms(), **said)
    return next(one for one in in_force(store, now_ms()).all if one.id == id_)


def release(store: Store, id_: str, why: str) -> None:
    """The hold is no more; what is due is deleted at the next run."""
    if not why.strip():
        raise Refused("say why it need not be kept any more")
    if id_ not in {one.id for one in in_force(store, now_ms()).all}:
        raise NotFound(f"there is no hold {id_[:20]!r} in force; `ivr retention holds` shows those there are")
    store.journal.add(RELEASED, f"hold:{id_}", login_name(), now_ms(), why=why)


def on_person(store: Store, e164: str) -> str:
    """Why what is kept of that number must be kept, "" when it need not be."""
    return store.deletions.why_held(e164, in_force(store, now_ms()))


def _object(store: Store, settings: Settings, text: str) -> str:
    """As it is kept; NotFound when there is no such thing."""
    kind, _, name = text.partition(":")
    if text == EVERYTHING:
        return text
    if kind not in HELD_KINDS or not name:
        raise Refused(f"what is held is {EVERYTHING}, or {', '.join(f'{one}:NAME' for one in HELD_KINDS)}")
    if kind == "number":
        return f"number:{store.suppressions.fingerprint(numbers.parse(name, settings.calls.country).e164)}"
    if kind == "campaign":
        return f"campaign:{store.campaigns.named(name).name}"
    if kind == "message":
        return f"message:{store.messages.named(name).name}"
    if name not in {batch.name for batch in store.contacts.batches()}:
        raise NotFound(f"there is no batch of contacts named {name!r}; `ivr contacts list` shows those there are")
    return text


def _end_ms(until: str) -> int | None:
    """The end of that day; None without one."""
    if not until:
        return None
    try:
        day = datetime.strptime(until, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadSetting(f"{until[:40]!r} is no day: write it as 2027-12-31") from None
    return int((day + timedelta(days=1)).timestamp() * 1000)
